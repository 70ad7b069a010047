"""Whose counter a randomised request carries on."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import build
from rackprint.fingerprint.capture import sequences
from rackprint.fingerprint.capture.probes import parse_probe
from rackprint.fingerprint.capture.sequences import Sequences

A, B, C = "da:a1:19:00:00:0a", "da:a1:19:00:00:0b", "da:a1:19:00:00:0c"
SECOND = 10**9


def probe(mac, sequence, elements=build.element(0) + build.element(1, b"\2")):
    return parse_probe(build.probe(elements, mac, sequence))


def test_a_new_address_that_counts_on_follows_the_one_before():
    heard = Sequences()
    assert heard.follows(probe(A, 4094), 0) == ""
    assert heard.follows(probe(B, 3), SECOND) == A
    assert heard.follows(probe(B, 4), SECOND) == ""  # known by now


def test_nothing_is_said_of_another_driver_a_gap_a_pause_a_global_address_or_two_that_fit():
    for mac, number, when, elements in (
        (B, 11, SECOND, build.element(0)),
        (B, 100, SECOND, build.element(0) + build.element(1, b"\2")),
        (B, 11, 60 * SECOND, build.element(0) + build.element(1, b"\2")),
        (build.MAC, 11, SECOND, build.element(0) + build.element(1, b"\2")),
    ):
        heard = Sequences()
        heard.follows(probe(A, 10), 0)
        assert heard.follows(probe(mac, number, elements), when) == ""
    heard = Sequences()
    heard.follows(probe(A, 10), 0)
    heard.follows(probe(C, 500), 0)
    heard.follows(probe(C, 12), 0)
    assert heard.follows(probe(B, 13), SECOND) == ""


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(sequences, "DRIVERS", 2)
    monkeypatch.setattr(sequences, "SENDERS", 3)
    heard = Sequences()
    for n in range(10):
        heard.follows(probe(f"da:a1:19:00:00:{n:02x}", n, build.element(n % 5)), 0)
        heard.follows(probe(f"da:a1:19:00:01:{n:02x}", 0, build.element(9)), 0)
    assert len(heard._last) == 2
    assert max(map(len, heard._last.values())) == 3
