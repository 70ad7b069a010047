"""Bugreports as zip archives (Android 7 and later): finds the report's text and reads what there is of it."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from rackprint.fingerprint.model import ArtifactInfo, Parsed, Position, Problem
from rackprint.fingerprint.parsers.bugreport_text import read
from rackprint.fingerprint.parsers.inflate import Bounded, salvage
from rackprint.fingerprint.parsers.text import lines

_NAMES_LIMIT = 100_000
KEPT = "what is there was read; fetch it again"
_MARKS = (b"bugreport", b"main_entry.txt", b"dumpstate_log", b"dumpstate_board")


class BugreportZipParser:
    """One observation from the main text. Names in the zip are never used as paths."""

    name = "bugreport_zip"
    version = 2

    def probe(self, head: bytes, name: str) -> bool:
        return head.startswith(b"PK\x03\x04") and ("bugreport" in name or any(mark in head for mark in _MARKS))

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError):
            yield Problem("zip is cut off: its directory at the end is missing", KEPT)
            yield from self._salvage(stream, info)
            return
        with archive:
            entries = archive.infolist()[:_NAMES_LIMIT]
            yield from (Problem(*why, Position(member=e.filename)) for e in entries if (why := _refusal(e)))
            main = _main([e for e in entries if not _refusal(e)])
            if main is None:
                yield Problem("holds no bugreport text", "give the zip that adb bugreport wrote")
                return
            place = Position(member=main.filename)
            try:
                member = archive.open(main)
            except (zipfile.BadZipFile, ValueError, OSError, OverflowError) as error:
                # bytes before the directory were lost or added, so that its offsets lead nowhere
                yield Problem(f"zip is damaged: its directory does not fit ({error})", KEPT, place)
                yield from self._salvage(stream, info)
            except (RuntimeError, NotImplementedError) as error:
                yield Problem(f"cannot be opened: {error}", "fetch the bugreport again", place)
            else:
                with member:
                    yield from self._report(member, main.compress_size, main.filename, info)

    def _salvage(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        for name, content in salvage(stream):
            if _is_report(name):
                yield from self._report(content, 0, name, info)
                return
        yield Problem("no bugreport text in what is left of it", "fetch the bugreport again")

    def _report(self, content: Any, packed: int, name: str, info: ArtifactInfo) -> Iterator[Parsed]:
        bounded = Bounded(content, packed)
        yield from read(self, lines(cast(BinaryIO, bounded)), info, name)
        if bounded.stopped:
            place = Position(member=name, offset=bounded.tell())
            yield Problem(bounded.stopped, "what came before was kept", place)


def _refusal(entry: zipfile.ZipInfo) -> tuple[str, str] | None:
    parts = entry.orig_filename.replace("\\", "/").split("/")
    if ".." in parts or entry.orig_filename.startswith(("/", "\\")):
        return "member's name leads out of the archive", "it was not read"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "member is a symbolic link", "it was not read"
    return None


def _is_report(name: str) -> bool:
    return "/" not in name and name.startswith("bugreport") and name.endswith(".txt")


def _main(entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo | None:
    texts = [e for e in entries if _is_report(e.filename)]
    if not texts:  # some makers pack the report under another name
        texts = [e for e in entries if "/" not in e.filename and e.filename.endswith(".txt")]
        texts = [e for e in texts if e.filename not in {"version.txt", "main_entry.txt", "dumpstate_log.txt"}]
    return max(texts, key=lambda e: e.file_size, default=None)


BUGREPORT_ZIP = BugreportZipParser()
