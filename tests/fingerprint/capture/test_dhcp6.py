"""DHCPv6 and the DUIDs and FQDNs of both versions."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import build
from rackprint.fingerprint.capture.dhcp import DhcpError, parse_dhcp
from rackprint.fingerprint.capture.dhcp6 import OPTIONS, Dhcp6Error, parse_dhcp6
from rackprint.fingerprint.capture.duid import duid_mac
from rackprint.fingerprint.capture.labels import labels

MAC = bytes.fromhex(build.MAC.replace(":", ""))
LLT = b"\0\1\0\1\x2a\x2b\x2c\x2d" + MAC
LL = b"\0\3\0\1" + MAC
SOLICIT = build.dhcp6(
    build.option6(1, LLT)
    + build.option6(6, b"\0\x17\0\x18\0\x27\0")
    + build.option6(16, b"\0\0\1\x37\0\x08MSFT 5.0\0\2xy")
    + build.option6(39, b"\1\2m1\3lan\0")
)


def test_the_fields_of_a_solicit():
    found = parse_dhcp6(SOLICIT)
    assert (found.request, found.message_type, found.relayed) == (True, 1, False)
    assert (found.client_id, found.mac) == (LLT.hex(), build.MAC)
    assert (found.param_list, found.vendor_class, found.enterprise) == ("23,24,39", "MSFT 5.0,xy", 311)
    assert found.hostname == "m1.lan"


def test_what_a_relay_forwards_is_read_one_deep():
    found = parse_dhcp6(build.relay6(SOLICIT))
    assert (found.relayed, found.mac, found.hostname) == (True, build.MAC, "m1.lan")
    with pytest.raises(Dhcp6Error, match="within a relay's"):
        parse_dhcp6(build.relay6(build.relay6(SOLICIT)))
    with pytest.raises(Dhcp6Error, match="too short"):
        parse_dhcp6(build.relay6(b""))


def test_an_option_that_runs_past_the_end_keeps_what_it_has_and_the_first_of_two_counts():
    assert parse_dhcp6(build.dhcp6(b"\0\x27\0\x40\0\2m1")).hostname == "m1"
    assert parse_dhcp6(build.dhcp6(b"\0\x27\0")).hostname == ""
    twice = build.option6(6, b"\0\1") + build.option6(6, b"\0\2")
    assert parse_dhcp6(build.dhcp6(twice)).param_list == "1"


def test_answers_come_from_servers_and_other_types_are_none():
    assert not parse_dhcp6(build.dhcp6(b"", kind=7)).request
    for kind in (0, 13, 255):
        with pytest.raises(Dhcp6Error):
            parse_dhcp6(build.dhcp6(b"", kind=kind))
    many = build.option6(5, b"") * OPTIONS + build.option6(6, b"\0\1")
    assert parse_dhcp6(build.dhcp6(many)).param_list == ""


@pytest.mark.parametrize(
    ("duid", "mac"),
    [
        (LLT, build.MAC),
        (LL, build.MAC),
        (LL[:-1], ""),
        (b"\0\2\0\0\1\x37" + MAC, ""),  # enterprise
        (b"\0\4" + bytes(16), ""),  # UUID
        (b"\0\3\0\x20" + MAC, ""),  # InfiniBand
        (b"", ""),
    ],
)
def test_a_duid_holds_a_mac_or_none(duid, mac):
    assert duid_mac(duid) == mac


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"\4\0\0\2m1\3lan\0", "m1.lan"),
        (b"\4\0\0\2m1", "m1"),
        (b"\4\0\0\x09m1", ""),
        (b"\0\0\0m1.lan", "m1.lan"),
        (b"\0\0\0", ""),
        (b"", ""),
    ],
)
def test_the_client_fqdn_of_version_4_in_both_its_codings(value, name):
    assert parse_dhcp(build.dhcp(b"\x35\1\3\x51" + build.vector(value, 1) + b"\xff")).fqdn == name


@pytest.mark.parametrize(
    ("value", "mac"),
    [
        (b"\1" + MAC, build.MAC),
        (b"\xff\0\0\0\1" + LLT, build.MAC),
        (b"\0phone-1", ""),
        (b"\1" + MAC[:5], ""),
        (b"", ""),
    ],
)
def test_the_mac_within_a_client_id_of_version_4(value, mac):
    assert parse_dhcp(build.dhcp(b"\x35\1\3\x3d" + build.vector(value, 1) + b"\xff")).client_mac == mac


def test_without_an_end_marker_there_is_no_further_option():
    found = parse_dhcp(build.dhcp(b"\x35\1\3\x37\2\1\3"))
    assert (found.param_list, found.hostname, found.vendor_class, found.client_id) == ("1,3", "", "", "")
    assert parse_dhcp(build.dhcp(b"\x35\1\5\x33\4\0\0\x0e\x10\xff")).lease == 3600


def test_labels_end_where_they_must():
    assert labels(b"\3a.b\1c\0rest") == "a.b.c"
    assert labels(b"\xc0\x0c") == labels(b"\x05ab") == labels(b"\0") == ""
    assert labels(b"\1a" * 500).count(".") == 127


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data):
    for given_bytes in (data, b"\1" + data, build.dhcp6(data), build.relay6(data), build.relay6(b"\1abc" + data)):
        try:
            parse_dhcp6(given_bytes)
        except Dhcp6Error:
            pass
    for code in (b"\x51", b"\x3d", b"\x33"):
        try:
            parse_dhcp(build.dhcp(b"\x35\1\3" + code + build.vector(data, 1) + b"\xff"))
        except DhcpError:
            pass
