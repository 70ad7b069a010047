"""``service call iphonesubinfo N``: what Binder printed, decoded back to the text it holds.

The reply is a parcel: an int32 exception code (0 for none), an int32 length (-1 for null), then UTF-16 (AOSP,
frameworks/native Parcel::writeString16). Which transaction asks for what differs by Android version and maker, so the
kind of a value is told by the value itself; only call 1 asks for the device id on every version.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from rackprint.fingerprint.commands.answers import Answer, of_value
from rackprint.fingerprint.identifiers import iccid, imei, imsi, meid
from rackprint.fingerprint.model import ArtifactInfo, Parsed
from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line, lines, peek

_START = re.compile(r"Result: Parcel\(")
_COMMAND = re.compile(r"service call iphonesubinfo (\d+)\b")
_ROW = re.compile(r"^\s*(?:0x[0-9a-f]{8}: )?([0-9a-f]{8}(?: [0-9a-f]{8}){0,3})\s+'(.*)'")
# What service prints where Binder had no reply (AOSP, Parcel::print, utils/Errors.h); -74: no such call.
_FAILED = re.compile(r'^\s*Error: 0x([0-9a-f]{8,16}) "')
_STATUS = {-1: "denied", -2: "absent", -74: "absent"}
SAID = frozenset(
    {"null", "denied", "absent"}
)  # the phone has answered; that there is nothing to tell is no fault of the file
_LONGEST = 64  # rows; an identifier needs three
_REPORTING_BODIES = ("01", "35", "86", "91", "98", "99")  # GSMA TS.06, those that phones bear today


@dataclass(frozen=True, slots=True)
class Reply:
    """A decoded parcel: its text, or why there is none (``denied``, ``null``, ``absent``, or damage)."""

    text: str = ""
    why: str = ""


def decode(rows: list[str]) -> Reply:
    """The text of a parcel from its printed rows. Damage is told: the printed characters must agree with the words."""
    data, shown = b"", ""
    if len(rows) > _LONGEST:
        return Reply(why="parcel is longer than any identifier")
    failed = _FAILED.match(rows[0]) if rows else None
    if failed:
        status = int(failed[1][-8:], 16) - (1 << 32)
        return Reply(why=_STATUS.get(status, f"Binder failed with {status}"))
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


def kind_of(text: str, call: str = "", wanted: str = "") -> str:
    """imei, iccid or imsi by the value; "" when it looks like none. An IMSI may pass the Luhn check by chance, so an
    IMEI must also start with a reporting body that issues them, or be asked for by name. What comes back to a call for
    an IMEI or ICCID (``wanted``) and has its length is one, though it may fail its checks."""
    if meid.read(text).valid and len(text) == meid.HEX:
        return "meid"
    if not text.isascii() or not text.isdigit():
        return ""
    if text.startswith("89") and len(text) >= iccid.SHORTEST:
        return "iccid"
    if wanted == "imei" and len(text) in {imei.BODY, imei.LENGTH} and _issued(text):
        return "imei"
    if wanted == "iccid" and iccid.SHORTEST <= len(text) <= iccid.LONGEST:
        return "iccid"
    if call == "1" or (len(text) == imei.LENGTH and imei.read(text).valid and _issued(text)):
        return "imei"
    if imsi.read(text).valid:
        return "imsi"
    return "imei" if len(text) == imei.LENGTH else ""


def _issued(text: str) -> bool:
    return text.startswith(_REPORTING_BODIES) or text in imei.DENY


class ParcelsParser:
    """One observation a file; each reply may follow the shell line that asked for it."""

    name = "parcels"
    version = 2

    def probe(self, head: bytes, name: str) -> bool:
        return "Result: Parcel(" in peek(head)

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        out = Findings(self, info)
        for reply, call, line in replies(lines(stream), out):
            kind = kind_of(reply.text.strip(), call) if not reply.why else ""
            if kind:
                out.add(kind, reply.text, line)
        yield from out.close()


def replies(text: Iterable[Line], out: Findings) -> Iterator[tuple[Reply, str, Line]]:
    """Each reply that could be decoded, the number of the call where the shell line before it tells, and its place."""
    call = ""
    rows: list[str] | None = None
    start = Line(1, 0, "")
    for line in text:
        shown = line.text
        command = _COMMAND.search(shown)
        if command:
            call = command[1]
        opened = _START.search(shown)
        if opened:
            if rows is not None:
                out.problem("parcel is cut off", "ask the phone again", start)
            rows, start, shown = [], line, shown[opened.end() :]
        if rows is None:
            continue
        if shown.strip() not in {"", ")"}:
            rows.append(shown)
        if shown.rstrip().endswith(")") or len(rows) > _LONGEST:
            reply = decode(rows)
            if reply.why and reply.why not in SAID:
                out.problem(reply.why, "it was left out; ask the phone again", start)
            else:
                yield reply, call, start
            rows, call = None, ""
    if rows is not None:
        out.problem("parcel is cut off", "ask the phone again", start)


def read(wanted: str, text: Iterable[Line], out: Findings) -> None:
    """The reply to a call that was made for ``wanted``. Only what passes as that counts: on a build whose calls are
    numbered otherwise, something else comes back."""
    for reply, call, line in replies(text, out):
        shown = reply.text.strip()
        told = Answer(reply.why) if reply.why else of_value(shown)
        kind = kind_of(shown, call, wanted)
        if told is Answer.MASKED:
            out.add(wanted, reply.text, line)
        elif told is Answer.VALUE and (kind == wanted or (kind, wanted) == ("meid", "imei")):
            out.add(kind, reply.text, line)
        else:
            why = Answer.ABSENT if told is Answer.VALUE else told
            out.missing((wanted,), why, out.position(line))


PARCELS = ParcelsParser()
