"""The record of one command that ``acquire`` keeps (:mod:`rackprint.fingerprint.commands.record`).

Its header says which phone it was and what was asked; the reader of that answer reads the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import BinaryIO

import msgspec

from rackprint.fingerprint.commands import answers
from rackprint.fingerprint.commands.answers import Answer
from rackprint.fingerprint.commands.asked import asked
from rackprint.fingerprint.commands.record import MAGIC, SOURCE, Record, State, header
from rackprint.fingerprint.model import ArtifactInfo, Observation, Parsed, Position, Problem, Signal
from rackprint.fingerprint.parsers.adb.readers import FILES, Reader, reader
from rackprint.fingerprint.parsers.adb.window import Window, view
from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import lines

_AGAIN = "its whole lines were read; what is not among them may be there: acquire --resume asks again"


class AdbRecordParser:
    """What the answer says, at its place in the artifact, and of the identifiers that were asked for and not given,
    why. Answers that nobody reads stay kept."""

    name = "adb_record"
    version = 2

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
        answer = Window(stream, start, record.stdout)
        whole = record.state is State.COMPLETE and answer.whole
        if not answer.whole:
            yield Problem("record is cut off", "fetch the file again", Position(offset=start + answer.size))
        elif not whole and record.state is not State.DENIED:
            yield Problem(f"{record.command}: {record.state.replace('_', ' ')}: {record.why}", _AGAIN)
        told = _told(record, info)
        file = FILES.get(record.parser)
        if file is not None:
            found = file.parse(view(answer), told) if answer.size else iter(())
        else:
            read = reader(record.parser, asked(record.command))
            if not whole:
                answer.cut()  # the last line may be half a value
            found = self._lines(record, answer, read, told) if read else iter(())
        for parsed in found:
            yield _moved(parsed, start, record.lab_keys)

    def _lines(self, record: Record, answer: Window, read: Reader, info: ArtifactInfo) -> Iterator[Parsed]:
        out = Findings(self, info)
        if record.state is not State.DENIED:
            read(lines(view(answer)), out)
        complaint = answer.beyond(min(record.stderr, answers.LOOKED_AT))
        told = answers.of(record, answer.head(answers.LOOKED_AT), complaint) if answer.whole else None
        if told is not None:
            # what was said in full and does not name it is no refusal: the phone does not have it
            why = told if told in {Answer.DENIED, Answer.NULL} else Answer.ABSENT
            out.missing(asked(record.command), why, Position(line=1, offset=0))
        yield from out.close()


def _told(record: Record, info: ArtifactInfo) -> ArtifactInfo:
    """What the header knows of the phone, in the form in which a collector's manifest tells it."""
    place = f"{record.host}:" if record.host else ""
    hub = record.usb_path.rpartition(".")[0]
    found = (
        ("usb_path", f"{place}{record.usb_path}" if record.usb_path else ""),
        ("hub", f"{place}{hub}" if hub else ""),
        ("ssid", record.ssid),
        ("simulated", "yes" if record.simulated else ""),
    )
    return msgspec.structs.replace(
        info,
        taken_at=record.ended,
        exhibit=record.exhibit or info.exhibit,
        context=tuple(pair for pair in found if pair[1]),
        handset=("", "") if record.exhibit else (record.acquisition, record.slot),
    )


def _moved(parsed: Parsed, start: int, lab_keys: Collection[str]) -> Parsed:
    """The same, as a live acquisition's, with its places counted in the artifact: two lines of header stand before
    the answer. The acquiring host's own keys are told by name, for they say nothing of the rack."""
    replace = msgspec.structs.replace
    if not isinstance(parsed, Observation):
        return replace(parsed, position=_place(parsed.position, start))
    return replace(
        parsed,
        source=SOURCE,
        position=_place(parsed.position, start),
        signals=tuple(
            replace(signal, name=_name(signal, lab_keys), position=_place(signal.position, start))
            for signal in parsed.signals
        ),
    )


def _name(signal: Signal, lab_keys: Collection[str]) -> str:
    return "lab_adb_key" if signal.name == "adb_host_key" and signal.value in lab_keys else signal.name


def _place(position: Position, start: int) -> Position:
    if position.member or position == Position():  # inside an archive, or of the header
        return position
    line = position.line + 2 if position.line is not None else None
    return Position("", line, position.offset + start if position.offset is not None else None)


ADB_RECORD = AdbRecordParser()
