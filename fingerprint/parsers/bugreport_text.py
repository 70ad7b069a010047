"""Bugreports as plain text (dumpstate, Android 4 to 15), read in one pass and by section."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import BinaryIO

from rackprint.fingerprint.model import ArtifactInfo, Parsed
from rackprint.fingerprint.parsers import properties, sections
from rackprint.fingerprint.parsers.adb import parts
from rackprint.fingerprint.parsers.base import Findings, Parser
from rackprint.fingerprint.parsers.dumpsys import SERVICES
from rackprint.fingerprint.parsers.text import Line, lines, peek

_STARTED = re.compile(r"^== dumpstate: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)")
_HEADER = {
    "bootloader": re.compile(r"^Bootloader: (.+)"),
    "baseband": re.compile(r"^Radio: (.+)"),
    "kernel": re.compile(r"^Kernel: (.+)"),
    "build_fingerprint": re.compile(r"^Build fingerprint: '(.+)'"),
    "serial": re.compile(r"^Command line: .*?\bandroidboot\.serialno=(\S+)"),
}
_FORMAT = re.compile(r"^Bugreport format version: ")
# AlarmManagerService prints both clocks: milliseconds of epoch, local time, and milliseconds since boot.
_CLOCKS = re.compile(r"nowRTC=(\d{12,14})=(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\S*\s+nowELAPSED=(\d+)\b")


class BugreportTextParser:
    """One observation. Its time is dumpstate's, which is local; where the report shows the phone's offset (service
    ``alarm``) it is turned to UTC, else taken for UTC."""

    name = "bugreport"
    version = 2

    def probe(self, head: bytes, name: str) -> bool:
        return "\n== dumpstate: " in "\n" + peek(head[:8192])

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        yield from read(self, lines(stream), info)


def read(parser: Parser, text: Iterable[Line], info: ArtifactInfo, member: str = "") -> Iterator[Parsed]:
    """Reads a report's lines; ``member`` is the archive member that they are from."""
    out = Findings(parser, info, member)
    report = _Report(out)
    for section, group in groupby(sections.split(report.watch(text)), key=itemgetter(0)):
        report.section(section, (line for _, line in group))
    report.close()
    yield from out.close()


def services(text: Iterable[Line], out: Findings) -> None:
    """What ``dumpsys`` without a name prints: the dump of every service."""
    report = _Report(out)
    for section, group in groupby(sections.split(text), key=itemgetter(0)):
        if section.startswith("service:"):
            report.section(section, (line for _, line in group))


class _Report:
    def __init__(self, out: Findings) -> None:
        self._out = out
        self._local: datetime | None = None
        self._offset = timedelta()
        self._complete, self._marks_end = False, False
        self._last: Line | None = None

    def watch(self, text: Iterable[Line]) -> Iterator[Line]:
        """Passes the lines on and notes whether dumpstate's last one comes."""
        for line in text:
            self._last = line
            self._complete = self._complete or sections.ended(line.text)
            yield line

    def section(self, name: str, text: Iterable[Line]) -> None:
        if name == sections.HEADER:
            self._header(text)
        elif name == "SYSTEM PROPERTIES":
            found = properties.read(text)
            properties.collect((p for p in found if isinstance(p, properties.Property) and p.whole), self._out)
        elif name == "MEMORY INFO":
            parts.memory(text, self._out)
        elif name == "service:alarm":
            self._clocks(text)
        elif name.startswith("service:"):
            reader = SERVICES.get(name.removeprefix("service:"))
            if reader:
                reader(text, self._out)

    def _header(self, text: Iterable[Line]) -> None:
        for line in text:
            started = _STARTED.match(line.text)
            if started and self._local is None:
                self._local = _time(started[1])
            self._marks_end = self._marks_end or bool(_FORMAT.match(line.text))
            for signal, pattern in _HEADER.items():
                found = pattern.match(line.text)
                if found:
                    self._out.add(signal, found[1], line)

    def _clocks(self, text: Iterable[Line]) -> None:
        for line in text:
            found = _CLOCKS.search(line.text)
            local = _time(found[2]) if found else None
            if found and local:
                epoch = int(found[1]) / 1000
                quarters = round((local.timestamp() - epoch) / 900)  # offsets of civil time are quarters of an hour
                self._offset = timedelta(minutes=15 * quarters)
                self._out.add("boot_time", round(epoch - int(found[3]) / 1000), line)
                return

    def close(self) -> None:
        if self._local:
            self._out.time = self._local - self._offset
        if self._marks_end and not self._complete:
            self._out.problem("report ends before dumpstate was done", "what it holds was read", self._last)


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


BUGREPORT_TEXT = BugreportTextParser()
