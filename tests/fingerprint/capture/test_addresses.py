"""Which addresses name the interface that made them."""

import sys
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import build
from rackprint.fingerprint.capture.addresses import _LOCAL, eui64, from_outside, inside, is_global, unicast


@pytest.mark.parametrize(
    ("ip", "mac"),
    [
        ("fe80::3e5a:b4ff:fe01:203", "3c:5a:b4:01:02:03"),
        ("2001:db8::3e5a:b4ff:fe01:203", "3c:5a:b4:01:02:03"),
        ("fe80::d8a1:19ff:fe01:203", ""),  # of a MAC that was made up
        ("fe80::3f5a:b4ff:fe01:203", ""),  # of a group
        ("2001:db8:ff:fe00::1", ""),
        ("fe80::1", ""),
        ("192.168.7.20", ""),
    ],
)
def test_the_mac_in_an_interface_identifier(ip, mac):
    assert eui64(ip) == mac


@given(st.binary(min_size=6, max_size=6))
def test_every_makers_mac_comes_back_from_its_identifier(data):
    data = bytes([data[0] & 0xFC]) + data[1:]
    packed = b"\xfe\x80" + bytes(6) + bytes([data[0] ^ 2]) + data[1:3] + b"\xff\xfe" + data[3:]
    address = ":".join(packed[i : i + 2].hex().lstrip("0") or "0" for i in range(0, 16, 2))
    assert eui64(address) == data.hex(":")


def test_macs_that_name_no_single_host():
    assert unicast("01:00:5e:00:00:01") == unicast("00:00:00:00:00:00") == unicast("") == ""
    assert is_global(unicast(build.MAC))
    assert not is_global("da:a1:19:01:02:03")
    assert not is_global("")
    assert from_outside("93.184.216.34", "192.168.7.1")
    assert not from_outside("192.168.7.1", "93.184.216.34")


NETWORKS = [ip_network(n) for n in _LOCAL.split()]
NUMBERS = st.one_of(
    st.integers(0, (1 << 32) - 1).map(IPv4Address),
    st.integers(0, (1 << 128) - 1).map(IPv6Address),
    st.tuples(st.sampled_from(NETWORKS), st.integers(0, 1 << 90)).map(lambda n: n[0][n[1] % n[0].num_addresses]),
)


@given(NUMBERS)
@example(IPv4Address("100.64.0.0"))
@example(IPv4Address("100.128.0.0"))
@example(IPv4Address("255.255.255.255"))
@example(IPv6Address("fe80::1"))
@example(IPv6Address("2001:200::1"))
@example(IPv6Address("::ffff:8.8.8.8"))
@example(IPv6Address("::ffff:10.0.0.1"))
def test_inside_is_what_the_networks_hold(address):
    plain = getattr(address, "ipv4_mapped", None) or address
    assert inside(str(address)) == any(plain in network for network in NETWORKS if network.version == plain.version)
    unsure = ("192.0.0.", "2001:", "64:ff9b:1:", "3fff:")  # where Python's own answer changed
    if not str(plain).startswith(unsure):
        assert inside(str(address)) == (plain.is_private or plain in ip_network("100.64.0.0/10"))
