"""The hello kernel against its twins, on made, damaged and random ClientHellos."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "fingerprint/capture"))
import build
from rackprint.ext import hello
from rackprint.fingerprint.capture.ja4 import ja4
from rackprint.fingerprint.capture.tls import TlsError, parse_client_hello

KINDS = st.sampled_from([0, 16, 13, 43, 44, 10, 0x1A1A, 0x2A1A, 35, 65281])
WORD = st.one_of(st.integers(0, 0xFFFF), st.sampled_from([0x0A0A, 0x0304, 0x0303, 0x7F1C, 0xFEFC, 0xFEFD]))


def twin(body, transport, dtls):
    found = parse_client_hello(body, dtls=dtls)
    alpn = [p.decode("ascii", "backslashreplace") for p in found.alpn]
    return found.sni, alpn, ja4(found, transport), found.cookie


def same(body, transport="tcp", dtls=False):
    try:
        wanted = twin(body, transport, dtls)
    except TlsError:
        with pytest.raises(ValueError):
            hello.read(body, transport, dtls)
    else:
        assert hello.read(body, transport, dtls) == wanted


@st.composite
def extensions(draw):
    made = b""
    for kind in draw(st.lists(KINDS, max_size=12)):
        listed = build.words(draw(st.lists(WORD, max_size=6)))
        names = draw(st.lists(st.binary(max_size=4), max_size=3))
        made += build.extension(
            kind,
            draw(
                st.one_of(
                    st.binary(max_size=8),
                    st.just(build.vector(listed, 2)),
                    st.just(build.vector(listed, 1)),
                    st.just(build.vector(b"".join(build.vector(n, 1) for n in names), 2)),
                    st.just(build.vector(b"".join(b"\0" + build.vector(n, 2) for n in names), 2)),
                )
            ),
        )
    return made


@given(extensions(), st.lists(WORD, max_size=120), WORD, st.sampled_from(["tcp", "quic", "dtls"]))
def test_kernel_and_twin_read_the_same(exts, ciphers, version, transport):
    same(build.hello(exts, ciphers, version), transport)
    same(build.hello(exts, ciphers, version)[:34] + b"\0\1x" + build.hello(exts, ciphers)[35:], transport, dtls=True)


@given(st.binary(max_size=120), st.booleans(), st.integers(0, 300))
def test_kernel_and_twin_refuse_the_same(data, dtls, cut):
    same(data, dtls=dtls)
    same(bytes(34) + data, dtls=dtls)
    same(build.hello(data)[:cut], dtls=dtls)
    same(build.hello(build.server_name(b"a.example") + build.alpn(b"h2"))[:cut], dtls=dtls)


def test_a_hello_of_64_kib_of_ciphers_is_sorted_in_no_time():
    same(build.hello(b"", [n * 7919 % 65_521 for n in range(32_000)]))
