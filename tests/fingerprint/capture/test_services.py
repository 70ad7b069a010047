"""What hosts say of themselves over mDNS."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import build
from rackprint.fingerprint.capture.dns import Dns, DnsName, parse_dns
from rackprint.fingerprint.capture.services import self_description

SRV = b"\0\0\0\0\x15\xb3" + build.wire_name(b"Android.local")
ADB = b"adb-R58M123ABC-x7Gh2k._adb-tls-connect._tcp.local"
CAST = b"tv-1._googlecast._tcp.local"


def said(*records, flags=0x8400, src=build.PHONE):
    return list(self_description(parse_dns(build.dns([], b"".join(records), len(records), flags)), src))


def test_a_name_counts_where_the_response_binds_it_to_the_sender():
    mine = build.record(1, b"Pixel-7.local", bytes([192, 168, 7, 20]))
    other = build.record(1, b"Printer.local", bytes([192, 168, 7, 99]))
    assert said(mine, other) == [("hostname", "Pixel-7")]
    assert said(mine, flags=0) == []  # known answers in a query are of others
    assert said(build.record(28, b"p.local", bytes(15) + b"\1"), src="::1") == [("hostname", "p")]
    assert said(build.record(1, b"p.example", bytes([192, 168, 7, 20]))) == []


@pytest.mark.parametrize(
    ("name", "serial"),
    [
        (ADB, "R58M123ABC"),
        (b"adb-R58M123ABC._adb._tcp.local", "R58M123ABC"),
        (b"adb-R58M-123ABC._adb._tcp.local", "R58M-123ABC"),
    ],
)
def test_adb_announces_the_serial(name, serial):
    assert said(build.record(33, name, SRV)) == [("serial", serial)]
    assert said(build.record(12, b"_adb._tcp.local", build.wire_name(name))) == []  # a pointer names others too


def test_cast_and_remote_tell_name_model_and_bluetooth():
    texts = build.vector(b"id=0a1b", 1) + build.vector(b"fn=Rack 7 = A", 1) + build.vector(b"md=Chromecast", 1) + b"\0"
    assert said(build.record(16, CAST, texts)) == [("device_name", "Rack 7 = A"), ("model", "Chromecast")]
    remote = b"TV._androidtvremote2._tcp.local"
    assert said(build.record(16, remote, build.vector(b"bt=3C:5A:B4:01:02:04", 1))) == [("bt_mac", "3C:5A:B4:01:02:04")]
    assert said(build.record(16, remote, build.vector(b"bt=none", 1))) == []
    assert said(build.record(16, b"x._other._tcp.local", texts)) == []


def test_texts_stand_in_the_data_of_their_record():
    found = parse_dns(build.dns([], build.record(16, b"a.local", b"\2a=\0\1b\xffcut"), 1, 0x8400))
    assert found.names == (DnsName("a.local", "TXT", True, "a=\nb\ncut"),)


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(["A", "SRV", "TXT"]), st.sampled_from([ADB, CAST]))
def test_no_names_raise(name, data, kind, ending):
    for full in (name, name + ending.decode(), "adb-" + name + "._adb._tcp.local"):
        list(self_description(Dns(True, (DnsName(full, kind, True, data),)), data))
