import random
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import build
from rackprint.fingerprint.capture.packets import ACK, SYN
from rackprint.fingerprint.capture.reassembly import FLOW_BYTES, Streams
from rackprint.fingerprint.capture.tls import TlsError

BODY = build.hello(build.server_name(b"pieces.example") + build.extension(21, bytes(900)))
STREAM = build.records(BODY, 400)


def run(packets, streams=None):
    streams = streams or Streams()
    found = []
    for packet in packets:
        streams.opens(packet)
        found += streams.add(packet)
    return found


@given(st.integers(0, 2**32 - 1), st.integers(1, 700), st.integers(0, 2**32))
def test_segments_in_any_order_and_twice_give_the_hello_once(isn, size, seed):
    pieces = [build.segment(STREAM[i : i + size], isn + 1 + i, offset=i + 1) for i in range(0, len(STREAM), size)]
    if len(pieces) > 250:
        pieces = [build.segment(STREAM[i : i + 50], isn + 1 + i, offset=i + 1) for i in range(0, len(STREAM), 50)]
    doubled = pieces + pieces[::2]
    random.Random(seed).shuffle(doubled)
    found = run([build.segment(b"", isn, SYN), *doubled])
    assert [h.body for h in found] == [BODY]
    assert found[0].packet.offset == 1  # evidence points to where the hello begins


def test_overlapping_segments_keep_the_bytes_that_came_first():
    first, again = build.segment(STREAM[:300], 1), build.segment(STREAM[200:], 201)
    assert run([build.segment(b"", 0, SYN), first, again])[0].body == BODY


def test_data_on_the_syn_and_a_capture_that_began_in_mid_flow_are_read():
    assert run([build.segment(STREAM, 7, SYN)])[0].body == BODY
    assert run([build.segment(STREAM[:600], 7), build.segment(STREAM[600:], 607)])[0].body == BODY


def test_without_a_syn_a_late_first_segment_still_finds_its_place():
    assert run([build.segment(STREAM[600:], 607), build.segment(STREAM[:600], 7)])[0].body == BODY


def test_a_hello_after_a_proxy_dialogue_is_found():
    connect = b"CONNECT pieces.example:443 HTTP/1.1\r\n\r\n"
    packets = [build.segment(b"", 0, SYN), build.segment(connect, 1), build.segment(STREAM, 1 + len(connect))]
    assert run(packets)[0].body == BODY


def test_a_port_used_again_gives_a_second_hello_and_a_repeated_syn_is_no_new_flow():
    streams = Streams()
    assert streams.opens(build.segment(b"", 0, SYN))
    assert not streams.opens(build.segment(b"", 0, SYN))
    assert not streams.opens(build.segment(b"", 0, SYN | ACK))
    flow = [build.segment(b"", 0, SYN), build.segment(STREAM, 1), build.segment(STREAM, 1)]
    later = [build.segment(b"", 5000, SYN), build.segment(STREAM, 5001)]
    assert len(run(flow + later)) == 2


def test_a_flow_that_goes_on_without_a_hello_holds_nothing():
    streams = Streams()
    assert run([build.segment(b"x" * 1000, 1 + 1000 * i) for i in range(50)], streams) == []
    assert streams.held <= 4000


def test_a_hello_that_never_ends_is_refused_at_the_limit():
    stream = b"\x16\x03\x01\x40\x00\x01\x00\xff\xff" + bytes(16_380)
    stream += (b"\x16\x03\x01\x40\x00" + bytes(16_384)) * 3
    streams, raised = Streams(), []
    streams.opens(build.segment(b"", 0, SYN))
    for i in range(0, len(stream), 1400):
        try:
            streams.add(build.segment(stream[i : i + 1400], 1 + i))
        except TlsError as error:
            raised.append(str(error))
        assert streams.held <= 2 * FLOW_BYTES
    assert raised == [f"ClientHello is not whole after {FLOW_BYTES} bytes"]


