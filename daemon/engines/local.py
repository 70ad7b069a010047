"""The engine that links on this machine, in memory, and writes the tables of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rackprint.daemon.atomic import whole
from rackprint.daemon.cells import csv_columns
from rackprint.daemon.entries import LINE
from rackprint.daemon.store.spans import Told
from rackprint.fingerprint.link.columns import Columns
from rackprint.fingerprint.link.gather import Gatherer, build
from rackprint.fingerprint.link.linker import resolve
from rackprint.fingerprint.link.records import conflicts, farms, sheets, transfers
from rackprint.fingerprint.link.resolution import Resolution
from rackprint.fingerprint.model import ArtifactInfo, Observation, Problem
from rackprint.fingerprint.parsers.events import BLOCK, EVENTS

COLUMNS = {
    "observations": ("id", "device"),
    "accounts": ("account", "device", "probability", "weight", "first_seen", "last_seen", "observations"),
    "devices": ("device", "observations", "accounts", "first_seen", "last_seen", "flags"),
    "farms": ("farm", "device", "kind", "probability"),
    "transfers": ("account", "from_device", "to_device", "last_seen", "first_seen"),
    "evidence": ("id", "device", "probability", "weight", "model"),
}
_TIME = pa.timestamp("us", tz="UTC")


def read(bodies: Iterable[list[tuple[int, str, int, bytes]]]) -> tuple[Columns, dict[str, int]]:
    """Columns of what the store holds, from batches of (number, id, form, body), and the number of each id. Lines of
    contract 1 go the short way, without an object each."""
    gathered = Gatherer()
    stream = _Lines(bodies, gathered)
    info = ArtifactInfo("", "0" * 64, datetime.fromtimestamp(0, UTC))
    for found in EVENTS.parse_wide(stream, info):  # type: ignore[arg-type]
        if isinstance(found, Observation):
            gathered.add(found)
        elif isinstance(found, Problem):
            raise AssertionError(f"the store holds what its parser refuses: {found}")
        else:
            gathered.add_batch(found)
    return gathered.finish(), stream.numbers


class _Lines:
    """The lines among bodies as one stream; whole observations are gathered on the way."""

    def __init__(self, bodies: Iterable[list[tuple[int, str, int, bytes]]], gathered: Gatherer) -> None:
        self._bodies, self._gathered = iter(bodies), gathered
        self._rest = b""
        self._decode = msgspec.json.Decoder(Observation).decode
        self.numbers: dict[str, int] = {}

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, nothing at the end."""
        parts, have = [self._rest], len(self._rest)
        while have < size and (batch := next(self._bodies, None)) is not None:
            for number, name, form, body in batch:
                self.numbers[name] = number
                if form == LINE:
                    parts += (body, b"\n")
                    have += len(body) + 1
                else:
                    self._gathered.add(self._decode(body))
        data = b"".join(parts)
        self._rest = data[size:]
        return data[:size]

    def readline(self, limit: int) -> bytes:
        """The next line, or its first ``limit`` bytes."""
        while b"\n" not in self._rest and len(self._rest) < limit:
            kept, self._rest = self._rest, b""
            more = self.read(BLOCK)
            self._rest = kept + more + self._rest
            if not more:
                break
        end = self._rest.find(b"\n", 0, limit) + 1 or limit
        line, self._rest = self._rest[:end], self._rest[end:]
        return line


def told(found: Resolution, numbers: dict[str, int]) -> tuple[Told, tuple[int, int, int]]:
    """What the store is told of a linkage, and how many devices, links and accounts there are."""
    linkage = Told(
        ids=frozenset(found.ids),
        sheets=sheets(found),
        numbers=numbers,
        through=max(numbers.values(), default=0),
        observations=found.columns.n,
        conflicts=tuple(conflicts(found)),
        transfers=tuple(transfers(found)),
        farms=tuple(farms(found)),
    )
    return linkage, (len(found.ids), len(found.links.account), len(np.unique(found.links.account)))


def batch(columns: Columns) -> Resolution:
    """Links columns into arrays."""
    return resolve(columns)


def batch_of(observations: Iterable[Observation]) -> Resolution:
    """As :func:`batch`, from observations."""
    return resolve(build(observations))


