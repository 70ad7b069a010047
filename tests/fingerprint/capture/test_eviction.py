"""What the kernel's flow table lets go to stay within its limits, beside its twin's.

Both drop the flow longest without a payload first: when there are more flows than may be, when payload waiting to be
read takes more than ``total`` bytes, or more segments wait than WAITING. So both hold the same at every packet, and
give the same hellos. They differ elsewhere: the kernel samples timestamps in a table of four to a set where the twin's
is one queue, and joins IP fragments, which the twin does not.
"""

import io
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import build
from rackprint.ext.walk import TLS_FAULTS, Walk
from rackprint.fingerprint.capture import packets_kernel, packets_scapy, reassembly
from rackprint.fingerprint.capture.events import events
from rackprint.fingerprint.capture.hello import Hello
from rackprint.fingerprint.capture.packets import ACK, SYN, Frame, Picked, Stamps
from rackprint.fingerprint.capture.reassembly import FLOW_BYTES, WAITING, Streams
from rackprint.fingerprint.capture.records import Record
from rackprint.fingerprint.capture.tls import TlsError
from rackprint.fingerprint.model import Problem

BODY = build.hello(build.server_name(b"evicted.example") + build.extension(21, bytes(300)))
STREAM = build.records(BODY, 150)
SIZE = len(STREAM)


class Kernel:
    """The walk, packet by packet; ``holds`` and ``add`` as of Streams."""

    def __init__(self, **limits):
        self._walk = Walk(Picked, Hello, Frame, Stamps, Record, blocks=False, link=101, **limits)

    def add(self, *packets):
        frames = [build.ip4(build.tcp(p.payload, p.seq, p.flags, p.sport), 6) for p in packets]
        self._walk.feed(b"".join(struct.pack("<IIII", 1, 0, len(f), len(f)) + f for f in frames))
        found = []
        while taken := self._walk.take():
            found += [item for item in taken if isinstance(item, Hello | tuple)]
        return [item.body if isinstance(item, Hello) else item[0] >= TLS_FAULTS for item in found]

    @property
    def held(self):
        return self._walk.held

    @property
    def unfinished(self):
        return self._walk.counts[3]


class Twin(Streams):
    def add(self, *packets):
        found = []
        for packet in packets:
            self.opens(packet)
            try:
                found += [hello.body for hello in super().add(packet)]
            except TlsError:
                found.append(True)
        return found


BOTH = pytest.mark.parametrize("table", [Kernel, Twin])
PACKETS = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(["open", "head", "rest", "whole", "late", "early", "junk", "broken"]),
        st.integers(1, SIZE - 1),
    ),
    max_size=60,
)


def packet(flow, kind, cut):
    sport = 40_000 + flow
    start = 1000 * flow
    made = {
        "open": (b"", start, SYN),
        "head": (STREAM[:cut], start + 1, ACK),
        "rest": (STREAM[cut:], start + 1 + cut, ACK),
        "whole": (STREAM, start + 1, ACK),
        "late": (STREAM[cut : cut + 20], start + 1 + cut, ACK),
        "early": (STREAM, start, SYN),
        "junk": (b"x" * cut, start + 5 * cut, ACK),
        "broken": (b"\x16\x03\x01\0\1\1\x17\x03\x03\0\0", start + 1, ACK),
    }
    payload, seq, flags = made[kind]
    return build.segment(payload, seq, flags, sport)


@pytest.mark.parametrize("first", [b"", b"\3\3" + bytes(8), b"\3\3" + bytes(31)])
def test_a_hello_that_is_cut_off_before_its_random_is_nobodys_first(first):
    for second in (first, build.hello()):
        one, other = build.records(first), build.records(second)
        frames = [build.tcp(b"", 0, SYN), build.tcp(one, 1), build.tcp(other, 1 + len(one))]
        capture = build.pcap(*(build.ip4(frame, 6) for frame in frames), link=101)
        for read in (packets_kernel.read_packets, packets_scapy.read_packets):
            found = [event for event in events(read(io.BytesIO(capture))) if not isinstance(event, Problem)]
            assert [event.get("retry") for event in found if event["kind"] == "tls_client_hello"] == (
                [None] if second == build.hello() else []
            )
    again = Streams()
    again.opens(build.segment(b"", 0, SYN))
    assert [h.retry for h in again.add(build.segment(build.records(first) * 2, 1))] == [False, False]


@settings(deadline=None, max_examples=200)
@given(PACKETS, st.integers(1, 6), st.sampled_from([100, 700, 2000, 1 << 20]))
def test_kernel_and_twin_hold_find_and_let_go_the_same(parts, flows, total):
    kernel, twin = Kernel(flows=flows, total=total), Twin(flows=flows, total=total)
    for part in parts:
        assert kernel.add(packet(*part)) == twin.add(packet(*part))
        assert kernel.held == twin.held <= total
        assert kernel.unfinished == twin.unfinished
        assert len(twin._flows) <= flows


@BOTH
def test_more_flows_than_may_be_push_out_the_longest_unseen_and_are_counted(table):
    flows = table(flows=10)
    for number in range(30):
        flows.add(packet(number, "open", 0), packet(number, "head", 200))
        assert flows.held == 200 * min(number + 1, 10)
    assert flows.unfinished == 20
    flows.add(packet(20, "late", 300))  # seen again, so that 21 is the longest unseen
    flows.add(packet(30, "open", 0))
    assert flows.unfinished == 21
    assert flows.add(packet(20, "rest", 200)) == [BODY]
    assert flows.add(packet(21, "rest", 200)) == []


@BOTH
def test_flows_that_hold_nothing_are_let_go_without_a_word(table):
    flows = table(flows=3)
    for number in range(9):
        flows.add(packet(number, "open", 0))
    flows.add(packet(8, "open", 0), packet(8, "whole", 1))
    assert (flows.unfinished, flows.held) == (0, 0)


@BOTH
def test_more_bytes_than_may_be_push_out_the_longest_unseen_and_are_counted(table):
    flows = table(total=1000)
    for number in range(20):
        flows.add(packet(number, "open", 0), packet(number, "head", 300))
        assert flows.held <= 1000
    assert flows.unfinished == 17
    assert [flows.add(packet(n, "rest", 300)) for n in (19, 18, 17, 16)] == [[BODY], [BODY], [BODY], []]


@BOTH
def test_one_flow_past_the_limit_is_let_go_itself(table):
    flows = table(total=100)
    assert flows.add(packet(1, "open", 0), packet(1, "head", 200)) == []
    assert (flows.held, flows.unfinished) == (0, 1)
    assert flows.add(packet(1, "rest", 200)) == []


@BOTH
def test_a_single_flow_holds_its_own_limit_at_most(table):
    flows = table()
    flows.add(packet(1, "open", 0))
    flows.add(*(build.segment(bytes(1400), 1100 + n * 1400, sport=40_001) for n in range(250)))
    assert 0 < flows.held <= 2 * FLOW_BYTES


@BOTH
def test_segments_of_a_byte_are_bounded_by_their_number(table, monkeypatch):
    """Each takes as much memory as one of a hundred, and 16 MiB of them a gigabyte."""
    monkeypatch.setattr(reassembly, "WAITING", most := WAITING if table is Kernel else 1000)
    flows, each = table(), 256
    for number in range(2 * most // each):
        start, sport = 1000 * number, 1000 + number
        gaps = (build.segment(b"x", start + 3 + 2 * n, sport=sport) for n in range(each))
        flows.add(build.segment(b"", start, SYN, sport), *gaps)
        assert flows.held <= most
    assert flows.held > most - each
    assert flows.unfinished >= most // each - 1