def test_memory_of_all_flows_is_bounded_and_the_oldest_go_first():
    streams = Streams(flows=10, total=5000)
    for port in range(1000, 1030):
        run([build.segment(b"", 0, SYN, port), build.segment(STREAM[:700], 1, sport=port)], streams)
    assert streams.held <= 5000
    assert run([build.segment(STREAM[700:], 701, sport=1029)], streams)[0].body == BODY
    assert run([build.segment(STREAM[700:], 701, sport=1000)], streams) == []


def test_segments_behind_a_gap_are_held_up_to_the_limit_only():
    streams = Streams()
    run([build.segment(b"", 0, SYN)] + [build.segment(bytes(1400), 2 + i * 1400) for i in range(500)], streams)
    assert streams.held <= 2 * FLOW_BYTES


def test_a_stream_that_starts_like_tls_but_is_none_is_refused():
    with pytest.raises(TlsError):
        run([build.segment(b"", 0, SYN), build.segment(b"\x16\x03\x01\x00\x01\x01\x17\x03\x03\x00\x00", 1)])


AGAIN = build.hello(build.server_name(b"pieces.example") + build.extension(44, b"\0\1c"))
CHANGE = b"\x14\x03\x03\0\1\1"


def flow(stream, size=500, sport=40_000):
    """Segments after a SYN whose number is 0."""
    parts = [build.segment(stream[i : i + size], 1 + i, sport=sport, offset=i) for i in range(0, len(stream), size)]
    return [build.segment(b"", 0, SYN, sport=sport), *parts]


@pytest.mark.parametrize("between", [b"", CHANGE])
@pytest.mark.parametrize("size", [7, 50, 300, 5000])
def test_the_hello_after_a_hello_retry_request_is_found_and_marked(between, size):
    found = run(flow(STREAM + between + build.records(AGAIN), size))
    assert [(h.body, h.retry) for h in found] == [(BODY, False), (AGAIN, True)]


def test_a_second_hello_of_another_random_is_no_retry():
    other = AGAIN[:2] + b"\xee" * 32 + AGAIN[34:]
    assert [h.retry for h in run(flow(STREAM + build.records(other)))] == [False, False]


def test_a_second_hello_split_and_out_of_order_is_found_at_its_packet():
    second = CHANGE + build.records(AGAIN)
    start = 1 + len(STREAM)
    late = build.segment(second[50:], start + 50, offset=70)
    found = run([*flow(STREAM), late, build.segment(second[:50], start, offset=80)])
    assert [(h.body, h.packet.offset) for h in found][1:] == [(AGAIN, 80)]


@pytest.mark.parametrize(
    "rest",
    [
        CHANGE + b"\x17\x03\x03\0\x20" + bytes(32),
        b"\x16\x03\x03\0\x05\x10\0\0\1x",
        CHANGE + CHANGE,
        b"\x16\x03\x01\0\4\1\xff\xff\xff",
        b"GET /",
    ],
)
def test_a_handshake_that_goes_on_is_followed_no_further(rest):
    streams = Streams()
    packets = flow(STREAM + rest)
    assert len(run(packets, streams)) == 1
    end = 1 + len(STREAM + rest)
    assert run([build.segment(build.records(AGAIN), end)], streams) == []
    assert streams.held == 0


def test_a_second_hello_that_never_ends_is_followed_to_a_limit():
    streams = Streams()
    long = b"\x16\x03\x01\x40\x00\x01\x00\xff\x00" + bytes(16_380) + b"\x16\x03\x01\x40\x00" + bytes(16_384)
    assert len(run(flow(STREAM + long, 1400), streams)) == 1
    assert streams.held == 0
    gap = flow(STREAM, sport=5) + [build.segment(bytes(1400), 9000 + i * 1400, sport=5) for i in range(200)]
    run(gap, streams)
    assert streams.held <= 2 * FLOW_BYTES
