"""DHCP, DNS and SYN signatures."""

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import build
from rackprint.fingerprint.capture import tcp
from rackprint.fingerprint.capture.dhcp import DhcpError, parse_dhcp
from rackprint.fingerprint.capture.dns import DnsError, DnsName, parse_dns
from rackprint.fingerprint.capture.packets import SYN, Packet
from rackprint.fingerprint.capture.tcp import is_syn, syn_signature


def test_dhcp_options_come_out_and_parts_of_one_are_joined():
    options = b"\x35\1\3\0\x37\2\1\3\x37\1\6\x3c\x0fandroid-dhcp-14\x0c\3m1\0\x32\4\xc0\xa8\7\x14\x3d\3\1ab\xff"
    found = parse_dhcp(build.dhcp(options))
    assert (found.request, found.mac, found.message_type) == (True, build.MAC, 3)
    assert (found.param_list, found.vendor_class, found.hostname) == ("1,3,6", "android-dhcp-14", "m1")
    assert (found.requested_ip, found.client_id) == ("192.168.7.20", "016162")


def test_dhcp_options_in_the_file_and_name_fields_are_read():
    found = parse_dhcp(build.dhcp(b"\x34\1\1\x35\1\1\xff", file=b"\x0c\5caf\xe9\xff"))
    assert found.hostname == "caf\xe9\xff"  # the value claims five bytes and is no UTF-8
    assert parse_dhcp(build.dhcp(b"\x34\1\2\x35\1\1\xff")).hostname == ""


def test_a_dhcp_option_that_runs_past_the_end_keeps_what_it_has():
    assert parse_dhcp(build.dhcp(b"\x35\1\1\x0c\x20short")).hostname == "short"
    assert parse_dhcp(build.dhcp(b"\x35\1\1\x0c")).hostname == ""


@pytest.mark.parametrize("data", [b"", bytes(300), build.dhcp(b"\xff"), build.dhcp(b"\x35\1\1", operation=9)])
def test_other_bytes_are_no_dhcp(data):
    with pytest.raises(DhcpError):
        parse_dhcp(data)


def test_dns_questions_and_answers_with_compressed_names():
    ptr = b"\xc0\x0c\0\x0c\0\1\0\0\0\x0a\0\x04\1x\xc0\x0c"
    a = b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4\xcb\0\x71\5"
    srv = b"\xc0\x0c\0\x21\0\1\0\0\0\x0a\0\x0a\0\0\0\0\x1f\x49\1y\xc0\x0c"
    txt = b"\xc0\x0c\0\x63\0\1\0\0\0\x0a\0\1x"
    opt = b"\0\0\x29\0\0\0\0\0\0\0\0"
    found = parse_dns(build.dns([b"m1.local"], ptr + a + srv + txt + opt, 5, 0x8400))
    assert found.response
    assert not found.cut
    assert found.names == (
        DnsName("m1.local", "A", False),
        DnsName("m1.local", "PTR", True, "x.m1.local"),
        DnsName("m1.local", "A", True, "203.0.113.5"),
        DnsName("m1.local", "SRV", True, "y.m1.local"),
        DnsName("m1.local", "TYPE99", True),
    )


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 5,
        struct.pack(">6H", 1, 0, 1, 0, 0, 0),
        struct.pack(">6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1",  # a name that points to itself
        struct.pack(">6H", 1, 0, 1, 0, 0, 0) + b"\x40x",
        struct.pack(">6H", 1, 0, 0, 1, 0, 0) + b"\0\0\1\0\1\0\0\0\0\0\xffx",
    ],
)
def test_dns_that_breaks_its_own_form_is_refused(data):
    with pytest.raises(DnsError):
        parse_dns(data)


def test_dns_that_claims_more_than_it_holds_keeps_what_it_has():
    found = parse_dns(build.dns([b"a.example"], b"", 7))
    assert found.cut
    assert [n.name for n in found.names] == ["a.example"]
    many = struct.pack(">6H", 1, 0, 600, 0, 0, 0) + b"\0\0\1\0\1" * 600
    assert parse_dns(many).cut


@pytest.mark.parametrize("kind", [1, 16])  # the kernel's, and one that is left to Python
def test_a_name_that_is_all_pointers_is_read_no_further(kind):
    """22 kB of it took a second and a half to read."""
    first, last = 23, 16_000  # where pointers stand, each to the one before
    chain = b"\0" + b"".join((0xC000 | at).to_bytes(2) for at in (first, *range(first + 1, last, 2)))
    head = struct.pack(">6H", 1, 0x8400, 0, 501, 0, 0) + b"\0" + struct.pack(">HHIH", 10, 1, 0, len(chain)) + chain

    def read(at):
        record = (0xC000 | at).to_bytes(2) + struct.pack(">HHIH", kind, 1, 0, 0)
        return parse_dns(head + record * 500)

    assert len(read(first + 1 + 2 * 100).names) == 501
    assert (len(read(last - 2).names), read(last - 2).cut) == (1, True)


