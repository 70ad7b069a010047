"""``settings_ssaid.xml`` of /data/system/users/N: the android_id each app sees (Android 8 and later), as XML text or,
from Android 12 on, as Android binary XML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from rackprint.fingerprint.model import ArtifactInfo, Parsed, Position, Problem
from rackprint.fingerprint.parsers.abx import MAGIC, AbxError, elements
from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

KEPT = "what came before was kept; fetch the file again"
_LIMIT = 16 << 20
_CHUNK = 64 << 10


class _Refused(Exception):
    """The XML asks for something that no settings file needs."""


class SettingsSsaidParser:
    """One observation with an android_id for each package, in that package's scope."""

    name = "settings_ssaid"
    version = 1

    def probe(self, head: bytes, name: str) -> bool:
        if head.startswith(MAGIC):
            return "ssaid" in name
        text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        return text.startswith(b"<") and b"<settings" in head and (b"package=" in head or "ssaid" in name)

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        out = Findings(self, info)
        binary = stream.read(4) == MAGIC
        stream.seek(0)
        if binary:
            self._binary(stream, out)
        else:
            self._text(stream, out)
        yield from out.close()

    def _binary(self, stream: BinaryIO, out: Findings) -> None:
        try:
            for element in elements(stream):
                _setting(element.name, element.attributes, Position(offset=element.offset), out)
        except AbxError as error:
            place = Position(offset=error.offset)
            out.problems.append(Problem(f"binary XML ends here: {error}", KEPT, place))

    def _text(self, stream: BinaryIO, out: Findings) -> None:
        parser = expat.ParserCreate()

        def start(tag: str, attributes: dict[str, str]) -> None:
            place = Position(line=parser.CurrentLineNumber, offset=parser.CurrentByteIndex)
            _setting(tag, attributes, place, out)

        def doctype(*_: object) -> None:
            raise _Refused("has a document type, which settings never have")

        parser.StartElementHandler = start
        parser.StartDoctypeDeclHandler = doctype
        size = 0
        try:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > _LIMIT:
                    raise _Refused(f"is larger than {_LIMIT >> 20} MiB")
                parser.Parse(chunk)
            parser.Parse(b"", True)
        except (expat.ExpatError, _Refused, ValueError, LookupError) as error:  # the last two: its encoding
            where = Line(parser.CurrentLineNumber, parser.CurrentByteIndex, "")
            out.problem(f"XML ends here: {error}", KEPT, where)


def _setting(tag: str, attributes: dict[str, str], place: Position, out: Findings) -> None:
    package = attributes.get("package", "")
    # "android" holds the key that the others are made of
    if tag == "setting" and package not in {"", "android", "null"}:
        out.add("android_id", attributes.get("value", ""), place, app=package)


SETTINGS_SSAID = SettingsSsaidParser()
