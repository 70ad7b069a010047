"""What a device is told for, by its surest sign."""

import pytest
from usb_devices import ADB, FASTBOOT, HID, HUB, MTP, STORAGE, device, hub

from rackprint.fingerprint.usb.kinds import TODO, Kind, nature
from rackprint.fingerprint.usb.model import Device


@pytest.mark.parametrize(
    ("usb_id", "interfaces", "texts", "kind"),
    [
        ("05e3:0608", [HUB], {}, Kind.HUB),
        ("04e8:6860", [MTP, ADB], {}, Kind.ADB),
        ("ffff:0001", [ADB], {}, Kind.ADB),  # no known maker
        ("18d1:d00d", [FASTBOOT], {}, Kind.FASTBOOT),
        ("05ac:12a8", [MTP, "ff/fe/02"], {}, Kind.APPLE),
        ("05ac:1281", ["fe/01/00"], {}, Kind.APPLE),
        ("05ac:024f", [HID], {}, Kind.OTHER),  # an Apple keyboard
        ("05c6:9008", ["ff/ff/ff"], {}, Kind.DOWNLOAD),
        ("0e8d:2000", ["02/02/01", "0a/00/00"], {}, Kind.DOWNLOAD),
        ("04e8:685d", ["02/02/01", "0a/00/00"], {}, Kind.DOWNLOAD),
        ("2717:ff40", [MTP], {}, Kind.QUIET),
        ("ffff:0001", [MTP], {}, Kind.QUIET),
        ("ffff:0001", ["ff/ff/00"], {"x:1.0/interface": "MTP"}, Kind.QUIET),
        ("ffff:0001", ["ff/ff/00"], {"product": "Android"}, Kind.QUIET),
        ("22d9:2764", ["ff/ff/00"], {}, Kind.QUIET),  # its maker makes phones
        ("04e8:685e", [STORAGE], {}, Kind.QUIET),  # Android 2 and 4 as a USB disk
        ("04e8:61f5", [STORAGE], {}, Kind.OTHER),  # a Samsung disk
        ("17ef:6099", [HID], {}, Kind.OTHER),  # a Lenovo keyboard
        ("04a9:32a7", [MTP], {}, Kind.OTHER),  # a Canon camera
        ("ffff:0001", ["ff/ff/00"], {}, Kind.OTHER),
    ],
)
def test_kinds(usb_id, interfaces, texts, kind):
    found = nature(device("1-1.1", usb_id, interfaces, **texts))
    assert (found.kind, found.do) == (kind, TODO[kind])
    assert found.phone == (kind not in {Kind.HUB, Kind.OTHER})


def test_modes_are_named():
    assert nature(device("1-1", "05c6:9008", ["ff/ff/ff"])).words == "Qualcomm emergency download (EDL)"
    assert nature(device("1-1", "05ac:1227", ["fe/01/00"])).words == "Apple device in DFU mode"
    assert nature(device("1-1", "05ac:12a8", [MTP])).words == "Apple phone or tablet"


def test_a_phone_without_a_readable_interface_is_known_by_its_maker():
    bare = Device("1-1.1", {"idVendor": b"2717\n", "idProduct": b"ff08\n"})
    assert nature(bare).kind is Kind.QUIET
    assert nature(Device("1-1.1", {})).kind is Kind.OTHER


def test_every_kind_but_hub_and_adb_says_what_to_do():
    assert {kind for kind, do in TODO.items() if not do} == {Kind.HUB, Kind.ADB}
    assert nature(hub("1-1")).do == ""
