"""A USB tree that ``acquire`` or ``usb`` kept (:mod:`rackprint.fingerprint.usb.record`): one observation a phone.

They are of the same handsets as the answers to the commands of that acquisition: the slot says so, never the serial."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from rackprint.fingerprint.model import ArtifactInfo, Observation, Parsed, Position, Problem
from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.usb import record
from rackprint.fingerprint.usb.kinds import nature
from rackprint.fingerprint.usb.model import NAME
from rackprint.fingerprint.usb.record import LONGEST_LINE, MAGIC, Entry, Header

MOST = 20_000  # devices in one tree
_KEPT = "the bytes are kept; read the tree again"


class UsbTreeParser:
    """Serial, VID:PID and place of each phone; of hubs and other devices nothing."""

    name = "usb_tree"
    version = 1

    def probe(self, head: bytes, name: str) -> bool:
        return head.startswith(MAGIC)

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        stream.seek(len(MAGIC))
        line = stream.readline(LONGEST_LINE)
        try:
            if not line.endswith(b"\n"):
                raise ValueError("is cut off or too long")
            header = record.header(line)
        except ValueError as error:
            yield Problem(f"header of the USB tree: {error}", _KEPT, Position(line=2, offset=len(MAGIC)))
            return
        yield from self._devices(stream, header, info, len(MAGIC) + len(line))

    def _devices(self, stream: BinaryIO, header: Header, info: ArtifactInfo, offset: int) -> Iterator[Parsed]:
        seen: set[str] = set()
        for number in range(min(header.devices, MOST)):
            place = Position(line=number + 3, offset=offset)
            line = stream.readline(LONGEST_LINE)
            offset += len(line)
            if not line.endswith(b"\n"):
                reason = "a line is too long" if len(line) == LONGEST_LINE else "USB tree is cut off"
                yield Problem(f"{reason}; {number} of {header.devices} devices were read", _KEPT, place)
                return
            try:
                entry = _entry(line, seen)
            except ValueError as error:
                yield Problem(f"device of the USB tree: {error}", "it is left out; read the tree again", place)
                continue
            seen.add(entry.name)
            yield from self._phone(entry, header, info, place)
        if header.devices > MOST:
            yield Problem(f"more than {MOST} devices", "the rest is not read", Position(offset=offset))

    def _phone(self, entry: Entry, header: Header, info: ArtifactInfo, place: Position) -> Iterator[Parsed]:
        device = entry.device()
        if not nature(device).phone:
            return
        findings = Findings(self, _told(entry, header, info))
        findings.add("usb_serial", device.serial, place)
        findings.add("usb_id", device.id, place)
        findings.add("usb_product", device.product, place)
        for found in findings.close():
            if isinstance(found, Observation):
                identifier = info.observation_id(entry.name)
                yield msgspec.structs.replace(found, id=identifier, position=place)
            else:
                yield found


def _entry(line: bytes, seen: set[str]) -> Entry:
    entry = record.entry(line)
    if not NAME.fullmatch(entry.name):
        raise ValueError("its name is no port path")
    if entry.name in seen:
        raise ValueError(f"{entry.name} stands twice")
    return entry


def _told(entry: Entry, header: Header, info: ArtifactInfo) -> ArtifactInfo:
    """The place, in the form in which the records of commands tell it."""
    prefix = f"{header.host}:" if header.host else ""
    hub = entry.name.rpartition(".")[0]
    found = (
        ("usb_path", prefix + entry.name),
        ("hub", prefix + hub if hub else ""),
        ("simulated", "yes" if header.simulated else ""),
    )
    return msgspec.structs.replace(
        info,
        taken_at=header.taken_at,
        exhibit=entry.exhibit,
        context=tuple(pair for pair in found if pair[1]),
        handset=("", "") if entry.exhibit else (header.acquisition, entry.slot or entry.name),
    )


USB_TREE = UsbTreeParser()
