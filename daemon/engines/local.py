"""The engine that links on this machine, in memory, and writes the tables of a batch."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from rackprint.daemon.atomic import whole
from rackprint.daemon.cells import csv_cell
from rackprint.fingerprint.link.linker import link
from rackprint.fingerprint.link.result import Linkage
from rackprint.fingerprint.model import Observation

Row = dict[str, Any]
COLUMNS = {
    "observations": ("id", "device"),
    "accounts": ("account", "device", "probability", "weight", "first_seen", "last_seen", "observations"),
    "devices": ("device", "observations", "accounts", "first_seen", "last_seen", "flags"),
    "farms": ("farm", "device", "kind", "probability"),
}


def run(observations: Iterable[Observation]) -> Linkage:
    """Links ``observations``."""
    return link(observations)


def write(linkage: Linkage, out: Path, form: str = "csv") -> None:
    """Writes observations, accounts, devices and farms as ``form`` ("csv" or "parquet"), and summary.json, into
    ``out``. Each file appears whole or not at all. Farms are not assessed yet: their table is empty."""
    out.mkdir(parents=True, exist_ok=True)
    put = _parquet if form == "parquet" else _csv
    for name, rows in tables(linkage).items():
        with whole(out / f"{name}.{form}") as path:
            put(path, COLUMNS[name], rows)
    summary = msgspec.json.format(msgspec.json.encode(_summary(linkage)), indent=2)
    with whole(out / "summary.json") as path:
        path.write_bytes(summary + b"\n")


def tables(linkage: Linkage) -> dict[str, list[Row]]:
    """The rows of each table, in a fixed order."""
    accounts: dict[str, int] = {}
    for found in linkage.links:
        accounts[found.device] = accounts.get(found.device, 0) + 1
    members = sorted((o, d.id) for d in linkage.devices for o in d.observations)
    return {
        "observations": [{"id": name, "device": device} for name, device in members],
        "accounts": [
            {
                "account": x.account,
                "device": x.device,
                "probability": x.probability,
                "weight": x.weight,
                "first_seen": x.first_seen,
                "last_seen": x.last_seen,
                "observations": len(x.observations),
            }
            for x in linkage.links
        ],
        "devices": [
            {
                "device": d.id,
                "observations": len(d.observations),
                "accounts": accounts.get(d.id, 0),
                "first_seen": d.first_seen,
                "last_seen": d.last_seen,
                "flags": ";".join(d.flags),
            }
            for d in linkage.devices
        ],
        "farms": [],
    }


def _summary(linkage: Linkage) -> Row:
    flags: dict[str, int] = {}
    for flag in sorted(flag for device in linkage.devices for flag in device.flags):
        flags[flag] = flags.get(flag, 0) + 1
    return {
        "observations": linkage.observations,
        "devices": len(linkage.devices),
        "accounts": len({x.account for x in linkage.links}),
        "links": len(linkage.links),
        "ties": len(linkage.ties),
        "contested_values": len(linkage.conflicts),
        "flags": flags,
        "farms": "not assessed",
    }


def _csv(path: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([csv_cell(row[c]) for c in columns] for row in rows)


def _parquet(path: Path, columns: tuple[str, ...], rows: list[Row]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {
        "probability": pa.float64(),
        "weight": pa.float64(),
        "first_seen": pa.timestamp("us", tz="UTC"),
        "last_seen": pa.timestamp("us", tz="UTC"),
        "observations": pa.int64(),
        "accounts": pa.int64(),
    }
    schema = pa.schema([(c, kinds.get(c, pa.string())) for c in columns])
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), path)
