"""TCP timestamps out of packets."""

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import build
from rackprint.fingerprint.capture import stamps
from rackprint.fingerprint.capture.packets import RST, Packet, Stamps
from rackprint.fingerprint.capture.packets_scapy import read_packets
from rackprint.fingerprint.capture.stamps import BATCH, Sampler, tsval


@pytest.mark.parametrize(
    ("options", "value"),
    [
        (build.timestamps(77), 77),
        (b"\2\4\5\xb4\4\2\x08\x0a\0\0\0\x4d\0\0\0\0\1\3\3\x09", 77),
        (b"\x08\x0a\0\0\0\x4d\0\0", None),
        (build.timestamps(77)[:8], None),
        (b"\x08\x09\0\0\0\x4d\0\0\0\1\1\1", None),
        (b"\2\0\x08\x0a\0\0\0\x4d\0\0\0\0", None),
        (b"\0\0\x08\x0a\0\0\0\x4d\0\0\0\0", None),
        (b"", None),
    ],
)
def test_the_value_in_a_header(options, value):
    assert tsval(build.tcp(options=options + bytes(-len(options) % 4))) == value


def packet(seconds, value=5, dst="203.0.113.9", flags=16, offset=0):
    header = build.tcp(options=build.timestamps(value))
    return Packet(int(seconds * 1e9), offset, "10.0.0.5", dst, 6, 1, 2, b"", flags=flags, transport=header)


def gathered(packets):
    sampler = Sampler()
    return [batch for p in packets for batch in sampler.add(p)] + list(sampler.rest())


def test_one_sample_a_second_and_pair():
    (one, other) = gathered(
        [packet(10 + n / 10, n + 1, offset=100 + n) for n in range(25)] + [packet(11, dst="203.0.113.8")]
    )
    assert (list(one.time_ns), list(one.value)) == ([10 * 10**9, 11 * 10**9, 12 * 10**9], [1, 11, 21])
    assert (one.src, one.dst, list(one.offset)) == ("10.0.0.5", "203.0.113.9", [100, 110, 120])
    assert other.dst == "203.0.113.8"


def test_resets_zeros_and_times_past_all_calendars_are_no_samples():
    assert gathered([packet(1, flags=RST), packet(2, 0), packet(1 << 40)]) == []


def test_batches_and_pairs_are_bounded(monkeypatch):
    found = gathered([packet(n, n + 1) for n in range(BATCH + 3)])
    assert [len(batch.value) for batch in found] == [BATCH, 3]
    monkeypatch.setattr(stamps, "PAIRS", 2)
    sampler = Sampler()
    early = [b for n in range(5) for b in sampler.add(packet(n, dst=f"203.0.113.{n}"))]
    assert [b.dst for b in early] == ["203.0.113.0", "203.0.113.1", "203.0.113.2"]


def test_the_reader_gives_them():
    frame = build.ether(build.ip4(build.tcp(options=build.timestamps(9)), 6))
    found = list(read_packets(io.BytesIO(build.pcap(frame, frame))))
    (batch,) = [f for f in found if isinstance(f, Stamps)]
    assert (batch.src, list(batch.value), list(batch.offset)) == (build.PHONE, [9, 9], [24, 40 + len(frame)])
    late = build.section() + build.interface() + build.enhanced(frame, ticks=1 << 60)  # of microseconds
    assert not [f for f in read_packets(io.BytesIO(late)) if isinstance(f, Stamps)]


@given(st.binary(max_size=60))
def test_no_header_raises(data):
    for header in (data, build.tcp() + data):
        value = tsval(header)
        assert value is None or 0 <= value < 1 << 32
