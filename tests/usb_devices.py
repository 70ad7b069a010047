"""Made-up USB devices for tests: as values, and as a folder that looks like /sys/bus/usb."""

import struct
from datetime import UTC, datetime

from rackprint.fingerprint.usb.model import Device, Tree, order

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
ADB, FASTBOOT, MTP, STORAGE, HID, HUB = "ff/42/01", "ff/42/03", "06/01/01", "08/06/50", "03/01/01", "09/00/00"


def described(vid, pid, interfaces, cls=0, power=250):
    """Device, configuration and interface descriptors (USB 2.0, chapter 9.6)."""
    head = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, cls, 0, 0, 64, int(vid, 16), int(pid, 16), 0x0404, 1, 2, 3, 1)
    body = b"".join(
        bytes([9, 4, number, 0, 0, *(int(part, 16) for part in code.split("/")), 0])
        for number, code in enumerate(interfaces)
    )
    return head + struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), len(interfaces), 1, 0, 0x80, power) + body


def device(name, usb_id="04e8:6860", interfaces=(ADB,), serial=None, number=None, **texts):
    """A device; ``texts`` are further attributes, ``serial`` may be bytes."""
    vid, pid = usb_id.split(":")
    cls = 9 if HUB in interfaces else 0
    number = number if number is not None else sum(order(name)) + 1
    found = {"idVendor": vid, "idProduct": pid, "bDeviceClass": f"{cls:02x}", "busnum": "1", "devnum": str(number),
             "speed": "480", "bConfigurationValue": "1", "maxchild": "10" if cls else "0", **texts}  # fmt: skip
    attributes = {key: text.encode() + b"\n" for key, text in found.items()}
    if serial is not None:
        attributes["serial"] = (serial if isinstance(serial, bytes) else serial.encode()) + b"\n"
    attributes["descriptors"] = described(vid, pid, interfaces, cls)
    return Device(name, attributes)


def hub(name, **texts):
    return device(name, "05e3:0608", (HUB,), **texts)


def tree(*devices):
    return Tree(tuple(sorted(devices, key=lambda d: order(d.name))), NOW, "/sys/bus/usb")


def write(root, *devices):
    """The devices as sysfs shows them, under ``root``."""
    for found in devices:
        folder = root / "devices" / found.name
        for name, value in found.attributes.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(value)
    return root
