import sys
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import build
from rackprint.fingerprint.capture.ja4 import ja4
from rackprint.fingerprint.capture.tls import (
    ClientHello,
    TlsError,
    handshake_message,
    looks_like_hello,
    parse_client_hello,
)


def test_the_fields_of_a_hello_come_out_in_order_with_grease():
    exts = build.extension(0x1A1A) + build.server_name(b"a.example") + build.alpn(b"h2", b"http/1.1")
    exts += build.extension(43, build.vector(build.words([0x2A2A, 0x0304, 0x0303]), 1))
    exts += build.extension(13, build.vector(build.words([0x0403, 0x0804]), 2))
    found = parse_client_hello(build.hello(exts))
    assert found == ClientHello(
        legacy_version=0x0303,
        ciphers=(0x1301, 0x1302, 0x0A0A),
        extensions=(0x1A1A, 0, 16, 43, 13),
        sni="a.example",
        has_sni=True,
        alpn=(b"h2", b"http/1.1"),
        versions=(0x2A2A, 0x0304, 0x0303),
        signature_algorithms=(0x0403, 0x0804),
    )
    # parts b and c: SHA-256 of "1301,1302" and of "000d,002b_0403,0804"
    assert ja4(found) == "t13d0204h2_62ed6f6ca7ad_ef5f37ab036a"


def test_a_hello_without_extensions_is_read():
    found = parse_client_hello(build.hello(None, version=0x0301))
    assert not found.extensions
    assert ja4(found) == "t10i020000_62ed6f6ca7ad_000000000000"


@pytest.mark.parametrize(
    ("exts", "why"),
    [
        (build.extension(0, b"\0\x09\0\0\x09abc"), "past the end"),
        (build.extension(13, b"\0\x03\1\2\3"), "odd number"),
        (b"\0\x10\0\xff", "past the end"),
    ],
)
def test_lengths_that_lie_are_refused(exts, why):
    with pytest.raises(TlsError, match=why):
        parse_client_hello(build.hello(exts))


def test_a_server_name_of_another_type_or_none_at_all_is_no_name():
    assert parse_client_hello(build.hello(build.extension(0, build.vector(b"\x07\0\x01x", 2)))).sni == ""
    empty = parse_client_hello(build.hello(build.extension(0)))
    assert (empty.sni, empty.has_sni) == ("", True)
    assert parse_client_hello(build.hello(build.server_name(b"\xff<script>"))).sni == "\\xff<script>"


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parser_raise_anything_else(data):
    for body in (data, build.hello(data), build.hello(build.extension(0, data) + build.extension(16, data))):
        try:
            parse_client_hello(body)
        except TlsError:
            pass
    try:
        handshake_message(data)
    except TlsError:
        pass


@given(st.integers(1, 60), st.integers(0, 200))
def test_a_message_over_records_of_any_size_is_put_together(size, cut):
    body = build.hello(build.server_name(b"split.example"))
    stream = build.records(body, size)
    assert handshake_message(stream) == body
    assert handshake_message(stream[: min(cut, len(stream) - 1)]) is None
    assert handshake_message(stream + b"\x17\x03\x03\x00\x01x") == body


@pytest.mark.parametrize(
    "stream",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"\x16\x02\x01\x00\x04\x01\x00\x00\x00",
    ],
)
def test_other_streams_are_no_hello(stream):
    with pytest.raises(TlsError):
        handshake_message(stream)


def test_any_prefix_of_a_hello_looks_like_one_and_others_do_not():
    stream = build.records(build.hello())
    assert all(looks_like_hello(stream[:n]) for n in range(12))
    for other in (b"G", b"\x16\x02", b"\x16\x03\x09", b"\x16\x03\x01\xff\xff", b"\x16\x03\x01\x00\x10\x02"):
        assert not looks_like_hello(other)


@pytest.mark.parametrize(
    ("protocol", "ends"),
    [(b"h2", "h2"), (b"http/1.1", "h1"), (b"x", "xx"), (b"\xab", "ab"), (b"\xab\xcd", "ad"), (b"\x30\xab", "3b"),
     (b"\x30\x31\xab\xcd", "3d"), (b"\x30\xab\xcd\x31", "01"), (b"", "00")],
)  # fmt: skip
def test_alpn_reads_as_the_specification_has_it(protocol, ends):
    assert ja4(ClientHello(0x0303, (), (16,), alpn=(protocol,)))[8:10] == ends


def test_a_hello_whose_only_extensions_are_in_the_head_ends_in_zeros():
    only = parse_client_hello(build.hello(build.server_name(b"a.example") + build.alpn(b"h2")))
    assert ja4(only) == "t12d0202h2_62ed6f6ca7ad_000000000000"


def test_grease_is_passed_over_in_every_list_and_only_where_both_bytes_are_equal():
    greased = ClientHello(0x0303, (0x0A0A, 0x1301, 0x0A1A), (0x2A2A, 0x3A4A, 13, 43), alpn=(b"\x5a\x5a", b"h2"),
                          versions=(0xFAFA, 0x0304), signature_algorithms=(0x8A8A, 0x0804, 0x0403))  # fmt: skip
    plain = ClientHello(0x0303, (0x1301, 0x0A1A), (0x3A4A, 13, 43), alpn=(b"h2",), versions=(0x0304,),
                        signature_algorithms=(0x0804, 0x0403))  # fmt: skip
    assert ja4(greased) == ja4(plain)
    assert ja4(plain).startswith("t13i0203h2_")
    other = ClientHello(0x0303, (0x1301, 0x0A1A), (0x3A4A, 13, 43), signature_algorithms=(0x0403, 0x0804))
    assert ja4(other)[-12:] != ja4(plain)[-12:]  # algorithms keep their order


def test_ciphers_with_the_numbers_of_sni_and_alpn_stay():
    assert ja4(ClientHello(0x0303, (0, 16), ()))[11:23] == sha256(b"0000,0010").hexdigest()[:12]
    assert len(ja4(ClientHello(0x0303, tuple(range(3000)), tuple(range(3000))))) == 36


def test_a_cookie_tells_a_second_hello():
    assert not parse_client_hello(build.hello()).cookie
    assert parse_client_hello(build.hello(build.extension(44, b"\0\1c"))).cookie


def test_counts_stop_at_99_and_versions_read_as_the_specification_has_them():
    many = ClientHello(0x0303, tuple(range(0x1000, 0x1100)), tuple(range(0x100, 0x200)))
    assert ja4(many, "quic").startswith("q12i999900_")
    assert ja4(ClientHello(0xFEFD, (), ()), "dtls") == "dd2i000000_000000000000_000000000000"
    assert ja4(ClientHello(0x0300, (), (0x0017,)))[:3] == "ts3"
    assert ja4(ClientHello(0x0303, (), (43,), versions=(0x0304, 0x7F1C)))[:3] == "t00"
