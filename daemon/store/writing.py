"""Rows from records: what the repository writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select

from rackprint.daemon.store.models import (
    ConflictRow,
    DeviceObservationRow,
    DeviceRow,
    FarmDeviceRow,
    FarmRow,
    LinkRow,
    ObservationAccountRow,
    ObservationRow,
    StateRow,
    TieRow,
    TransferRow,
)
from rackprint.daemon.store.reading import MANY
from rackprint.daemon.store.records import Added
from rackprint.fingerprint.link.result import Linkage
from rackprint.fingerprint.model import Observation, Problem

LINKED = "linked_observations"
_EMPTY = b'"value":null'  # JSON has no number for infinity and NaN; a text that says so has its quotes escaped


def add_observations(connection: Connection, observations: Sequence[Observation]) -> Added:
    """Adds those whose id is new. The same id with the same content is a duplicate; with another it is a conflict,
    and what was there first stays."""
    encode = msgspec.json.Encoder().encode
    rows: dict[str, bytes] = {}
    kept: list[Observation] = []
    duplicates = 0
    conflicts: list[Problem] = []
    sound: list[tuple[Observation, bytes]] = []
    for observation in observations:
        try:
            body = encode(observation)
        except UnicodeEncodeError:
            conflicts.append(_refused(observation, "holds text that is no Unicode (a lone surrogate)"))
            continue
        if _EMPTY in body:
            conflicts.append(_refused(observation, "holds a number that is not finite"))
        else:
            sound.append((observation, body))
    known = _bodies(connection, [o.id for o, _ in sound])
    for observation, body in sound:
        before = known.get(observation.id) or rows.get(observation.id)
        if before is None:
            rows[observation.id] = body
            kept.append(observation)
        elif before == body:
            duplicates += 1
        else:
            text = "says something else than before; the first stays"
            conflicts.append(_refused(observation, text, "give it an id of its own"))
    if kept:
        connection.execute(
            insert(ObservationRow),
            [
                {"id": o.id, "time": o.time, "source": o.source, "artifact": o.artifact, "body": rows[o.id]}
                for o in kept
            ],
        )
    accounts = [{"observation": o.id, "account": account} for o in kept for account in dict.fromkeys(o.accounts)]
    if accounts:
        connection.execute(insert(ObservationAccountRow), accounts)
    return Added(len(kept), duplicates, tuple(conflicts))


def _refused(observation: Observation, why: str, remedy: str = "mend the value at its source") -> Problem:
    return Problem(f"id {utf8(observation.id)} {why}", remedy, observation.position)


def utf8(text: str) -> str:
    """``text`` fit for UTF-8: lone surrogates, as in file names of another encoding, become ``\\udcff``."""
    return text.encode(errors="backslashreplace").decode() if not text.isascii() else text


def problem_body(problem: Problem) -> bytes:
    """A problem as the store keeps it."""
    try:
        return msgspec.json.encode(problem)
    except UnicodeEncodeError:
        place = msgspec.structs.replace(problem.position, member=utf8(problem.position.member))
        return msgspec.json.encode(Problem(utf8(problem.reason), utf8(problem.remedy), place, utf8(problem.file)))


def _bodies(connection: Connection, ids: list[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for start in range(0, len(ids), MANY):
        wanted = select(ObservationRow.id, ObservationRow.body).where(ObservationRow.id.in_(ids[start : start + MANY]))
        found.update((row.id, row.body) for row in connection.execute(wanted))
    return found


def set_state(connection: Connection, values: dict[str, str]) -> None:
    """Sets single facts of the case."""
    connection.execute(delete(StateRow).where(StateRow.key.in_(values)))
    connection.execute(insert(StateRow), [{"key": key, "value": value} for key, value in values.items()])


def replace_linkage(connection: Connection, linkage: Linkage) -> None:
    """Puts ``linkage`` in the place of the one before."""
    for table in (
        FarmDeviceRow, FarmRow, TransferRow, TieRow, ConflictRow, LinkRow, DeviceObservationRow, DeviceRow
    ):  # fmt: skip
        connection.execute(delete(table))
    _insert(connection, DeviceRow, ({
        "id": d.id, "anchor_signal": d.anchor[0], "anchor_key": d.anchor[1], "first_seen": d.first_seen,
        "last_seen": d.last_seen, "flags": _list(d.flags), "notes": _list(d.notes),
    } for d in linkage.devices))  # fmt: skip
    members = ({"observation": o, "device": d.id} for d in linkage.devices for o in d.observations)
    _insert(connection, DeviceObservationRow, members)
    _insert(connection, LinkRow, ({
        "account": x.account, "device": x.device, "probability": x.probability, "weight": x.weight,
        "first_seen": x.first_seen, "last_seen": x.last_seen, "observations": _list(x.observations),
        "reasons": _list(x.reasons),
    } for x in linkage.links))  # fmt: skip
    _insert(connection, TieRow, ({
        "number": n, "a": t.a, "b": t.b, "signal": t.signal, "key": t.key, "bits": t.bits,
        "observations": t.observations, "device": t.device,
    } for n, t in enumerate(linkage.ties)))  # fmt: skip
    _insert(connection, ConflictRow, ({
        "number": n, "signal": c.signal, "key": c.key, "devices": _list(c.devices),
        "observations": _list(c.observations), "why": c.why,
    } for n, c in enumerate(linkage.conflicts)))  # fmt: skip
    _insert(connection, TransferRow, ({
        "number": n, "account": t.account, "from_device": t.from_device, "to_device": t.to_device,
        "last_seen": t.last_seen, "first_seen": t.first_seen,
    } for n, t in enumerate(linkage.transfers)))  # fmt: skip
    _insert(connection, FarmRow, ({
        "id": f.id, "number": n, "kind": f.kind, "probability": f.probability,
        "body": msgspec.json.encode(f).decode(),
    } for n, f in enumerate(linkage.farms)))  # fmt: skip
    _insert(connection, FarmDeviceRow, ({"device": d, "farm": f.id} for f in linkage.farms for d in f.devices))
    set_state(connection, {LINKED: str(linkage.observations)})


def _insert(connection: Connection, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    found = list(rows)
    if found:
        connection.execute(insert(table), found)


def _list(values: Sequence[str]) -> str:
    return msgspec.json.encode(values).decode()
