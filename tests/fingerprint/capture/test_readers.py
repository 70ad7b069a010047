"""The kernel's reader against its twin, scapy's: the same events and complaints on real and made files."""

import io
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from corpus import corpus

import build
from rackprint.fingerprint.capture import packets_kernel, packets_scapy
from rackprint.fingerprint.capture.events import read_events
from rackprint.fingerprint.model import Problem

CAPTURES = sorted(p.name for p in corpus("captures").glob("*.pcap*"))


def both(data):
    return [
        list(read_events(io.BytesIO(data), reader)) for reader in (packets_kernel.read_packets, packets_scapy.read_packets)
    ]


def only_events(found):
    return [f for f in found if not isinstance(f, Problem)]


@pytest.mark.parametrize("name", CAPTURES)
def test_events_of_every_corpus_capture_are_those_of_the_twin(name):
    kernel, twin = both(corpus(f"captures/{name}").read_bytes())
    assert only_events(kernel) == only_events(twin)
