"""The record of one command that ``acquire`` keeps (:mod:`rackprint.fingerprint.commands.record`).

Its header says which phone it was and what was asked; the parser of that answer reads the rest."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from rackprint.fingerprint.commands.record import MAGIC, Record, State, header
from rackprint.fingerprint.model import ArtifactInfo, Observation, Parsed, Position, Problem
from rackprint.fingerprint.parsers.base import Parser
from rackprint.fingerprint.parsers.getprop import GETPROP
from rackprint.fingerprint.parsers.parcels import PARCELS
from rackprint.fingerprint.parsers.siminfo import SIMINFO

_INNER: dict[str, Parser] = {"getprop": GETPROP, "parcel": PARCELS, "siminfo": SIMINFO}
_AGAIN = "its whole lines were read; what is not among them may be there: acquire --resume asks again"


class AdbRecordParser:
    """What the parser of the answer finds, at its place in the artifact; answers that no parser reads stay kept."""

    name = "adb_record"
    version = 1

    def probe(self, head: bytes, name: str) -> bool:
        return head.startswith(MAGIC)

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        try:
            record, start = header(stream)
        except (ValueError, RecursionError) as error:
            yield Problem(
                f"header of the record: {' '.join(str(error).split())}", "the bytes are kept; acquire it again"
            )
            return
        stream.seek(start)
        answer = stream.read(max(record.stdout, 0))
        if len(answer) < record.stdout:
            yield Problem("record is cut off", "fetch the file again", Position(offset=start + len(answer)))
        elif record.state is not State.COMPLETE and record.state is not State.DENIED:
            yield Problem(f"{record.command}: {record.state.replace('_', ' ')}: {record.why}", _AGAIN)
        if record.state is not State.COMPLETE or len(answer) < record.stdout:
            answer = answer[: answer.rfind(b"\n") + 1]  # the last line may be half a value
        inner = _INNER.get(record.parser)
        if inner is None or record.state is State.DENIED or not answer.strip():
            return
        for parsed in inner.parse(io.BytesIO(answer), _told(record, info)):
            yield _moved(parsed, start)


def _told(record: Record, info: ArtifactInfo) -> ArtifactInfo:
    """What the header knows of the phone, in the form in which a collector's manifest tells it."""
    place = f"{record.host}:" if record.host else ""
    hub = record.usb_path.rpartition(".")[0]
    found = (
        ("usb_path", f"{place}{record.usb_path}" if record.usb_path else ""),
        ("hub", f"{place}{hub}" if hub else ""),
        ("ssid", record.ssid),
    )
    return msgspec.structs.replace(
        info,
        taken_at=record.ended,
        exhibit=record.exhibit or info.exhibit,
        context=tuple(pair for pair in found if pair[1]),
        handset=("", "") if record.exhibit else (record.acquisition, record.slot),
    )


def _moved(parsed: Parsed, start: int) -> Parsed:
    """The same, with its places counted in the artifact: two lines of header stand before the answer."""
    replace = msgspec.structs.replace
    if isinstance(parsed, Observation):
        signals = tuple(replace(signal, position=_place(signal.position, start)) for signal in parsed.signals)
        return replace(parsed, position=_place(parsed.position, start), signals=signals)
    return replace(parsed, position=_place(parsed.position, start))


def _place(position: Position, start: int) -> Position:
    line = position.line + 2 if position.line is not None else None
    return Position(position.member, line, position.offset + start if position.offset is not None else None)


ADB_RECORD = AdbRecordParser()
