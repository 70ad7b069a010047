"""The DNS kernel against its twin: it gives what the twin gives, or leaves the message to it."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext import names
from rackprint.fingerprint.capture.dns import TYPES, parse_dns, parse_plainly

NAME = st.sampled_from([b"\1a\3net\0", b"\0", b"\xc0\x0c", b"\1b\xc0\x0c", b"\2\xc3\xa9\0", b"\x3fx\0", b"\xc0\xff"])
DATA = st.one_of(st.binary(max_size=20), NAME, st.just(b"\1\2\3\4"), st.just(bytes(10) + b"\xff\xff\1\2\3\4"))
RECORD = st.tuples(NAME, st.sampled_from([1, 2, 5, 12, 16, 28, 33, 41, 47, 999]), DATA)


@given(st.integers(0, 3), st.lists(RECORD, max_size=6), st.integers(0, 400), st.integers(0, 1))
def test_what_the_kernel_reads_the_twin_reads_the_same(questions, records, cut, more):
    data = struct.pack(">6H", 7, 0x8180, questions, len(records) + more, 0, 0)
    data += b"".join(b"\1q\7example\0" + b"\0\1\0\1" for _ in range(questions))
    data += b"".join(n + struct.pack(">HHIH", kind, 1, 60, len(value)) + value for n, kind, value in records)
    for message in (data, data[:cut]):
        if names.read(message, TYPES) is not None:
            assert parse_dns(message) == parse_plainly(message)


def test_plain_messages_are_the_kernels():
    data = struct.pack(">6H", 7, 0x8180, 1, 2, 0, 0) + b"\1a\3net\0\0\1\0\1"
    data += (
        b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4" + b"\xc0\x0c\0\x1c\0\1\0\0\0\1\0\x10" + b"\x20\1" + bytes(13) + b"\1"
    )
    assert names.read(data, TYPES) is not None
    assert parse_dns(data) == parse_plainly(data)
    assert [n.data for n in parse_dns(data).names] == ["", "1.2.3.4", "2001::1"]
