"""Descriptors: what a device sends, whole and hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from usb_devices import ADB, MTP, described

from rackprint.fingerprint.usb.descriptors import LONGEST, MOST, capabilities, read, string


def test_device_configuration_and_interfaces():
    found = read(described("04e8", "6860", [MTP, ADB]))
    assert (found.head.vendor, found.head.product, found.head.usb) == (0x04E8, 0x6860, 0x0200)
    (configuration,) = found.configurations
    assert [interface.code for interface in configuration.interfaces] == [MTP, ADB]
    assert configuration.milliamperes(480) == 500
    assert configuration.milliamperes(5000) == 2000  # the unit is 8 mA at SuperSpeed
    assert not found.wrong


def test_the_configuration_that_is_set_counts():
    one, two = described("05ac", "12a8", [MTP]), described("05ac", "12a8", ["ff/fe/02"])[18:]
    found = read(one + two[:5] + b"\x04" + two[6:])
    assert found.configuration(4).interfaces[0].code == "ff/fe/02"
    assert found.configuration(9).interfaces[0].code == MTP  # not known: the first


def test_what_stands_before_a_wrong_descriptor_counts():
    whole = described("04e8", "6860", [ADB])
    for tail in (b"\0\x05", b"\x01", b"\xff\x04\0"):
        found = read(whole + tail)
        assert found.configurations[0].interfaces[0].code == ADB
        assert f"byte {len(whole)}" in found.wrong


def test_cut_anywhere_it_says_so_or_ends_between_descriptors():
    whole = described("04e8", "6860", [MTP, ADB])
    ends = {18, 27, 36, 45}
    for end in range(len(whole) + 1):
        assert bool(read(whole[:end]).wrong) == (end not in ends), end


def test_it_is_bounded():
    many = described("04e8", "6860", [ADB] * 255) + described("04e8", "6860", [ADB] * 255)[18:] * 20
    found = read(many)
    assert sum(1 + len(c.interfaces) for c in found.configurations) == MOST
    assert "more than" in found.wrong
    assert "longer than" in read(described("04e8", "6860", [ADB]) + b"\x02\0" * LONGEST).wrong


@given(st.binary(max_size=400))
def test_any_bytes(data):
    for given_ in (data, described("04e8", "6860", [ADB]) + data):
        found = read(given_)
        assert "\n" not in found.wrong
        assert sum(1 + len(c.interfaces) for c in found.configurations) <= MOST
    capabilities(data)
    capabilities(b"\x05\x0f" + data)
    string(data)


@given(st.text(max_size=100).filter(lambda text: len(text.encode("utf-16-le")) < 250))
def test_string_descriptors(text):
    raw = text.encode("utf-16-le")
    assert string(bytes([len(raw) + 2, 3]) + raw + b"\xff\xff") == text


@pytest.mark.parametrize("raw", [b"", b"\x04", b"\x04\x02ab", b"\x00\x03ab"])
def test_no_string(raw):
    assert string(raw) == ""


def test_half_a_surrogate_is_escaped():
    assert string(b"\x04\x03\x00\xd8") == "\\x00\\xd8"


def test_capabilities_by_name():
    bos = b"\x05\x0f\x17\0\x03" + b"\x07\x10\x02\x06\0\0\0" + b"\x04\x10\x63\0" + b"\x03\x10\x04"
    assert capabilities(bos) == ("USB 2.0 extension", "capability 99", "container id")
    assert capabilities(bos[:14]) == ("USB 2.0 extension",)
