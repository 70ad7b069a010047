"""Messages of the kernel and of udev, and what is none."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from rackprint.fingerprint.usb import uevent

TEXTS = b"ACTION=add\0DEVPATH=/devices/usb1/1-1\0SUBSYSTEM=usb\0X=a=b\0"


def udev(texts, magic=0xFEEDCAFE, start=40, length=None):
    header = struct.pack("=III", 40, start, len(texts) if length is None else length)
    return b"libudev\0" + struct.pack(">I", magic) + header + b"\0" * 16 + texts


def test_both_forms_say_the_same():
    kernel = uevent.read(b"add@/devices/usb1/1-1\0" + TEXTS)
    assert kernel == uevent.read(udev(TEXTS))
    assert kernel == {"ACTION": "add", "DEVPATH": "/devices/usb1/1-1", "SUBSYSTEM": "usb", "X": "a=b"}


def test_only_usb_counts():
    assert uevent.usb(udev(TEXTS))
    assert not uevent.usb(udev(TEXTS.replace(b"=usb\0", b"=block\0")))
    assert not uevent.usb(udev(TEXTS, magic=1))
    assert not uevent.usb(TEXTS)
    assert not uevent.usb(udev(TEXTS, start=2**32 - 1))


@given(st.binary(max_size=200))
def test_any_bytes(data):
    for message in (data, b"libudev\0" + data, b"a@b\0" + data, udev(data, length=2**31)):
        assert all(isinstance(text, str) for pair in uevent.read(message).items() for text in pair)
