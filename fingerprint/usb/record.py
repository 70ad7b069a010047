"""A USB tree as an artifact: what was read of each device as it was read, one line a device.

::

    rackprint-usb 1\\n
    {"acquisition": …, "host": "bench", "taken_at": …, "source": "/sys/bus/usb", "devices": 45}\\n
    {"name": "1-1.2", "slot": "1-1.2", "texts": {"serial": "R58N…\\n", …}, "bytes": {"descriptors": "1201…"}}\\n

``texts`` are attributes that are UTF-8, as they stood; ``bytes`` all others, in hex.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec

from rackprint.fingerprint.usb.model import Device, Tree

MAGIC = b"rackprint-usb 1\n"
LONGEST_LINE = 1 << 20
_BINARY = ("descriptors", "bos_descriptors")
_Line = TypeVar("_Line", "Header", "Entry")


class Header(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """When and by whom the tree was read. ``devices`` counts the lines that follow; ``simulated`` is said of a rack
    that is none."""

    acquisition: str
    host: str
    taken_at: Annotated[datetime, msgspec.Meta(tz=True)]
    source: str = ""
    devices: Annotated[int, msgspec.Meta(ge=0)] = 0
    simulated: bool = False
    problems: tuple[str, ...] = ()


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A device. ``slot`` is what the acquisition calls the handset there, empty for its port path; ``exhibit`` its
    label, where a person gave it one."""

    name: str
    slot: str = ""
    exhibit: str = ""
    texts: dict[str, str] = {}
    bytes: dict[str, str] = {}

    def device(self) -> Device:
        """The device with its attributes as they were read. Raises ValueError where ``bytes`` are no hex."""
        raw = {name: text.encode() for name, text in self.texts.items()}
        return Device(self.name, raw | {name: bytes.fromhex(text) for name, text in self.bytes.items()})


def pack(
    tree: Tree,
    acquisition: str,
    host: str,
    *,
    slots: Mapping[str, str] | None = None,
    exhibits: Mapping[str, str] | None = None,
    simulated: bool = False,
) -> bytes:
    """The bytes of the artifact. ``slots`` and ``exhibits`` say by port path what the acquisition calls the handset
    there, where that is not the path itself (``1-1.2#2``, the second phone in that place), and its label."""
    header = Header(
        acquisition=acquisition, host=host, taken_at=tree.taken_at, source=tree.source, devices=len(tree.devices),
        simulated=simulated, problems=tree.problems,
    )  # fmt: skip
    lines = [msgspec.json.encode(header)]
    for device in tree.devices:
        slot, exhibit = ((names or {}).get(device.name, "") for names in (slots, exhibits))
        lines.append(msgspec.json.encode(_entry(device, slot, exhibit)))
    return MAGIC + b"\n".join(lines) + b"\n"


def _entry(device: Device, slot: str, exhibit: str) -> Entry:
    texts: dict[str, str] = {}
    binary: dict[str, str] = {}
    for name, value in sorted(device.attributes.items()):
        try:
            if name in _BINARY:
                binary[name] = value.hex()
            else:
                texts[name] = value.decode()
        except UnicodeDecodeError:
            binary[name] = value.hex()
    return Entry(name=device.name, slot=slot, exhibit=exhibit, texts=texts, bytes=binary)


def header(line: bytes) -> Header:
    """The second line of the artifact. Raises ValueError, saying why, where it is none."""
    return _decoded(line, Header)


def entry(line: bytes) -> Entry:
    """A further line. Raises ValueError, saying why, where it is none."""
    found = _decoded(line, Entry)
    found.device()  # bytes that are no hex
    return found


def _decoded(line: bytes, kind: type[_Line]) -> _Line:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())) from error
