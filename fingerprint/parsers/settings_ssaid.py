"""``settings_ssaid.xml`` of /data/system/users/N: the android_id each app sees (Android 8 and later)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from rackprint.fingerprint.model import ArtifactInfo, Parsed
from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

_BINARY = b"ABX\0"
_LIMIT = 16 << 20
_CHUNK = 64 << 10


class _Refused(Exception):
    """The XML asks for something that no settings file needs."""


class SettingsSsaidParser:
    """One observation with an android_id for each package, in that package's scope."""

    name = "settings_ssaid"
    version = 1

    def probe(self, head: bytes, name: str) -> bool:
        if head.startswith(_BINARY):
            return "ssaid" in name
        text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
        return text.startswith(b"<") and b"<settings" in head and (b"package=" in head or "ssaid" in name)

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        out = Findings(self, info)
        if stream.read(4) == _BINARY:
            out.problem("is Android binary XML", "convert it with abx2xml, which Android 12 and later ship")
        else:
            stream.seek(0)
            self._read(stream, out)
        yield from out.close()

    def _read(self, stream: BinaryIO, out: Findings) -> None:
        parser = expat.ParserCreate()

        def start(tag: str, attributes: dict[str, str]) -> None:
            package = attributes.get("package", "")
            # "android" holds the key that the others are made of
            if tag == "setting" and package not in {"", "android", "null"}:
                line = Line(parser.CurrentLineNumber, parser.CurrentByteIndex, "")
                out.add("android_id", attributes.get("value", ""), line, app=package)

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
        except (expat.ExpatError, _Refused, UnicodeError) as error:
            where = Line(parser.CurrentLineNumber, parser.CurrentByteIndex, "")
            out.problem(f"XML ends here: {error}", "what came before was kept; fetch the file again", where)


SETTINGS_SSAID = SettingsSsaidParser()
