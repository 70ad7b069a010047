"""The kernel's reader against its twin, scapy's: the same events and complaints on real, made and damaged files."""

import io
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from corpus import ROOT, corpus

import build
from rackprint.fingerprint.capture import packets_kernel, packets_scapy
from rackprint.fingerprint.capture.events import read_events
from rackprint.fingerprint.capture.packets import ACK, SYN, Frame, Packet, Stamps
from rackprint.fingerprint.model import Problem

CAPTURES = sorted(p.name for p in (ROOT / "captures").glob("*.pcap*"))
STREAM = build.records(build.hello(build.server_name(b"m1.example") + build.extension(21, bytes(700))), 300)
# What each reader says in words of its own: which packets do not parse, and fragments, which the twin does not join.
OWN_WORDS = ("does not parse", "breaks its own lengths", "lack fragments")


def both(data):
    return [
        [f for f in read_events(io.BytesIO(data), reader) if not any(w in str(f) for w in OWN_WORDS)]
        for reader in (packets_kernel.read_packets, packets_scapy.read_packets)
    ]


def kernel(data):
    return list(packets_kernel.read_packets(io.BytesIO(data)))


def events(data):
    return [e for e in read_events(io.BytesIO(data)) if not isinstance(e, Problem)]


@pytest.mark.parametrize("name", CAPTURES or ["absent"])
def test_events_of_every_corpus_capture_are_those_of_the_twin(name):
    found, twin = both(corpus(f"captures/{name}").read_bytes())
    assert found == twin


@pytest.mark.parametrize("name", CAPTURES or ["absent"])
def test_a_file_that_is_walked_ahead_gives_what_its_bytes_give(name):
    path = corpus(f"captures/{name}")
    with path.open("rb") as stream:
        assert list(packets_kernel.read_packets(stream)) == kernel(path.read_bytes())


def test_a_reader_that_stops_early_ends_the_walk_ahead(tmp_path):
    path = tmp_path / "long.pcap"
    path.write_bytes(build.pcap(*[build.ether(build.ip4(build.udp(bytes(60_000), 53, 53), 17))] * 300))
    with path.open("rb") as stream:
        assert isinstance(next(iter(packets_kernel.read_packets(stream))), Packet)
    assert not [thread for thread in threading.enumerate() if "make" in thread.name]


