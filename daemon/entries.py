"""Observations on their way into the store and out of it again.

An entry is an observation with what the store finds it by. Its body is the line of contract 1 as it was sent (form
``LINE``), or the whole observation as JSON (form ``WHOLE``), where another parser read it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from rackprint.fingerprint.model import ArtifactInfo, Observation, Position, Problem
from rackprint.fingerprint.parsers.events import EVENTS, FORM, Found, Row, checked
from rackprint.fingerprint.parsers.events import observation as read_row

WHOLE, LINE = 0, 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EMPTY = b'"value":null'  # JSON has no number for infinity and NaN; a text that says so has its quotes escaped
_PARSER = f"{EVENTS.name}/{EVENTS.version}"
_encode = msgspec.json.Encoder().encode


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """``time`` is in microseconds since 1970; ``line`` (from 1) and ``offset`` say where a LINE stands."""

    id: str
    time: int
    accounts: tuple[str, ...]
    form: int
    body: bytes
    line: int = 0
    offset: int = 0


def microseconds(moment: datetime) -> int:
    """Since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(since: int) -> datetime:
    """The time so many microseconds after the start of 1970."""
    return _EPOCH + timedelta(microseconds=since)


def whole(observation: Observation) -> Entry:
    """The entry that holds all of ``observation``. Raises ValueError, saying why, for what JSON cannot hold."""
    try:
        body = _encode(observation)
    except UnicodeEncodeError:
        raise ValueError("holds text that is no Unicode (a lone surrogate)") from None
    if _EMPTY in body:
        raise ValueError("holds a number that is not finite")
    named(observation.id, observation.accounts)
    accounts = tuple(dict.fromkeys(observation.accounts))
    return Entry(observation.id, microseconds(observation.time), accounts, WHOLE, body)


def named(name: str, accounts: tuple[str, ...]) -> None:
    """Raises ValueError where the names cannot be kept in every database."""
    if "\0" in name or any("\0" in account for account in accounts):
        raise ValueError("id or account holds a NUL character")


def taken_row(found: Found, info: ArtifactInfo) -> Entry | Problem:
    """The entry of a line of contract 1, which keeps its text; one without an id is given its own."""
    row = found.row
    try:
        accounts = checked(row)
        named(row.id, accounts)
        moment = microseconds(row.time)
    except (ValueError, OverflowError) as error:
        return Problem(str(error), FORM, found.position)
    name, text = row.id, found.text
    if not name:
        name = info.observation_id(found.line)
        if b'"id"' in text:  # which may be empty
            text = _encode({**msgspec.json.decode(text), "id": name})
        else:
            text = b'{"id":"%s",%s' % (name.encode(), text[1:])
    return Entry(name, moment, accounts, LINE, text, found.line, found.offset)


def reader() -> Callable[[int, bytes, str, int, int], Observation]:
    """A function from (form, body, artifact, line, offset) to the observation."""
    decode_whole = msgspec.json.Decoder(Observation).decode
    decode_row = msgspec.json.Decoder(Row).decode

    def read(form: int, body: bytes, artifact: str, line: int, offset: int) -> Observation:
        if form == WHOLE:
            return decode_whole(body)
        position = Position(line=line or None, offset=offset if line else None)
        info = ArtifactInfo("", artifact, _EPOCH)
        return read_row(decode_row(body), info, line, position, _PARSER)

    return read


def content(observation: Observation) -> Observation:
    """The observation without where it came from: what must be the same for two to be the same."""
    signals = tuple(msgspec.structs.replace(s, position=Position(), parser="") for s in observation.signals)
    return msgspec.structs.replace(observation, artifact="", position=Position(), signals=signals)
