"""Rows from records: how evidence goes into the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import Connection, func, insert, select, text

from rackprint.daemon import entries
from rackprint.daemon.entries import Entry
from rackprint.daemon.store.bulk import MANY, insert_many
from rackprint.daemon.store.models import ArtifactRow, Base, ObservationAccountRow, ObservationRow, StateRow
from rackprint.daemon.store.records import Added, Artifact
from rackprint.fingerprint.model import Position, Problem

THROUGH = "read_through"
LAST = "last_number"  # of an observation that was purged, so that no number is given twice
_LOCK = 7_401_225  # PostgreSQL's advisory lock for who gives out numbers
_SET = text(  # both databases say it so; SQLAlchemy says it with either's dialect, which takes its time to load
    f"INSERT INTO {StateRow.__tablename__} (key, value) VALUES (:key, :value) "
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_OBSERVATION = ("number", "id", "time", "artifact", "line", "offset", "form", "body")


def add_entries(connection: Connection, found: Sequence[Entry], artifact: int, start: int) -> Added:
    """Adds those whose id is new, numbered from ``start``. The same id with the same content is a duplicate; with
    another it is a conflict, and what was there first stays."""
    unique: dict[str, Entry] = {}
    twice = [(unique[e.id], e) for e in found if unique.setdefault(e.id, e) is not e]
    wanted = list(unique.values())
    rows = [
        (start + n, e.id, e.time, artifact, e.line, e.offset, e.form, e.body) for n, e in enumerate(wanted)
    ]  # fmt: skip
    new = insert_many(connection, ObservationRow, _OBSERVATION, rows, ignore=True)
    known: dict[str, Entry] = {}
    if new != len(rows):
        known = _known(connection, list(unique), start)
        twice += [(before, unique[name]) for name, before in known.items()]
    accounts = [(a, start + n) for n, e in enumerate(wanted) if e.id not in known for a in e.accounts]
    insert_many(connection, ObservationAccountRow, ("account", "observation"), accounts)
    conflicts = [_conflict(entry) for first, entry in twice if not _same(first, entry)]
    return Added(new, len(twice) - len(conflicts), tuple(conflicts))


def next_number(connection: Connection) -> int:
    """The number that the next observation gets."""
    in_turn(connection)
    last = connection.execute(select(func.max(ObservationRow.number))).scalar() or 0
    purged = connection.execute(select(StateRow.value).where(StateRow.key == LAST)).scalar()
    return max(last, int(purged or 0)) + 1


def in_turn(connection: Connection) -> None:
    """Has the writers of evidence, and who purges it, wait for each other; on SQLite they do so anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def next_of(connection: Connection, table: type[Base]) -> int:
    """One more than the largest ``number`` that ``table`` has, or had before a purge."""
    return max(_largest(connection, table), int(state(connection, _held(table)) or 0)) + 1


def hold_number(connection: Connection, table: type[Base]) -> None:
    """Before rows of ``table`` are removed: keeps :func:`next_of` from giving a number twice."""
    last = max(_largest(connection, table), int(state(connection, _held(table)) or 0))
    set_state(connection, {_held(table): str(last)})


def _largest(connection: Connection, table: type[Base]) -> int:
    return connection.execute(select(func.max(table.__table__.c.number))).scalar() or 0


def _held(table: type[Base]) -> str:
    return f"last_of_{table.__tablename__}"


def add_artifacts(connection: Connection, found: Sequence[Artifact]) -> tuple[dict[str, int], set[str]]:
    """Records artifacts; those that are recorded already stay as they are. Their numbers by hash, and the new ones."""
    in_turn(connection)
    wanted = {artifact.sha256: artifact for artifact in found}
    numbers = dict(_numbers(connection, list(wanted)))
    fresh = [artifact for sha256, artifact in wanted.items() if sha256 not in numbers]
    if fresh:
        first = next_of(connection, ArtifactRow)
        rows = [
            {**msgspec.structs.asdict(artifact), "name": utf8(artifact.name), "number": first + n}
            for n, artifact in enumerate(fresh)
        ]
        connection.execute(insert(ArtifactRow), rows)
        numbers |= {artifact.sha256: first + n for n, artifact in enumerate(fresh)}
    return numbers, {artifact.sha256 for artifact in fresh}


def _numbers(connection: Connection, hashes: list[str]) -> Iterator[tuple[str, int]]:
    row = ArtifactRow
    for start in range(0, len(hashes), MANY):
        wanted = select(row.sha256, row.number).where(row.sha256.in_(hashes[start : start + MANY]))
        yield from ((r.sha256, r.number) for r in connection.execute(wanted))


def _known(connection: Connection, ids: list[str], below: int) -> dict[str, Entry]:
    """Those of ``ids`` that were there before the number ``below`` was given."""
    row = ObservationRow
    found: dict[str, Entry] = {}
    for start in range(0, len(ids), MANY):
        wanted = select(row.id, row.form, row.body, row.line, row.offset).where(
            row.id.in_(ids[start : start + MANY]), row.number < below
        )
        for r in connection.execute(wanted):
            found[r.id] = Entry(r.id, 0, (), r.form, r.body, r.line, r.offset)
    return found


def _same(a: Entry, b: Entry) -> bool:
    if (a.form, a.body) == (b.form, b.body):
        return True
    read = entries.reader()
    first, second = (entries.content(read(e.form, e.body, "", e.line, e.offset)) for e in (a, b))
    return first == second


def _conflict(entry: Entry) -> Problem:
    place = Position(line=entry.line or None, offset=entry.offset if entry.line else None)
    if entry.form == entries.WHOLE:
        place = entries.reader()(entry.form, entry.body, "", 0, 0).position
    text = f"id {utf8(entry.id)} says something else than before; the first stays"
    return Problem(text, "give it an id of its own", place)


def utf8(text: str) -> str:
    """``text`` fit for UTF-8 and for every database: lone surrogates, as in file names of another encoding, become
    ``\\\\udcff``, and a NUL becomes ``\\\\x00``."""
    plain = text.encode(errors="backslashreplace").decode() if not text.isascii() else text
    return plain.replace("\0", "\\x00")


def problem_body(problem: Problem) -> bytes:
    """A problem as the store keeps it."""
    try:
        return msgspec.json.encode(problem)
    except UnicodeEncodeError:
        place = msgspec.structs.replace(problem.position, member=utf8(problem.position.member))
        return msgspec.json.encode(Problem(utf8(problem.reason), utf8(problem.remedy), place, utf8(problem.file)))


def set_state(connection: Connection, values: dict[str, str]) -> None:
    """Sets single facts of the case; two who set the same one at the same time do not refuse each other."""
    connection.execute(_SET, [{"key": key, "value": value} for key, value in values.items()])


def state(connection: Connection, key: str) -> str | None:
    """A single fact of the case."""
    return connection.execute(select(StateRow.value).where(StateRow.key == key)).scalar()
