"""``service call iphonesubinfo N``: what Binder printed, decoded back to the text it holds.

The reply is a parcel: an int32 exception code (0 for none), an int32 length (-1 for null), then UTF-16 (AOSP,
frameworks/native Parcel::writeString16). Which transaction asks for what differs by Android version and maker, so the
kind of a value is told by the value itself; only call 1 asks for the device id on every version.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from rackprint.fingerprint.identifiers import iccid, imei, imsi
from rackprint.fingerprint.model import ArtifactInfo, Parsed
from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line, lines, peek

_START = re.compile(r"Result: Parcel\(")
_COMMAND = re.compile(r"service call iphonesubinfo (\d+)\b")
_ROW = re.compile(r"^\s*(?:0x[0-9a-f]{8}: )?([0-9a-f]{8}(?: [0-9a-f]{8}){0,3})\s+'(.*)'")
_LONGEST = 64  # rows; an identifier needs three
_REPORTING_BODIES = ("01", "35", "86", "91", "98", "99")  # GSMA TS.06, those that phones bear today


@dataclass(frozen=True, slots=True)
class Reply:
    """A decoded parcel: its text, or why there is none (``denied``, ``null``, or damage)."""

    text: str = ""
    why: str = ""


def decode(rows: list[str]) -> Reply:
    """The text of a parcel from its printed rows. Damage is told: the printed characters must agree with the words."""
    data, shown = b"", ""
    if len(rows) > _LONGEST:
        return Reply(why="parcel is longer than any identifier")
    for row in rows:
        found = _ROW.match(row)
        if not found:
            return Reply(why="parcel row is damaged")
        words = found[1].split()
        data += b"".join(struct.pack("<I", int(word, 16)) for word in words)
        shown += found[2][: 4 * len(words)]
    printed = "".join(chr(b) if 32 <= b < 127 else "." for b in data)
    if shown != printed:
        return Reply(why="words and characters of the parcel disagree")
    if len(data) < 4:
        return Reply(why="parcel is empty")
    if data[:4] != b"\0\0\0\0":
        return Reply(why="denied")
    if len(data) < 8:
        return Reply(why="parcel is cut off")
    (length,) = struct.unpack_from("<i", data, 4)
    if length < 0:
        return Reply(why="null")
    body = data[8 : 8 + 2 * length]
    if len(body) < 2 * length:
        return Reply(why="parcel is cut off")
    return Reply(body.decode("utf-16-le", "replace")) if body else Reply(why="null")


def kind_of(text: str, call: str = "") -> str:
    """imei, iccid or imsi by the value; "" when it looks like none. An IMSI may pass the Luhn check by chance, so an
    IMEI must also start with a reporting body that issues them, or be asked for by name."""
    if not text.isascii() or not text.isdigit():
        return ""
    if text.startswith("89") and len(text) >= iccid.SHORTEST:
        return "iccid"
    if call == "1" or (len(text) == imei.LENGTH and imei.read(text).valid and text.startswith(_REPORTING_BODIES)):
        return "imei"
    if imsi.read(text).valid:
        return "imsi"
    return "imei" if len(text) == imei.LENGTH else ""


class ParcelsParser:
    """One observation a file; each reply may follow the shell line that asked for it."""

    name = "parcels"
    version = 1

    def probe(self, head: bytes, name: str) -> bool:
        return "Result: Parcel(" in peek(head)

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        out = Findings(self, info)
        call = ""
        rows: list[str] | None = None
        start = Line(1, 0, "")
        for line in lines(stream):
            text = line.text
            command = _COMMAND.search(text)
            if command:
                call = command[1]
            opened = _START.search(text)
            if opened:
                if rows is not None:
                    out.problem("parcel is cut off", "ask the phone again", start)
                rows, start, text = [], line, text[opened.end() :]
            if rows is None:
                continue
            if text.strip() not in {"", ")"}:
                rows.append(text)
            if text.rstrip().endswith(")") or len(rows) > _LONGEST:
                self._reply(decode(rows), call, start, out)
                rows, call = None, ""
        if rows is not None:
            out.problem("parcel is cut off", "ask the phone again", start)
        yield from out.close()

    def _reply(self, reply: Reply, call: str, line: Line, out: Findings) -> None:
        if reply.why in {"null", "denied"}:
            return  # the phone has answered; that there is nothing to tell is no fault of the file
        if reply.why:
            out.problem(reply.why, "it was left out; ask the phone again", line)
            return
        kind = kind_of(reply.text.strip(), call)
        if kind:
            out.add(kind, reply.text, line)


PARCELS = ParcelsParser()
