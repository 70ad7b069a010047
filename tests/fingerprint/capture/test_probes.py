"""802.11 probe requests."""

import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import build
from rackprint.fingerprint.capture.events import read_events
from rackprint.fingerprint.capture.packets import Frame
from rackprint.fingerprint.capture.packets_scapy import read_packets
from rackprint.fingerprint.capture.probes import ELEMENTS, ProbeError, parse_probe

RANDOM = "da:a1:19:01:02:03"
HT = bytes.fromhex("2d0117ff") + bytes(22)
WPS = b"\x00\x50\xf2\x04" + b"\x10\x47\0\x10" + bytes(range(16)) + b"\x10\x11\0\5Phone" + b"\x10\x23\0\4SM-G"
ELEMENTS_OF_ONE = (
    build.element(0, b"RACK-7")
    + build.element(1, b"\2\4\x0b\x16")
    + build.element(3, b"\6")
    + build.element(45, HT)
    + build.element(127, b"\0\0\x08\x04")
    + build.element(191, bytes(12))
    + build.element(221, WPS)
    + build.element(221, b"\x00\x17\xf2\x0a\0\1")
    + build.element(255, b"\x23\1\2")
)
IES = f"0,1,3,45({HT.hex()}),127(00000804),191({'00' * 12}),221(0050f2:04),221(0017f2:0a),255.35"


def test_who_asks_for_what_and_how():
    found = parse_probe(build.probe(ELEMENTS_OF_ONE, RANDOM, sequence=4095))
    assert (found.mac, found.randomised, found.sequence, found.ssids) == (RANDOM, True, 4095, ("RACK-7",))
    assert found.ies == IES
    assert (found.wps_uuid, found.wps_name, found.wps_model) == (bytes(range(16)).hex(), "Phone", "SM-G")
    assert not parse_probe(build.probe(b"")).randomised


def test_one_driver_words_two_requests_alike_whatever_it_asks_for():
    other = ELEMENTS_OF_ONE.replace(b"RACK-7", b"HOME-1").replace(build.element(3, b"\6"), build.element(3, b"\x0b"))
    assert parse_probe(build.probe(other)).ies == IES
    assert parse_probe(build.probe(ELEMENTS_OF_ONE.replace(HT[:2], b"\x2d\2"))).ies != IES


def test_asking_any_network_names_none():
    assert parse_probe(build.probe(build.element(0) + build.element(1, b"\2"))).ssids == ()


def test_a_check_sequence_and_an_ht_control_field_are_no_elements():
    frame = build.probe(ELEMENTS_OF_ONE, htc=True)
    assert parse_probe(build.checked(frame)) == parse_probe(frame)
    assert parse_probe(frame).ies == IES


def test_an_element_that_runs_past_the_end_is_left_out():
    assert parse_probe(build.probe(build.element(1, b"\2") + b"\x2d\x1a\1")).ies == "1"
    assert len(parse_probe(build.probe(build.element(1) * 500)).ies.split(",")) == ELEMENTS


@pytest.mark.parametrize("data", [b"", b"\x40" * 23, b"\x80" + bytes(40)])
def test_other_bytes_are_no_probe(data):
    with pytest.raises(ProbeError):
        parse_probe(data)


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (105, build.probe(ELEMENTS_OF_ONE)),
        (127, build.radiotap(build.probe(ELEMENTS_OF_ONE))),
        (127, build.radiotap(build.checked(build.probe(ELEMENTS_OF_ONE)), 0x10)),
    ],
)
def test_the_reader_delivers_probe_requests_from_their_header_on(link, frame):
    beacon = b"\x80" + build.probe(ELEMENTS_OF_ONE)[1:]
    data = build.pcap(frame, beacon if link == 105 else build.radiotap(beacon), link=link)
    (found,) = read_packets(io.BytesIO(data))
    assert isinstance(found, Frame)
    assert found.data == build.probe(ELEMENTS_OF_ONE)
    (event,) = read_events(io.BytesIO(data))
    assert (event["kind"], event["mac"], event["ssids"], event["ies"]) == ("wifi_probe", build.MAC, ("RACK-7",), IES)
    assert (event["sequence"], event["offset"], event["time"]) == (7, 24, "2023-11-14T22:13:20.250000Z")


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data):
    for given_bytes in (
        data,
        b"\x40" + data,
        build.probe(data),
        build.probe(build.element(221, (b"\0\x50\xf2\4" + data)[:255])),
    ):
        try:
            assert len(parse_probe(given_bytes).ies) < 64 * 600
        except ProbeError:
            pass
