"""The QUIC kernel against its twin: it gives what the twin gives, or leaves the datagram to it."""

import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext.initials import crypto, packets
from rackprint.fingerprint.capture.quic_keys import VERSIONS
from rackprint.fingerprint.capture.quic_packets import (
    QuicError,
    crypto_frames,
    crypto_frames_plainly,
    initials,
    initials_plainly,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "fingerprint" / "capture"))
import build_quic as q

TYPES = {name: (version.initial, version.retry) for name, version in VERSIONS.items()}
CID = st.sampled_from([b"\0", b"\1a", b"\x08" + q.DRAWN, b"\x14" + bytes(20), b"\x15" + bytes(21), b"\xff"])
LENGTH = st.sampled_from([b"\0", b"\x14", b"\x40\x20", b"\x80\0\0\x20", b"\xc0" + bytes(6) + b"\x19", b"\xff" * 8])
PACKET = st.tuples(
    st.sampled_from([0xC0, 0xD0, 0xE0, 0xF0, 0x40]),
    st.sampled_from([*VERSIONS, bytes(4), b"\xff\0\0\5", b"\xfa\xce\xb0\1"]),
    CID,
    CID,
    st.sampled_from([b"", b"\0", b"\3abc", b"\x7f\xff"]),
    LENGTH,
    st.binary(max_size=40),
)
FRAME = st.one_of(
    st.sampled_from([b"\0", b"\1", b"\0" * 90, b"\2\0\0\0\0", b"\x1c\0", b"\6", b"\6\1"]),
    st.tuples(st.integers(0, 1 << 61), st.binary(max_size=9)).map(lambda f: q.crypto(*f)),
    st.binary(max_size=4),
)


def outcome(read, data):
    try:
        return list(read(data))
    except QuicError as error:
        return str(error)


@given(st.lists(PACKET, max_size=3), st.integers(0, 60))
def test_a_datagram_is_what_the_twin_says(parts, cut):
    data = b"".join(bytes([part[0]]) + b"".join(part[1:]) for part in parts)
    for datagram in (data, data[:-cut] if cut else data):
        found = packets(datagram, TYPES)
        if found is not None:
            assert found == outcome(initials_plainly, datagram)
        assert outcome(initials, datagram) == outcome(initials_plainly, datagram)


@given(st.lists(FRAME, max_size=70).map(b"".join), st.integers(0, 5))
def test_frames_are_what_the_twin_says(data, cut):
    frames = data[: len(data) - cut]
    assert crypto_frames(frames) == crypto_frames_plainly(frames)


def test_what_clients_send_is_the_kernels():
    whole = q.initial(q.crypto(0, b"hello"), scid=b"mine", token=b"t" * 70) + q.initial(b"\1" * 30, scid=b"mine")
    found = packets(whole, TYPES)
    assert found is not None
    assert found == list(initials_plainly(whole))
    assert [scid for _, _, scid, _, _ in found] == [b"mine", b"mine"]
    assert crypto(bytes(300) + q.crypto(5, b"b") + b"\1" + q.crypto(0, b"hello") + bytes(9)) == [
        (5, b"b"),
        (0, b"hello"),
    ]