@given(st.binary(max_size=120))
def test_no_bytes_make_dns_or_dhcp_raise_anything_else(data):
    for parse, error, head in (
        (parse_dns, DnsError, b"\0\1\0\0\0\1\0\1\0\0\0\1"),
        (parse_dhcp, DhcpError, build.dhcp(b"\x34\1\3\x35\1\1")),
    ):
        for given_bytes in (data, head + data):
            try:
                parse(given_bytes)
            except error:
                pass


def syn(options=b"", network=None, flags=SYN, payload=b"", window=65_535, head=None):
    options += bytes(-len(options) % 4)
    transport = head or struct.pack(">HHIIBBHHH", 1, 2, 9, 0, (20 + len(options)) << 2, flags, window, 0, 0)
    ip = network if network is not None else build.ip4(b"", 6)
    return Packet(0, 0, "", "", 6, 1, 2, payload, flags=flags, network=ip, transport=transport + options)


MSS = b"\2\4\5\xb4"


@pytest.mark.parametrize(
    ("packet", "signature"),
    [
        (syn(MSS + b"\4\2\x08\x0a\0\0\0\1\0\0\0\0\1\3\3\x09"), "4:64+0:0:1460:65535,9:mss,sok,ts,nop,ws:df,id+:0"),
        (syn(MSS, window=14_600), "4:64+0:0:1460:mss*10,0:mss:df,id+:0"),
        (syn(MSS, window=3000), "4:64+0:0:1460:mtu*2,0:mss:df,id+:0"),
        (syn(MSS + b"\3\3\x0f\0\0\0\0\1"), "4:64+0:0:1460:65535,15:mss,ws,eol+4:df,id+,opt+,exws:0"),
        (syn(b"\x08\x0a\0\0\0\0\0\0\0\7\1\1"), "4:64+0:0:0:65535,0:ts,nop,nop:df,id+,ts1-,ts2+:0"),
        (syn(b"\2\3\5\xb4\x1e\3x\1\5\1"), "4:64+0:0:1460:65535,0:mss,?30,nop,sack:df,id+,bad:0"),
        (syn(b"\2\4\5", payload=b"x"), "4:64+0:0:1280:65535,0:mss:df,id+:+"),
        (syn(b"\1\1\1\2"), "4:64+0:0:0:65535,0:nop,nop,nop,mss:df,id+,bad:0"),
        (syn(network=build.ip4(b"", 6, ttl=57)), "4:57+7:0:0:65535,0::df,id+:0"),
        (syn(network=build.ip4(b"", 6, ttl=200)), "4:200+?:0:0:65535,0::df,id+:0"),
        (syn(network=b"\x46\2\0\0\0\0\x80\0\x40\6\0\0" + bytes(12)), "4:64+0:4:0:65535,0::id-,ecn,0+:0"),
        (syn(network=b"\x60\x30\0\1\0\0\6\x40" + bytes(32)), "6:64+0:0:0:65535,0::ecn,flow:0"),
        (syn(flags=SYN | 0xE8), "4:64+0:0:0:65535,0::df,id+,ecn,urgf+,pushf+:0"),
        (
            syn(head=b"\0\1\0\2\0\0\0\0\0\0\0\3\x50\2\0\0\0\0\0\1"),
            "4:64+0:0:0:0,0::df,id+,seq-,ack+,uptr+:0",
        ),
        (syn(network=b"\x45"), ""),
        (syn(network=b"\x60" + bytes(30)), ""),
    ],
)
def test_syn_signatures_are_as_p0f_writes_them(packet, signature):
    assert is_syn(packet)
    assert syn_signature(packet) == signature


@given(st.binary(max_size=40), st.integers(0, 255))
def test_no_options_break_a_signature(options, ttl):
    assert syn_signature(syn(options, build.ip4(b"", 6, ttl=ttl))).startswith(f"4:{ttl}+")


@given(
    st.sampled_from([MSS + b"\4\2\x08\x0a", MSS + b"\4\2\x08", b"\2\4", b"\1\1\x08\x0a"]),
    st.lists(st.sampled_from([0, 0, 0, 1, 8, 255]), max_size=24),
    st.integers(0, 255),
    st.sampled_from([b"", b"x"]),
    st.booleans(),
)
def test_a_signature_that_is_known_is_that_of_the_packet(head, rest, ttl, payload, six):
    network = b"\x60" + bytes(rest[:4]).ljust(6, b"\0") + bytes([ttl]) + bytes(32) if six else None
    packet = syn(head + bytes(rest), network or build.ip4(b"", 6, ttl=ttl), payload=payload)
    assert syn_signature(packet) == tcp.signature_plainly(packet)
