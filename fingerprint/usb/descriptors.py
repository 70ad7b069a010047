"""USB descriptors as a device sends them: device, configurations, interfaces, and strings.

Universal Serial Bus Specification 2.0, chapter 9.6 (tables 9-8, 9-10, 9-12, 9-16); the unit of bMaxPower at SuperSpeed
and the BOS are of USB 3.2, chapters 9.6.3 and 9.6.2. sysfs shows the device's and all configurations' in one file.
The bytes come from the phone: any may be wrong, and what holds before the first wrong one counts.
"""

from __future__ import annotations

import struct

import msgspec

LONGEST = 64 << 10  # bytes that are looked at
MOST = 512  # interfaces with their alternates, over all configurations
_DEVICE, _CONFIGURATION, _STRING, _INTERFACE, _BOS, _CAPABILITY = 1, 2, 3, 4, 15, 16
SUPERSPEED = 5000  # Mbit/s

CAPABILITIES = {  # USB 3.2, table 9-14
    1: "wireless USB", 2: "USB 2.0 extension", 3: "SuperSpeed", 4: "container id", 5: "platform", 6: "power delivery",
    7: "battery info", 8: "PD consumer port", 9: "PD provider port", 10: "SuperSpeedPlus",
    11: "precision time measurement", 13: "billboard", 15: "configuration summary",
}  # fmt: skip


class Interface(msgspec.Struct, frozen=True):
    """One interface, or an alternate of it. ``string`` is the index of its text, 0 for none."""

    number: int
    alternate: int
    cls: int
    subclass: int
    protocol: int
    string: int = 0

    @property
    def code(self) -> str:
        """Class, subclass and protocol in hex, as ``ff/42/01``."""
        return f"{self.cls:02x}/{self.subclass:02x}/{self.protocol:02x}"


class Configuration(msgspec.Struct, frozen=True):
    """``power`` is bMaxPower as it stands: units of 2 mA, at SuperSpeed of 8 mA."""

    value: int
    attributes: int
    power: int
    interfaces: tuple[Interface, ...] = ()

    def milliamperes(self, speed: float | None) -> int:
        """What the device may draw, at ``speed`` in Mbit/s."""
        return self.power * (8 if speed and speed >= SUPERSPEED else 2)


class Head(msgspec.Struct, frozen=True):
    """The device descriptor. ``usb`` and ``release`` are binary-coded decimals (0x0210 is 2.10)."""

    usb: int
    cls: int
    subclass: int
    protocol: int
    packet: int
    vendor: int
    product: int
    release: int
    manufacturer_string: int
    product_string: int
    serial_string: int
    configurations: int


class Descriptors(msgspec.Struct, frozen=True):
    """What could be read; ``wrong`` says what could not, and at which byte."""

    head: Head | None = None
    configurations: tuple[Configuration, ...] = ()
    wrong: str = ""

    def configuration(self, value: int | None) -> Configuration | None:
        """The one that is set; the first where none is known to be."""
        found = next((c for c in self.configurations if c.value == value), None)
        return found or next(iter(self.configurations), None)


def read(data: bytes) -> Descriptors:
    """The device descriptor and what follows it; never raises."""
    if len(data) < 18 or data[0] < 18 or data[1] != _DEVICE:
        wrong = "device descriptor is cut off" if len(data) < 18 else "byte 0: no device descriptor"
        return Descriptors(wrong=wrong if data else "no descriptors")
    head = Head(*struct.unpack_from("<HBBBBHHHBBBB", data, 2))
    wrong = f"descriptors are longer than {LONGEST} bytes" if len(data) > LONGEST else ""
    body, at = data[:LONGEST], data[0]
    found: list[tuple[Configuration, list[Interface]]] = []
    count = 0
    while at < len(body) and count < MOST:
        length, kind = body[at], body[at + 1] if at + 1 < len(body) else 0
        if length < 2 or at + length > len(body):
            wrong = wrong or f"byte {at}: a descriptor of {length} bytes, where {len(body) - at} are left"
            break
        if kind in {_CONFIGURATION, _INTERFACE} and length < 9:
            wrong = wrong or f"byte {at}: a descriptor of {length} bytes, where 9 are the least"
        elif kind == _CONFIGURATION:
            found.append((Configuration(body[at + 5], body[at + 7], body[at + 8]), []))
            count += 1
        elif kind == _INTERFACE and found:
            found[-1][1].append(Interface(body[at + 2], body[at + 3], *body[at + 5 : at + 9]))
            count += 1
        at += length
    if count >= MOST and at < len(body):
        wrong = wrong or f"byte {at}: more than {MOST} interfaces"
    configurations = tuple(msgspec.structs.replace(c, interfaces=tuple(i)) for c, i in found)
    return Descriptors(head, configurations, wrong)


def capabilities(data: bytes) -> tuple[str, ...]:
    """What a BOS descriptor offers, by name; what is wrong in it ends the list."""
    if len(data) < 5 or data[0] < 5 or data[1] != _BOS:
        return ()
    found: list[str] = []
    at = data[0]
    while at + 3 <= len(data) and 3 <= data[at] <= len(data) - at and len(found) < 255:
        if data[at + 1] == _CAPABILITY:
            found.append(CAPABILITIES.get(data[at + 2], f"capability {data[at + 2]}"))
        at += data[at]
    return tuple(found)


def string(data: bytes) -> str:
    """The text of a string descriptor, UTF-16LE; what is no UTF-16 is shown as escapes."""
    if len(data) < 2 or data[1] != _STRING:
        return ""
    return data[2 : max(data[0], 2)].decode("utf-16-le", errors="backslashreplace")
