"""Fixture files, changed at random: no parser raises, every problem has a remedy, every observation can be stored."""

import random
from pathlib import Path

import msgspec
import pytest
from reading import read

from rackprint.fingerprint import ndjson
from rackprint.fingerprint.parsers import find

RACK = Path(__file__).resolve().parents[3] / "fixtures/rack"
KINDS = [
    "getprop.txt",
    "bugreport-*.zip",
    "iphonesubinfo.txt",
    "siminfo.txt",
    "settings_ssaid.xml",
    "*.ndjson",
    "*.pcap",
]
INPUTS = 400  # a kind
RUNS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\n\n\n\n")


def mutated(data: bytes, draw: random.Random) -> bytes:
    body = bytearray(data)
    for _ in range(draw.randrange(1, 12)):
        at = draw.randrange(len(body) + 1)
        match draw.randrange(5):
            case 0:
                body[at : at + 1] = bytes([draw.randrange(256)])
            case 1:
                body[at:at] = draw.randbytes(draw.randrange(1, 9))
            case 2:
                del body[at : at + draw.randrange(1, 200)]
            case 3 if draw.random() < 0.2:
                del body[at:]
            case _:
                body[at : at + 4] = draw.choice(RUNS)
    return bytes(body)


@pytest.mark.no_cover  # traced it costs twice as much, and others come to the same lines
@pytest.mark.parametrize("kind", KINDS)
def test_no_change_makes_a_parser_raise(kind):
    draw = random.Random(kind)
    name, data = next((p.name, p.read_bytes()) for p in sorted(RACK.rglob(kind)))
    data = data[:40_000] if kind.endswith(("ndjson", "pcap")) else data
    for _ in range(INPUTS):
        changed = mutated(data, draw)
        parser = find(changed[:65_536], name)
        if parser is None:
            continue
        observations, problems = read(parser, changed, name)
        assert all(p.reason and p.remedy for p in problems)
        for observation in observations:
            msgspec.msgpack.encode(observation)
            ndjson.line(observation, positions=True)
