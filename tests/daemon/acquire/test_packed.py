import gzip
import io
import os
import threading

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from rackprint.daemon.acquire.packed import HEAD, is_packed, piped, unpack_errors, unpacked

ZSTD = zstandard.ZstdCompressor().compress
TEXT = b"".join(b"line %d\n" % n for n in range(40_000))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, ZSTD], ids=["plain", "gzip", "zstd"])
def test_what_is_packed_is_read_whole_with_its_head(pack):
    stream, head = unpacked(io.BytesIO(pack(TEXT)))
    assert TEXT.startswith(head)
    assert len(head) > 100
    assert len(head) <= HEAD
    assert stream.read() == TEXT


@pytest.mark.parametrize("pack", [gzip.compress, ZSTD], ids=["gzip", "zstd"])
def test_several_frames_are_one_stream(pack):
    assert unpacked(io.BytesIO(pack(TEXT) + pack(b"more\n") * 3))[0].read() == TEXT + b"more\n" * 3


@pytest.mark.parametrize("pack", [gzip.compress, ZSTD], ids=["gzip", "zstd"])
@given(cut=st.integers(1, 5000))
def test_a_cut_end_raises(pack, cut):
    data = pack(TEXT)
    with pytest.raises(unpack_errors()):
        unpacked(io.BytesIO(data[: max(5, len(data) - cut)]))[0].read()


@given(st.sampled_from([b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b""]), st.binary(max_size=100))
def test_noise_raises_nothing_else(magic, data):
    try:
        unpacked(io.BytesIO(magic + data))[0].read()
    except unpack_errors():
        assert is_packed(magic + data)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, ZSTD], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("text", [TEXT, b"", b"ab"], ids=["long", "empty", "short"])
def test_what_comes_through_a_pipe_in_drops_is_read_whole(pack, text):
    data = pack(text)
    out, into = os.pipe()

    def send():
        with os.fdopen(into, "wb", buffering=0) as pipe:
            for at in range(0, len(data), 1 if len(data) < 100 else 5000):
                pipe.write(data[at : at + (1 if len(data) < 100 else 5000)])

    sender = threading.Thread(target=send)
    sender.start()
    with os.fdopen(out, "rb") as stream:
        assert piped(stream).read() == text
    sender.join()


def test_what_has_come_is_there_before_the_rest():
    out, into = os.pipe()
    with os.fdopen(out, "rb") as stream, os.fdopen(into, "wb", buffering=0) as pipe:
        pipe.write(b"first bytes")
        content = piped(stream)
        assert content.read1(1 << 20) + content.read1(1 << 20) == b"first bytes"
        pipe.write(b"more")
        assert content.read1(1 << 20) == b"more"
