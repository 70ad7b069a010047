"""Reads the USB tree from sysfs. No device is asked: the kernel read all of it when they were plugged in."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

from rackprint.daemon.errors import RackprintError
from rackprint.fingerprint.usb.model import NAME, Device, Tree, order

ROOT = Path("/sys/bus/usb")
_PAGE = 4096  # what sysfs gives of a text at most
_BINARY = {"descriptors": 64 << 10, "bos_descriptors": 64 << 10}
_TEXTS = (
    "idVendor", "idProduct", "bcdDevice", "bDeviceClass", "bDeviceSubClass", "bDeviceProtocol", "bConfigurationValue",
    "bNumConfigurations", "bNumInterfaces", "bMaxPower", "bmAttributes", "busnum", "devnum", "devpath", "maxchild",
    "speed", "version", "removable", "authorized", "configuration", "manufacturer", "product", "serial",
    "power/control", "power/runtime_status", "power/autosuspend_delay_ms", "power/connected_duration",
    "power/active_duration",
)  # fmt: skip
_TRIES = 3  # at a device that changes while it is read


def tree(root: Path = ROOT) -> Tree:
    """What is attached now. Raises RackprintError where there is no USB here. A device that goes while it is read is
    gone; one that may not be read is named in ``problems``."""
    folder = root / "devices"
    try:
        names = sorted((n for n in _listed(folder) if NAME.fullmatch(n)), key=lambda n: (order(n), n))
    except OSError as error:
        raise RackprintError(
            f"{root}: {(error.strerror or str(error)).lower()}: no USB here, or it is hidden from here; "
            "mount sysfs, or give the container or service /sys and /dev/bus/usb"
        ) from error
    taken_at = datetime.now(UTC)
    problems: list[str] = []
    devices = [found for name in names if (found := _device(folder / name, problems))]
    problems += [f"{d.name}: {d.descriptors.wrong}; what stands before it is used" for d in devices if _wrong(d)]
    return Tree(tuple(devices), taken_at, str(root), tuple(problems))


def _wrong(device: Device) -> bool:
    return bool(device.descriptors.wrong and device.attributes.get("descriptors"))


def _device(folder: Path, problems: list[str]) -> Device | None:
    """The device; None when it went meanwhile."""
    try:
        for _ in range(_TRIES):
            number = _read(folder / "devnum", _PAGE)
            attributes = _attributes(folder)
            if number is not None and _read(folder / "devnum", _PAGE) == number == attributes.get("devnum"):
                return Device(folder.name, attributes)
            if number is None and not folder.is_dir():
                return None
    except PermissionError as error:
        problems.append(f"{error.filename}: may not be read; run it as a user who may")
    return None


def _attributes(folder: Path) -> dict[str, bytes]:
    found = {name: _read(folder / name, _PAGE) for name in _TEXTS}
    found |= {name: _read(folder / name, most) for name, most in _BINARY.items()}
    prefix = f"{folder.name}:"
    try:
        inside = sorted(_listed(folder))
    except OSError:
        inside = []  # it went, and that is seen by its number
    for name in inside:
        if name.startswith(prefix):
            found[f"{name}/interface"] = _read(folder / name / "interface", _PAGE)
    return {name: value for name, value in found.items() if value is not None}


def _listed(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _read(path: Path, most: int) -> bytes | None:
    """The first ``most`` bytes; None where there is no such attribute, or the device does not give it. Raises
    PermissionError."""
    try:
        # What is no plain file is no attribute, and a pipe must not hold us up.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            read = bytearray()
            while len(read) < most and (more := file.read(most - len(read))):
                read += more
            return bytes(read)
    except PermissionError:
        raise
    except OSError:
        return None
