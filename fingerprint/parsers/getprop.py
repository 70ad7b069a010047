"""``adb shell getprop``: lines of ``[name]: [value]``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from rackprint.fingerprint.model import ArtifactInfo, Parsed
from rackprint.fingerprint.parsers import properties
from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line, lines, peek


class GetpropParser:
    """One observation, at the time the file was taken: properties carry none."""

    name = "getprop"
    version = 1

    def probe(self, head: bytes, name: str) -> bool:
        first = [line for line in peek(head).splitlines() if line.strip()][:50]
        found = sum(bool(properties.PROPERTY.match(line)) for line in first)
        return found > 0 and found * 2 >= len(first)

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        out = Findings(self, info)
        read(lines(stream), out)
        yield from out.close()


def read(text: Iterable[Line], out: Findings) -> None:
    """The signals among the properties that ``text`` lists."""
    properties.collect(_whole(text, out), out)


def _whole(text: Iterable[Line], out: Findings) -> Iterator[properties.Property]:
    strange: Line | None = None
    count = 0
    for found in properties.read(text):
        if isinstance(found, Line):
            strange, count = strange or found, count + 1
        elif found.whole:
            yield found
        else:
            out.problem(f"property {found.name} is cut off", "it was left out; fetch the file again", found.line)
    if strange:
        more = f" (and {count - 1} more)" if count > 1 else ""
        out.problem(f"line is no property{more}", "the rest was read", strange)


GETPROP = GetpropParser()