def write(found: Resolution, out: Path, form: str = "csv") -> None:
    """Writes the tables of COLUMNS as ``form`` ("csv" or "parquet"), and summary.json, into ``out``. Each file appears
    whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    put = _parquet if form == "parquet" else _csv
    for name, table in tables(found).items():
        with whole(out / f"{name}.{form}") as path:
            put(path, table.select(COLUMNS[name]))
    text = msgspec.json.format(msgspec.json.encode(summary(found)), indent=2)
    with whole(out / "summary.json") as path:
        path.write_bytes(text + b"\n")


def tables(found: Resolution) -> dict[str, Any]:
    """The tables, each in a fixed order: by id, by account and device, by device, by farm."""
    ids = pa.array(found.ids, pa.string())
    device = ids.take(pa.array(found.device))
    names = found.columns.accounts.keys.cast(pa.string())
    links = found.links
    accounts = pa.table(
        {
            "account": names.take(pa.array(links.account)),
            "device": ids.take(pa.array(links.device)),
            "probability": links.probability,
            "weight": links.weight,
            "first_seen": pa.array(links.first).cast(_TIME),
            "last_seen": pa.array(links.last).cast(_TIME),
            "observations": pa.array(links.count.astype(np.int64)),
        }
    )
    devices = pa.table(
        {
            "device": ids,
            "observations": pa.array(found.count.astype(np.int64)),
            "accounts": pa.array(np.bincount(links.device, minlength=len(ids))),
            "first_seen": pa.array(found.first).cast(_TIME),
            "last_seen": pa.array(found.last).cast(_TIME),
            "flags": pa.array([";".join(found.flags.get(n, ())) for n in range(len(ids))], pa.string()),
        }
    )
    models = found.columns.column("model")
    model = pa.array(models.dense(found.columns.n))
    known = models.keys.cast(pa.string()).take(pc.if_else(pc.less(model, 0), None, model))
    evidence = pa.table(
        {
            "id": found.columns.ids, "device": device, "probability": found.probability(), "weight": found.width,
            "model": pc.fill_null(known, ""),
        }
    )  # fmt: skip
    moved = found.moves
    transfers = pa.table(
        {
            "account": names.take(pa.array([m.account for m in moved], pa.int32())),
            "from_device": ids.take(pa.array([m.old for m in moved], pa.int32())),
            "to_device": ids.take(pa.array([m.new for m in moved], pa.int32())),
            "last_seen": pa.array([m.last for m in moved], pa.int64()).cast(_TIME),
            "first_seen": pa.array([m.first for m in moved], pa.int64()).cast(_TIME),
        }
    )
    farms = pa.table(
        [
            pa.array(column, kind)
            for column, kind in zip(
                zip(*_farm_rows(found), strict=True) if found.farms else ([], [], [], []),
                (pa.string(), pa.string(), pa.string(), pa.float64()),
                strict=True,
            )
        ],
        names=COLUMNS["farms"],
    )
    return {
        "observations": pa.table({"id": found.columns.ids, "device": device}),
        "accounts": accounts.sort_by([("account", "ascending"), ("device", "ascending")]),
        "devices": devices.sort_by("device"),
        "farms": farms,
        "transfers": transfers.sort_by([("account", "ascending"), ("last_seen", "ascending")]),
        "evidence": evidence,
    }


def _farm_rows(found: Resolution) -> list[tuple[str, str, str, float]]:
    return [(farm.id, found.ids[d], farm.kind, farm.probability) for farm in found.farms for d in farm.members]


def summary(found: Resolution) -> dict[str, Any]:
    """Counts of what was found."""
    flags: dict[str, int] = {}
    for flag in sorted(flag for told in found.flags.values() for flag in told):
        flags[flag] = flags.get(flag, 0) + 1
    farms: dict[str, int] = {}
    for kind in sorted(farm.kind for farm in found.farms):
        farms[kind] = farms.get(kind, 0) + 1
    return {
        "observations": found.columns.n,
        "devices": len(found.ids),
        "accounts": found.columns.accounts.size,
        "links": len(found.links.account),
        "transfers": len(found.moves),
        "contested_values": len(found.contested),
        "flags": flags,
        "farms": farms,
        "unknown_signals": dict(found.columns.unknown),
    }


def _csv(path: Path, table: Any) -> None:
    from pyarrow import csv

    plain = csv_columns(table)
    style = "needed" if any(map(_special, plain.columns)) else "none"  # "needed" quotes every text
    csv.write_csv(plain, path, csv.WriteOptions(quoting_style=style, quoting_header="none"))


def _special(column: Any) -> bool:
    """Whether a text of the column holds what CSV must quote."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    return bool(pc.any(pc.match_substring_regex(column, '[",\r\n]')).as_py())


def _parquet(path: Path, table: Any) -> None:
    from pyarrow import parquet

    parquet.write_table(table, path)
