"""The DHCP kernel against its twin: it gives what the twin gives, or leaves the message to it."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext.dhcp import read
from rackprint.fingerprint.capture.dhcp import Dhcp, DhcpError, parse_dhcp, parse_plainly

sys.path.insert(0, str(Path(__file__).parents[1] / "fingerprint" / "capture"))
import build

MAC = bytes.fromhex(build.MAC.replace(":", ""))
CODE = st.sampled_from([12, 50, 51, 53, 55, 60, 61, 81, 1, 99, 0, 255])
TEXT = st.sampled_from([b"phone", b"caf\xc3\xa9", b"caf\xe9", b"", b"\0", b"m1\0\0", b"\0m1"])
CLIENT = st.sampled_from([b"\1" + MAC, b"\xff\0\0\0\1\0\1\0\1\0\0\0\0" + MAC, b"\xff\0\0\0\1\0\3\0\1" + MAC, b"\xff\0"])
FQDN = st.sampled_from([b"\0\0\0m1.lan", b"\4\0\0\2m1\0", b"\0\0\0", b"\0\0\0\0", b"\0"])
VALUE = st.one_of(TEXT, CLIENT, FQDN, st.binary(max_size=9), st.just(bytes(range(200))))
OPTION = st.tuples(CODE, VALUE).map(lambda o: bytes([o[0]]) + build.vector(o[1], 1))
KIND = st.sampled_from([b"\x35\1\1", b"\x35\1\5", b"\x35\0", b""])
CUT = st.one_of(st.none(), st.integers(0, 300))


@given(KIND, st.lists(OPTION, max_size=6), CUT, st.sampled_from([1, 2, 0]), st.sampled_from([6, 1]))
def test_what_the_kernel_reads_the_twin_reads_the_same(kind, options, cut, operation, size):
    message = bytearray(build.dhcp(kind + b"".join(options), operation=operation, your=b"\n\0\0\7"))
    message[2] = size
    data = bytes(message[:cut])
    found = read(data, Dhcp)
    if found is not None:
        assert found == parse_plainly(data)


def test_plain_messages_are_the_kernels():
    options = b"\x35\1\3\x0c\5phone\x37\3\1\3\xff\x3c\x0fandroid-dhcp-14\x33\4\0\0\x0e\x10\x32\4\xc0\xa8\7\x14"
    data = build.dhcp(options + b"\x3d\7\1" + MAC + b"\x51\6\0\0\0m1\0\xff")
    found = read(data, Dhcp)
    assert found == parse_plainly(data) == parse_dhcp(data)
    assert (found.hostname, found.param_list, found.requested_ip) == ("phone", "1,3,255", "192.168.7.20")
    assert (found.client_mac, found.fqdn, found.lease, found.message_type) == (build.MAC, "m1", 3600, 3)


@pytest.mark.parametrize("options", [b"\x35\1\1\x0c\1a\x0c\1b", b"\x34\1\1\x35\1\1", b"\x35\1\1\x51\7\4\0\0\2m1\0"])
def test_what_is_not_plain_is_left_to_the_twin(options):
    assert read(build.dhcp(options), Dhcp) is None
    assert parse_dhcp(build.dhcp(options)) == parse_plainly(build.dhcp(options))


def test_what_is_no_message_the_twin_refuses():
    with pytest.raises(DhcpError, match="no DHCP message type"):
        parse_dhcp(build.dhcp(b"\x0c\1a"))
    with pytest.raises(TypeError):
        read(None, Dhcp)