@pytest.mark.parametrize("seed", range(4))
def test_damaged_captures_give_the_events_of_the_twin(seed):
    rng = random.Random(seed)
    for name in rng.sample(CAPTURES, min(len(CAPTURES), 12)):
        data = bytearray(corpus(f"captures/{name}").read_bytes()[:30_000])
        for _ in range(rng.randint(1, 30)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        found, twin = both(bytes(data[: rng.randint(len(data) // 2, len(data))]))
        assert found == twin


@given(
    st.lists(
        st.tuples(st.integers(0, 1200), st.integers(1, 400), st.sampled_from([ACK, SYN, SYN | ACK]), st.booleans()),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(
        [STREAM, STREAM + b"\x14\x03\x03\0\1\1" + STREAM, b"GET / HTTP/1.1\r\n" + STREAM, STREAM[:400] + b"x" * 900]
    ),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_segments_of_any_kind_and_order_give_what_the_twin_finds(parts, stream, isn):
    frames = [
        build.ether(
            build.ip4(
                build.tcp(stream[at : at + size], seq=(isn + 1 + at) & 0xFFFFFFFF, flags=flags, sport=40_000 + other), 6
            )
        )
        for at, size, flags, other in parts
    ]
    frames += [build.ether(build.ip4(build.tcp(stream, seq=(isn + 1) & 0xFFFFFFFF), 6))]
    found, twin = both(build.pcap(*frames))
    assert found == twin


class Dribble(io.RawIOBase):
    """A pipe that gives a few bytes at a time and cannot seek."""

    def __init__(self, data, sizes):
        self._data, self._sizes = io.BytesIO(data), sizes

    def read(self, size=-1):
        return self._data.read(min(size, self._sizes.pop() if self._sizes else size))


@given(
    st.lists(st.integers(1, 700), max_size=200),
    st.sampled_from(["zeek__pcapng-multi-interface.pcapng", "foxio__ipv6.pcapng"]),
)
@settings(deadline=None, max_examples=30)
def test_the_pieces_a_pipe_gives_change_nothing(sizes, name):
    data = corpus(f"captures/{name}").read_bytes()
    assert list(packets_kernel.read_packets(Dribble(data, sizes))) == kernel(data)


def ip4(payload, number, at, more, proto=17):
    packet = bytearray(build.ip4(payload, proto))
    packet[4:8] = number.to_bytes(2) + ((at // 8) | (0x2000 if more else 0)).to_bytes(2)
    return build.ether(bytes(packet))


def test_fragments_in_any_order_twice_and_overlapping_are_joined():
    whole = build.udp(build.dns([b"a.example", b"b.example"]), 5000, 53)
    pieces = [(0, 16), (16, 32), (8, 24), (32, len(whole)), (0, 16)]
    for order in ([0, 1, 3], [3, 1, 0], [2, 3, 0, 1], [4, 0, 3, 1]):
        frames = [ip4(whole[a:b], 7, a, b < len(whole)) for a, b in (pieces[i] for i in order)]
        found = events(build.pcap(*frames))
        assert [e["name"] for e in found] == ["a.example", "b.example"]
        first = next(i for i, piece in enumerate(order) if not pieces[piece][0])
        assert found[0]["offset"] == 24 + sum(16 + len(f) for f in frames[:first])


def test_ipv6_fragments_behind_other_headers_are_joined():
    whole = build.udp(build.dns([b"six.example"]), 5000, 53)

    def piece(a, b):
        options = bytes([44, 0, 1, 4, 0, 0, 0, 0])
        fragment = bytes([17, 0]) + (a | (b < len(whole))).to_bytes(2) + b"\0\0\0\x09"
        body = options + fragment + whole[a:b]
        return build.ether(
            b"\x60\0\0\0" + len(body).to_bytes(2) + b"\0\x40" + bytes(15) + b"\1" + bytes(15) + b"\2" + body,
            kind=0x86DD,
        )

    found = events(build.pcap(piece(24, len(whole)), piece(0, 24)))
    assert [(e["name"], e["src"]) for e in found] == [("six.example", "::1")]


def test_fragments_that_never_end_are_bounded_and_their_first_parts_read():
    whole = build.udp(build.dns([b"a.example", b"b.example"]), 5000, 53)
    frames = [ip4(whole[:40], n, 0, True) for n in range(400)]
    found = list(read_events(io.BytesIO(build.pcap(*frames))))
    names = [e["name"] for e in found if not isinstance(e, Problem)]
    assert names == ["a.example"] * 400
    assert any("400 IP datagrams lack fragments" in str(p) for p in found if isinstance(p, Problem))


INNER = build.ip4(build.tcp(STREAM), 6)
RADIO = b"\0\0\x0a\0\x02\0\0\0\x10\0"  # flags: a check sequence follows
WIFI = b"\x08\1\0\0\2\0\0\0\0\1\x3c\x5a\xb4\1\2\3\2\0\0\0\0\2\0\0"
SNAP = b"\xaa\xaa\3\0\0\0\x08\0"


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, build.ether(b"\0\5\x81\0\0\6\x08\0" + INNER, kind=0x88A8)),
        (1, build.ether(b"\0\0\0\0\x08\0" + INNER, kind=0x8926)),
        (1, build.ether(b"\x11\0\0\1" + (2 + len(INNER)).to_bytes(2) + b"\0\x21" + INNER, kind=0x8864)),
        (1, build.ether(b"\0\0\x11\x40" + INNER, kind=0x8847)),
        (1, build.ether(b"\0\0\x10\x40\0\0\x11\x40" + INNER, kind=0x8847)),
        (1, build.ether(SNAP + INNER, kind=len(SNAP + INNER))),
        (1, build.ether(build.ip4(INNER, 4))),
        (1, build.ether(build.ip4(b"\x20\0\x08\0\0\0\0\1" + INNER, 47))),
        (1, build.ether(build.ip4(b"\0\0\x65\x58" + build.ether(INNER), 47))),
        (1, build.ether(build.ip4(build.udp(b"\x08\0\0\0\0\0\1\0" + build.ether(INNER), 5000, 4789), 17))),
        (108, b"\0\0\0\2" + INNER),
        (228, INNER),
        (50, b"\xff\3\0\x21" + INNER),
        (9, b"\x21" + INNER),
        (127, RADIO + WIFI + SNAP + INNER + b"\1\2\3\4"),
        (105, b"\x88" + WIFI[1:] + b"\0\0" + SNAP + INNER),
        (192, b"\0\0\x08\0\1\0\0\0" + build.ether(INNER)),
    ],
)
def test_layers_are_taken_off(link, frame):
    found = events(build.pcap(frame, link=link))
    assert [(e["src"], e["sni"]) for e in found] == [(build.PHONE, "m1.example")]


def test_a_probe_request_is_a_frame_without_radiotap_and_check_sequence():
    probe = b"\x40\0\0\0" + b"\xff" * 6 + bytes.fromhex("3c5ab4010203") + b"\xff" * 6 + b"\x10\0" + b"\0\4RACK"
    assert kernel(build.pcap(RADIO + probe + b"\1\2\3\4", link=127)) == [Frame(1_700_000_000_250_000_000, 24, probe)]
    assert kernel(build.pcap(probe, link=105)) == [Frame(1_700_000_000_250_000_000, 24, probe)]
    assert kernel(build.pcap(b"\x80" + probe[1:], link=105)) == []


def test_timestamps_are_sampled_once_a_second_by_pair():
    def stamped(value, sport=1):
        return build.ether(build.ip4(build.tcp(sport=sport, options=b"\1\1\x08\x0a" + value.to_bytes(4) + bytes(4)), 6))

    data = build.pcap(*(stamped(v) for v in (100, 200, 300)))
    (found,) = kernel(data)
    assert isinstance(found, Stamps)
    assert (found.src, found.dst, list(found.value)) == (build.PHONE, build.SERVER, [100, 200, 300])
    assert list(found.offset) == [24, 106, 188]
    same = bytearray(build.pcap(stamped(1), stamped(2)))
    second = 24 + (len(same) - 24) // 2
    same[second : second + 4] = same[24:28]
    assert [list(s.value) for s in kernel(bytes(same))] == [[1]]


def test_an_address_with_a_mac_in_it_is_told_once_from_any_protocol():
    src = bytes.fromhex("fe80000000000000" + "3e5ab4fffe010203")
    ping = b"\x60\0\0\0\0\4\x3a\xff" + src + bytes(16) + b"\x87\0\0\0"
    found = kernel(build.pcap(*[build.ether(ping, kind=0x86DD)] * 3))
    assert [(p.src, p.payload, p.offset) for p in found if isinstance(p, Packet)] == [
        ("fe80::3e5a:b4ff:fe01:203", b"", 24)
    ]


def test_headers_that_end_too_soon_are_counted_into_one_problem():
    cut = build.ether(build.ip4(build.tcp(STREAM), 6))[:40]
    assert [str(p) for p in kernel(build.pcap(cut, cut))] == [
        "byte 24: packet is cut off or breaks its own lengths, 2 times, first here; those packets were left out"
    ]


def test_reading_events_loads_neither_pyarrow_nor_scapy(tmp_path):
    file = tmp_path / "one.pcap"
    file.write_bytes(build.pcap(build.ether(INNER)))
    code = (
        "import sys\nfrom rackprint.daemon.cli import main\n"
        "sys.argv = ['rackprint', 'events', sys.argv[1]]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('pyarrow', 'scapy', 'numpy') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=False)
    assert "m1.example" in done.stdout
    assert done.stderr == "[]\n"


def test_packets_there_was_no_memory_for_are_counted():
    class Poor:
        counts = (9, 0, 0, 0, 0, 5)  # as a walk has them

    (problem,) = packets_kernel._Reading(Poor())._lost()
    assert problem.reason == "memory ran out for 5 packets, which were left out"
