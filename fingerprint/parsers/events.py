"""Platform events and other observations as NDJSON (contract 1), one object a line.

A bad line is set aside as a Problem with its line number; the rest is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Annotated, Any, BinaryIO, NamedTuple

import msgspec

from rackprint.fingerprint.model import ArtifactInfo, Observation, Parsed, Position, Problem, Signal, SourceKind
from rackprint.fingerprint.signals import read_signal, scope_key

LINE_LIMIT = 4 << 20  # no honest observation is longer; it bounds memory on a file without line ends
BLOCK = 8 << 20  # bytes that become a record batch
ARRAY_LIMIT = 64 << 20  # an array is decoded as a whole
FORM = "see docs/observations.md for the form"
_BLANK = 4096  # bytes of white space that may stand before an array
_KINDS = frozenset(SourceKind)

Raw = str | bool | int | float | None


class Row(msgspec.Struct):
    """One line of contract 1 as it stands."""

    time: Annotated[datetime, msgspec.Meta(tz=True)]
    source: str
    id: str = ""
    account: str | list[str] = ""
    app: str = ""
    exhibit: str = ""
    action: str = ""
    target: str = ""
    signals: dict[str, Raw | list[Raw]] = {}
    scopes: dict[str, list[str]] = {}  # as `rackprint signals` writes it, where the rule below would not give it back


def observation(row: Row, info: ArtifactInfo, ordinal: int, position: Position, parser: str) -> Observation:
    """Turns a row into an observation. Raises ValueError, saying why, when source or account break the contract."""
    accounts = checked(row)
    signals = list(_signals(row, SourceKind(row.source.partition(":")[0]), position, parser))
    exhibit = row.exhibit or info.exhibit
    if exhibit and all(s.name != "exhibit" for s in signals):
        signals.append(read_signal("exhibit", exhibit, parser=parser, position=position))
    return Observation(
        id=row.id or info.observation_id(ordinal),
        time=row.time.astimezone(UTC),
        source=row.source,
        accounts=accounts,
        app=row.app,
        exhibit=exhibit,
        action=row.action,
        target=row.target,
        signals=tuple(signals),
        artifact=info.sha256,
        position=position,
    )


def _signals(row: Row, kind: SourceKind, position: Position, parser: str) -> Iterator[Signal]:
    ssid = row.signals.get("ssid")
    network = ssid if isinstance(ssid, str) else ""
    for name, found in row.signals.items():
        key = scope_key(name, source_kind=kind, source=row.source.partition(":")[2], app=row.app, ssid=network)
        scopes = row.scopes.get(name, [])
        for index, value in enumerate(found if isinstance(found, list) else [found]):
            if value is None:
                continue
            text = str(value).lower() if isinstance(value, bool) else value
            scope = scopes[index] if index < len(scopes) else key
            yield read_signal(name, text, scope_key=scope, parser=parser, position=position)


class Found(NamedTuple):
    """A row with the text it stands in: its line, or its place in a JSON array (from 1), and its first byte."""

    row: Row
    text: bytes
    line: int
    offset: int

    @property
    def position(self) -> Position:
        return Position(line=self.line, offset=self.offset)


def rows(stream: BinaryIO | _Joined) -> Iterator[Found | Problem]:
    """The rows of NDJSON, or of one JSON array of objects, as they stand, without reading their signals.

    Log shippers put a line they did not understand into a field of their own: an object without ``source`` that has
    its row as text in ``message`` (Vector) or ``log`` (Fluent Bit) is taken for that row."""
    head = stream.read(1)
    while head.isspace() and len(head) < _BLANK and (more := stream.read(1)):
        head += more
    if head.endswith(b"["):
        return _rows(_elements(head + stream.read(ARRAY_LIMIT + 1)))
    return _rows(_lines(_Joined(head, stream)))


def checked(row: Row) -> tuple[str, ...]:
    """The accounts of a row. Raises ValueError, saying why, when source or account break the contract."""
    kind, _, name = row.source.partition(":")
    if kind not in _KINDS or not name:
        raise ValueError(f"source {row.source!r} is not kind:name (acquisition, capture, platform or record)")
    accounts = (row.account,) if isinstance(row.account, str) else row.account
    told = tuple(dict.fromkeys(a for a in accounts if a))
    for account in told:
        if not all(account.partition(":")[::2]):
            raise ValueError(f"account {account!r} is not platform:handle")
    return told


def _elements(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    if len(data) > ARRAY_LIMIT:
        raise ValueError(f"a JSON array is longer than {ARRAY_LIMIT >> 20} MiB; send one object a line instead")
    offset = 0
    for number, element in enumerate(msgspec.json.decode(data, type=list[msgspec.Raw]), 1):
        text = bytes(element)
        offset = data.find(text, offset)
        yield number, offset, text
        offset += len(text)


class _Envelope(msgspec.Struct):
    message: Any = ""
    log: Any = ""  # text, or another shipper's facts about a file


def _rows(lines: Iterator[tuple[int, int, bytes]]) -> Iterator[Found | Problem]:
    decode = msgspec.json.Decoder(Row).decode
    try:
        for number, offset, line in lines:
            position = Position(line=number, offset=offset)
            if len(line) >= LINE_LIMIT:
                limit = LINE_LIMIT >> 20
                yield Problem(f"line is longer than {limit} MiB", "split it into one object a line", position)
                continue
            text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if not text:
                continue
            try:
                yield Found(decode(text), text, number, offset)
            except (ValueError, OverflowError, RecursionError) as error:  # msgspec's errors are ValueErrors
                yield _unwrapped(text, number, offset, decode) or Problem(_reason(error, text), FORM, position)
    except (ValueError, RecursionError) as error:  # of a whole array
        yield Problem(str(error), "send one object a line")


def _unwrapped(text: bytes, number: int, offset: int, decode: Callable[[bytes], Row]) -> Found | None:
    try:
        envelope = msgspec.json.decode(text, type=_Envelope)
        for told in (envelope.message, envelope.log):
            if isinstance(told, str) and told.lstrip().startswith("{"):
                inner = told.strip().encode()
                return Found(decode(inner), inner, number, offset)
        return _without_nulls(text, number, offset, decode)
    except (ValueError, OverflowError, RecursionError):
        return None


def _without_nulls(text: bytes, number: int, offset: int, decode: Callable[[bytes], Row]) -> Found | None:
    """A row whose absent keys were sent as null, as converters with a schema do."""
    plain = msgspec.json.decode(text)
    if not isinstance(plain, dict) or None not in plain.values():
        return None
    kept = msgspec.json.encode({key: value for key, value in plain.items() if value is not None})
    return Found(decode(kept), kept, number, offset)


class EventsParser:
    """NDJSON observations. Lines may be in any order; an empty line is nothing."""

    name = "events"
    version = 1

    def probe(self, head: bytes, name: str) -> bool:
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return start[:1] == b"{" or (start[:1] == b"[" and start[1:].lstrip()[:1] == b"{")

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        return self._read(rows(stream), info)

    def parse_wide(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Any]:
        """As :meth:`parse`, with record batches (parsers/batches.py) in the place of most observations."""
        from rackprint.fingerprint.parsers.batches import SAMPLE, Types, block

        types = Types()
        number = offset = 0
        rest = stream.read(1)
        if rest != b"{":  # an array, or blank lines first
            yield from self._read(rows(_Joined(rest, stream)), info)
            return
        while data := stream.read(BLOCK):
            cut = data.rfind(b"\n") + 1
            if not cut:  # no line ends within a block: the rest is read with a limit on its lines
                yield from self._read(_rows(_lines(_Joined(rest + data, stream), number, offset)), info)
                return
            whole, rest = rest + data[:cut], data[cut:]
            yield from self._block(whole, (types, SAMPLE), info, (number, offset), block)
            number, offset = number + whole.count(b"\n"), offset + len(whole)
        if rest:
            yield from self._block(rest, (types, SAMPLE), info, (number, offset), block)

    def _block(
        self, data: bytes, learn: tuple[Any, int], info: ArtifactInfo, start: tuple[int, int], block: Any
    ) -> Iterator[Any]:
        types, sample = learn
        for line in data[: 1 << 20].split(b"\n", sample)[: sample if not start[0] else sample // 16]:
            types.learn(line)
        batch = block(data, types, info, start[0] + 1)
        if batch is None:
            for line in data.split(b"\n"):
                types.learn(line)
            batch = block(data, types, info, start[0] + 1)
        if batch is not None:
            yield batch
        else:
            yield from self._read(_rows(_lines(BytesIO(data), *start)), info)

    def _read(self, found_rows: Iterator[Found | Problem], info: ArtifactInfo) -> Iterator[Parsed]:
        parser = f"{self.name}/{self.version}"
        for found in found_rows:
            if isinstance(found, Problem):
                yield found
                continue
            try:
                yield observation(found.row, info, found.line, found.position, parser)
            except (ValueError, OverflowError) as error:
                yield Problem(_reason(error, found.text), FORM, found.position)


class _Joined:
    """Some bytes, then a stream."""

    def __init__(self, head: bytes, stream: BinaryIO | _Joined) -> None:
        self._head, self._stream = BytesIO(head), stream

    def read(self, size: int) -> bytes:
        """As a stream's."""
        return self._head.read(size) or self._stream.read(size)

    def readline(self, limit: int) -> bytes:
        """As a stream's."""
        line = self._head.readline(limit)
        if line.endswith(b"\n") or len(line) == limit:
            return line
        return line + self._stream.readline(limit - len(line))


def _lines(stream: BinaryIO | BytesIO | _Joined, number: int = 0, offset: int = 0) -> Iterator[tuple[int, int, bytes]]:
    """(number, offset, line), counted on from those given; of an overlong line only its first LINE_LIMIT bytes."""
    while line := stream.readline(LINE_LIMIT):
        number += 1
        start = offset
        offset += len(line)
        if len(line) == LINE_LIMIT and not line.endswith(b"\n"):
            while more := stream.readline(LINE_LIMIT):
                offset += len(more)
                if more.endswith(b"\n"):
                    break
        yield number, start, line


def _reason(error: Exception, text: bytes) -> str:
    if isinstance(error, msgspec.DecodeError) and not isinstance(error, msgspec.ValidationError):
        return "line is cut off or no JSON object" if not text.endswith(b"}") else f"no JSON object: {error}"
    if "timezone" in str(error):
        return "time has no UTC offset (RFC 3339 wants Z or +hh:mm)"
    return str(error)


def row_from(values: dict[str, Any]) -> Row:
    """A row from already decoded values, as Parquet gives them. Raises ValueError where they do not fit."""
    kept = {k: v for k, v in values.items() if v is not None}
    return msgspec.convert(kept, Row)


EVENTS = EventsParser()
