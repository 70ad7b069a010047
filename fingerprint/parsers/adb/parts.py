"""What the kernel tells of the phone's parts: numbers of chips and battery, processor, memory, storage."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rackprint.fingerprint.commands.answers import refusal
from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

_LONGEST = 128  # characters; a longer line is no serial number
_FIELD = re.compile(r"^(Hardware|Serial)\s*: (.*)$")
_MEMORY = re.compile(r"^MemTotal:\s+(\d{1,15}) kB")
_KERNEL = re.compile(r"^Linux version .+")
_DISK = re.compile(r"^\s*\d+\s+\d+\s+(\d{1,15})\s+(mmcblk0|sd[a-z])\s*$")
_NOTHING = re.compile("[0 ]*")


def serial(signal: str, lines: Iterable[Line], out: Findings) -> None:
    """The first line of a file that holds one number, as ``signal``; a message instead of it is none."""
    for line in lines:
        text = line.text.strip()
        if text and len(text) <= _LONGEST and not refusal(text):
            out.add(signal, text, line)
            return


def cpuinfo(lines: Iterable[Line], out: Findings) -> None:
    """``/proc/cpuinfo`` of ARM: the chip's name and number; zeros stand for none (arch/arm, system_serial_high). The
    name is not the ``cpu`` of the properties, which is a short word for the same chip."""
    for line in lines:
        found = _FIELD.match(line.text)
        if not found:
            continue
        if found[1] == "Hardware":
            out.add("soc", found[2], line)
        elif _NOTHING.fullmatch(found[2]):
            out.blank("cpu_serial", found[2].strip(), line)
        else:
            out.add("cpu_serial", found[2], line)


def kernel(lines: Iterable[Line], out: Findings) -> None:
    """``/proc/version``."""
    for line in lines:
        if _KERNEL.match(line.text):
            out.add("kernel", line.text, line)
            return


def memory(lines: Iterable[Line], out: Findings) -> None:
    """``/proc/meminfo``."""
    for line in lines:
        found = _MEMORY.match(line.text)
        if found:
            out.add("ram_mb", int(found[1]) // 1024, line)
            return


def partitions(lines: Iterable[Line], out: Findings) -> None:
    """``/proc/partitions``, in KiB: the phone's own storage as it is sold. UFS shows a disk for each of its logical
    units; beside it ``mmcblk0`` is a card, else it is the eMMC."""
    disks: dict[str, tuple[int, Line]] = {}
    for line in lines:
        found = _DISK.match(line.text)
        if found:
            disks.setdefault(found[2], (int(found[1]), line))
    ufs = [size for name, (size, _) in disks.items() if name != "mmcblk0"]
    if disks:
        name = next(iter(disks)) if not ufs else next(n for n in disks if n != "mmcblk0")
        size, line = (sum(ufs), disks[name][1]) if ufs else disks["mmcblk0"]
        if size:
            out.add("storage_gb", _sold(size << 10), line)


def _sold(size: int) -> int:
    """Bytes as the next power of two of 10^9 (AOSP, FileUtils.roundStorageSize)."""
    sold = 1
    while sold * 10**9 < size:
        sold *= 2
    return sold
