"""Listings as adb writes them; serials repeat, and a line may hold anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.daemon.acquire.adb.listing import read
from rackprint.daemon.acquire.adb.server import Address, address
from rackprint.daemon.errors import RackprintError

HERE = Address("127.0.0.1", 5999)
LISTING = """\
0123456789ABCDEF       device usb:1-1.2 product:a model:Redmi_Note_8 device:ginkgo transport_id:4
0123456789ABCDEF       device usb:1-1.10 product:a model:Redmi_Note_8 device:ginkgo transport_id:5
127.0.0.1:5555         device product:b model:Pixel device:sailfish transport_id:6
R58M000000A            unauthorized usb:2-3 transport_id:7
(no serial number)     no permissions (user in plugdev group; are your udev rules wrong?); see [http://x] usb:1-4 transport_id:8
[fe80::1]:5555         offline transport_id:9
* daemon started successfully
"""  # noqa: E501


def test_equal_serials_stay_two_and_are_named_by_their_place():
    found = read(LISTING, HERE)
    assert [(t.id, t.slot, t.state) for t in found] == [
        (4, "1-1.2", "device"),
        (5, "1-1.10", "device"),
        (6, "tcp:127.0.0.1:5555", "device"),
        (7, "2-3", "unauthorized"),
        (8, "1-4", "no permissions (user in plugdev group; are your udev rules wrong?)"),
        (9, "tcp:[fe80::1]:5555", "offline"),
    ]
    assert found[0].model == "Redmi Note 8"
    assert [t.kind for t in found] == ["usb", "usb", "tcp", "usb", "usb", "tcp"]


def test_a_phone_without_permission_says_so():
    state = read(LISTING, HERE)[4]
    assert "no permissions" in f"{state.serial} {state.state}"


@given(st.text())
def test_no_text_breaks_it(text):
    for found in read(text, HERE):
        assert found.id >= 0
        assert found.slot


@pytest.mark.parametrize("text", ["", "a", "a:", ":5", "a:b", "a:0", "a:70000", "a:٣"])
def test_an_address_that_is_none_is_refused_in_one_line(text):
    with pytest.raises(RackprintError, match="HOST:PORT"):
        address(text)


def test_an_address():
    assert address("[::1]:5037") == Address("::1", 5037)
