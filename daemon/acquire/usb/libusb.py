"""Descriptors read from the devices themselves, through libusb: what sysfs does not give, and all of it where there is
no sysfs. The only user of pyusb; libusb is the one that libusb-package brings.

It reads (GET_DESCRIPTOR), sets nothing, claims nothing and detaches no driver. It needs the right to the device's node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from rackprint.daemon.errors import RackprintError
from rackprint.fingerprint.usb import descriptors
from rackprint.fingerprint.usb.model import Device, Tree, order

_DEVICE, _CONFIGURATION, _STRING, _BOS = 1, 2, 3, 15
_MOST_CONFIGURATIONS = 8  # as the kernel (USB_MAXCONFIG)
_SPEEDS = {1: "1.5", 2: "12", 3: "480", 4: "5000", 5: "10000", 6: "20000"}  # libusb_speed
_ENGLISH = 0x0409


class Asked(msgspec.Struct, frozen=True):
    """What one device answered: ``descriptors`` as sysfs would show them, the BOS, and the strings by index. ``why`` is
    what failed, empty when all was answered."""

    name: str
    descriptors: bytes = b""
    bos: bytes = b""
    strings: dict[int, str] = {}
    why: str = ""


def ask() -> dict[str, Asked]:
    """What each device answers, by name. Raises RackprintError where libusb finds no USB."""
    return {name: _asked(name, device) for name, device in _devices()}


def tree() -> Tree:
    """The tree as libusb sees it, where there is no sysfs. Raises RackprintError where it finds no USB."""
    problems: list[str] = []
    found: list[Device] = []
    for name, device in _devices():
        answer = _asked(name, device)
        if answer.why:
            problems.append(f"{name}: {answer.why}")
        found.append(_device(name, device, answer))
    found.sort(key=lambda d: order(d.name))
    return Tree(tuple(found), datetime.now(UTC), "libusb", tuple(problems))


def _devices() -> Iterator[tuple[str, Any]]:
    import libusb_package
    import usb.core

    backend = libusb_package.get_libusb1_backend()
    if backend is None:
        raise RackprintError("libusb finds no USB here; give the container or service /sys and /dev/bus/usb")
    try:
        devices = list(usb.core.find(find_all=True, backend=backend))
    except usb.core.USBError as error:
        raise RackprintError(f"libusb does not list the devices: {error}") from error
    if not devices:
        raise RackprintError("libusb finds no device; give the container or service /sys and /dev/bus/usb")
    for device in devices:
        ports = ".".join(str(port) for port in device.port_numbers or ())
        yield f"{device.bus}-{ports}" if ports else f"usb{device.bus}", device


def _asked(name: str, device: Any) -> Asked:
    """One device's answers; the first that fails ends its strings, not what came before."""
    import usb.core
    import usb.util

    head = body = bos = b""
    strings: dict[int, str] = {}
    try:
        head = _descriptor(device, _DEVICE, 0, 18)
        for number in range(min(head[17], _MOST_CONFIGURATIONS) if len(head) == 18 else 0):
            body += _whole(device, _CONFIGURATION, number, 9)
        bos = _optional(lambda: _whole(device, _BOS, 0, 5))
        read = descriptors.read(head + body)
        wanted = {*head[14:17], *(i.string for c in read.configurations for i in c.interfaces)}
        if wanted - {0}:
            language = _language(device)
            strings = {index: _string(device, index, language) for index in sorted(wanted - {0})}
        return Asked(name, head + body, bos, strings)
    except (usb.core.USBError, NotImplementedError, ValueError) as error:
        return Asked(name, head + body, bos, strings, f"libusb: {error}")
    finally:
        usb.util.dispose_resources(device)


def _descriptor(device: Any, kind: int, index: int, size: int, language: int = 0) -> bytes:
    import usb.control

    return bytes(usb.control.get_descriptor(device, size, kind, index, language))


def _whole(device: Any, kind: int, index: int, least: int) -> bytes:
    """A descriptor that tells its full length in its bytes 2 and 3."""
    first = _descriptor(device, kind, index, least)
    total = int.from_bytes(first[2:4], "little")
    return _descriptor(device, kind, index, total) if total > least else first


def _optional(read: Callable[[], bytes]) -> bytes:
    """What a device need not have: a refusal (a stall) says that it has none."""
    import usb.core

    try:
        return read()
    except usb.core.USBError:
        return b""


def _language(device: Any) -> int:
    languages = _descriptor(device, _STRING, 0, 255)
    return int.from_bytes(languages[2:4], "little") if len(languages) >= 4 else _ENGLISH


def _string(device: Any, index: int, language: int) -> str:
    return descriptors.string(_optional(lambda: _descriptor(device, _STRING, index, 255, language)))


def _device(name: str, device: Any, answer: Asked) -> Device:
    """As sysfs would show it. Ids are libusb's own where the device answered nothing."""
    texts = {
        "idVendor": f"{device.idVendor:04x}",
        "idProduct": f"{device.idProduct:04x}",
        "bDeviceClass": f"{device.bDeviceClass:02x}",
        "busnum": str(device.bus),
        "devnum": str(device.address),
        "speed": _SPEEDS.get(device.speed or 0, ""),
    }
    if answer.descriptors[17:]:
        for attribute, index in zip(("manufacturer", "product", "serial"), answer.descriptors[14:17], strict=True):
            texts[attribute] = answer.strings.get(index, "")
    attributes = {key: text.encode(errors="backslashreplace") + b"\n" for key, text in texts.items() if text}
    if answer.descriptors:
        attributes["descriptors"] = answer.descriptors
    if answer.bos:
        attributes["bos_descriptors"] = answer.bos
    return Device(name, attributes)
