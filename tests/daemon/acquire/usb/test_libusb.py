"""libusb's side: devices that answer, in part or not at all. No bus is at hand in tests, so pyusb's devices are played;
umockdev lists its own through the real library in tests/daemon/cli/test_usb.py, where their control transfers fail."""

import usb.core
from usb_devices import ADB, described

from rackprint.daemon.acquire.usb import libusb

BOS = b"\x05\x0f\x0c\0\x01" + b"\x07\x10\x02\x06\0\0\0"
STRINGS = {0: b"\x04\x03\x07\x04"} | {
    number: bytes([2 + 2 * len(text), 3]) + text.encode("utf-16-le")
    for number, text in {1: "SAMSUNG", 2: "Galaxy", 3: "R58N0000001"}.items()
}


class Played:
    """A device of pyusb that answers GET_DESCRIPTOR from a table (USB 2.0, chapter 9.4.3)."""

    bus, address, port_numbers, speed = 1, 7, (1, 2), 3
    idVendor, idProduct, bDeviceClass = 0x04E8, 0x6860, 0

    def __init__(self, fails=()):
        whole = described("04e8", "6860", [ADB])
        self.fails, self.languages = fails, set()
        self.answers = {(1, 0): whole[:18], (2, 0): whole[18:], (15, 0): BOS}
        self.answers |= {(3, number): data for number, data in STRINGS.items()}

    def ctrl_transfer(self, bmRequestType, bRequest, wValue, wIndex, data_or_wLength, *_):
        assert (bmRequestType, bRequest) == (0x80, 6)  # it reads, and nothing else
        key = (wValue >> 8, wValue & 0xFF)
        self.languages.add(wIndex)
        if key in self.fails or key not in self.answers:
            raise usb.core.USBError("Pipe error", errno=32)
        return self.answers[key][:data_or_wLength]

    class _ctx:
        @staticmethod
        def dispose(device, close_handle=True):
            pass


def test_all_descriptors_are_asked_for():
    device = Played()
    found = libusb._asked("1-1.2", device)
    assert found.descriptors == described("04e8", "6860", [ADB])
    assert (found.bos, found.why) == (BOS, "")
    assert found.strings == {1: "SAMSUNG", 2: "Galaxy", 3: "R58N0000001"}
    assert device.languages == {0, 0x0407}  # strings in the language that the device names first


def test_what_it_need_not_have_is_no_fault():
    found = libusb._asked("1-1.2", Played(fails={(15, 0), (3, 2)}))
    assert (found.bos, found.why) == (b"", "")
    assert found.strings[2] == ""


def test_what_fails_is_told_and_what_came_before_is_kept():
    found = libusb._asked("1-1.2", Played(fails={(2, 0)}))
    assert len(found.descriptors) == 18
    assert found.why == "libusb: [Errno 32] Pipe error"


def test_a_tree_without_sysfs(monkeypatch):
    monkeypatch.setattr(libusb, "_devices", lambda: [("1-1.2", Played()), ("1-1", Played(fails={(1, 0)}))])
    found = libusb.tree()
    assert [d.name for d in found.devices] == ["1-1", "1-1.2"]
    silent, phone = found.devices
    assert (phone.serial, phone.product, phone.id) == ("R58N0000001", "SAMSUNG Galaxy", "04e8:6860")
    assert [i.code for i in phone.interfaces] == [ADB]
    assert (silent.id, silent.serial) == ("04e8:6860", "")
    assert "1-1: libusb: [Errno 32]" in found.problems[0]
