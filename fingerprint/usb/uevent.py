"""Messages about devices from a NETLINK_KOBJECT_UEVENT socket.

The kernel's (group 1) is ``add@/devices/…`` and then ``KEY=value`` texts, each ended by a NUL (lib/kobject_uevent.c).
udev's (group 2) has a header: ``libudev\\0``, a magic in network order, and in the host's order the header's length,
where the texts begin and how long they are (systemd, src/libsystemd/sd-device/device-monitor.c).
"""

from __future__ import annotations

import struct

LONGEST = 64 << 10
_UDEV, _MAGIC = b"libudev\0", 0xFEEDCAFE


def read(message: bytes) -> dict[str, str]:
    """The texts of a message; empty where it is none."""
    if message.startswith(_UDEV):
        body = _udev(message)
    else:
        first, _, body = message.partition(b"\0")
        if b"@" not in first:
            return {}
    pairs = (text.partition("=") for text in body.decode(errors="backslashreplace").split("\0"))
    return {name: value for name, mark, value in pairs if mark}


def _udev(message: bytes) -> bytes:
    if len(message) < 24 or struct.unpack_from(">I", message, 8)[0] != _MAGIC:
        return b""
    _, start, length = struct.unpack_from("=III", message, 12)
    return message[start : start + length]


def usb(message: bytes) -> bool:
    """Whether it tells of a USB device or one of its interfaces."""
    return read(message).get("SUBSYSTEM") == "usb"
