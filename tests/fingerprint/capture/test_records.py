import io
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import build
from rackprint.fingerprint.capture import packets_kernel
from rackprint.fingerprint.capture.records import Record, is_capture, read_records
from rackprint.fingerprint.model import Problem


def read(data):
    found = list(read_records(io.BytesIO(data)))
    return [f for f in found if isinstance(f, Record)], [f for f in found if isinstance(f, Problem)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcap_records_come_with_offset_time_and_link(order):
    records, problems = read(build.pcap(b"abc", b"defgh", order=order))
    assert not problems
    assert records == [
        Record(24, 1_700_000_000_250_000_000, 1, b"abc"),
        Record(43, 1_700_000_001_250_000_000, 1, b"defgh"),
    ]


def test_nanosecond_and_patched_pcap_are_read():
    nano = b"\x4d\x3c\xb2\xa1" + build.pcap(b"abc")[4:]
    assert read(nano)[0][0].time_ns == 1_700_000_000_000_250_000
    patched = b"\x34\xcd\xb2\xa1" + build.pcap()[4:] + struct.pack("<IIII", 1, 0, 3, 3) + bytes(8) + b"abc"
    assert read(patched)[0][0].data == b"abc"


@pytest.mark.parametrize(
    ("data", "where", "why"),
    [
        (b"", 0, "empty"),
        (b"PK\x03\x04", 0, "50 4b"),
        (build.pcap()[:20], 4, "cut off"),
        (build.pcap() + bytes(5), 24, "cut off"),
        (build.pcap(b"abc")[:-1], 24, "ends after 2"),
        (build.pcap(b"abc") + bytes(4096), 43, "all zeros: the file was not written to its end"),
        (build.section() + bytes(4096), 28, "claims 0"),
        (build.pcap() + struct.pack("<IIII", 0, 0, 2 << 30, 2 << 30) + b"x", 24, "claims 2147483648 bytes"),
        (b"\x0a\x0d\x0d\x0a" + bytes(20), 0, "byte-order"),
        (build.section() + b"\x06\0\0\0\x20", 28, "cut off"),
        (build.section() + struct.pack("<II", 6, 13) + bytes(8), 28, "claims 13"),
        (build.section() + struct.pack("<II", 6, 4) + bytes(8), 28, "claims 4"),
        (build.section() + struct.pack("<II", 6, 2 << 30) + bytes(8), 28, "claims 2147483648"),
        (build.section() + struct.pack("<II", 99, 2 << 30) + bytes(8), 28, "ends after 16"),
        (build.section() + build.block(1, b""), 28, "too short"),
        (build.section() + build.block(6, b"abc"), 28, "too short"),
        (build.section() + build.enhanced(b"abcd"), 28, "names interface 0"),
        (build.section() + build.interface() + build.enhanced(b"abcd", claim=999), 48, "its block holds 4"),
        (build.section()[:-4] + b"\x01\0\0\0", 0, "lengths differ"),
    ],
)
def test_what_cannot_be_read_is_one_problem_at_its_byte(data, where, why):
    _, problems = read(data)
    assert [p.position.offset for p in problems] == [where]
    assert why in problems[0].reason
    assert problems[0].remedy


def test_what_came_before_a_2_gib_claim_is_kept():
    records, problems = read(build.pcap(b"abc") + struct.pack("<IIII", 0, 0, 2 << 30, 2 << 30) + b"x" * 100)
    assert [r.data for r in records] == [b"abc"]
    assert [p.position.offset for p in problems] == [43]


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_blocks_of_each_kind_are_read(order):
    old = block_old(b"oldone", order)
    simple = build.block(3, struct.pack(order + "I", 9) + b"simple!", order)
    data = build.section(order) + build.interface(order=order, snaplen=6) + build.block(5, b"statistics", order)
    records, problems = read(data + build.enhanced(b"new", 5_000_000, order=order) + old + simple)
    assert not problems
    assert [(r.time_ns, r.data) for r in records] == [
        (5_000_000_000, b"new"),
        (7_000, b"oldone"),
        (7_000, b"simple"),
    ]


def block_old(frame, order):
    return build.block(2, struct.pack(order + "HHIIII", 0, 0, 0, 7, len(frame), len(frame)) + frame, order)


@pytest.mark.parametrize(
    ("options", "ticks", "nanoseconds"),
    [
        (b"\x09\0\x01\0\x09\0\0\0", 77, 77),
        (b"\x09\0\x01\0\x8a\0\0\0", 1024, 1_000_000_000),
        (b"\x0e\0\x08\0" + (100).to_bytes(8, "little") + b"\0\0\0\0", 1, 100_000_001_000),
        (b"\x01\0\x01\0x\0\0\0\0\0\0\0", 1, 1000),
        (b"\x0e\0\x09\0" + (100).to_bytes(8, "little"), 1, 1000),  # it claims more than there is
    ],
)
def test_interface_options_set_the_clock(options, ticks, nanoseconds):
    records, _ = read(build.section() + build.interface(options) + build.enhanced(b"abcd", ticks))
    assert records[0].time_ns == nanoseconds
    probe = build.section() + build.interface(options, link=105) + build.enhanced(build.probe(b""), ticks)
    assert [frame.time_ns for frame in packets_kernel.read_packets(io.BytesIO(probe))] == [nanoseconds]


def test_a_new_section_forgets_the_interfaces_of_the_last():
    data = build.section() + build.interface() + build.enhanced(b"abcd")
    records, problems = read(data + build.section(">") + build.enhanced(b"abcd", order=">"))
    assert len(records) == 1
    assert "names interface 0" in problems[0].reason


def test_content_decides_what_is_a_capture():
    assert is_capture(build.pcap())
    assert is_capture(build.section())
    assert not is_capture(b"\x0a\x0d\x0d\x0a but text")
    assert not is_capture(b"")


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_make_the_reader_raise(data, ng):
    list(read_records(io.BytesIO((build.section() + build.interface() if ng else build.pcap()) + data)))
