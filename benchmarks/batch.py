"""``python -m benchmarks.batch [COUNT]``: reading into columns, and linking end to end beside Splink.

Both linkers read the same Parquet file; CPU seconds count all that a process and its children spend. Splink's figures
are its own process's (see benchmarks/splink_peer.py for what is in its favour)."""

from __future__ import annotations

import csv
import importlib.util
import json
import re
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import million
from benchmarks.clock import child
from rackprint.daemon.survey import gather
from rackprint.fingerprint.link.evaluate import evaluate
from rackprint.fingerprint.model import Problem

LINK = "import sys; from rackprint.daemon.cli import main; sys.argv[0] = 'rackprint'; main()"


def complain(problem: Problem) -> None:
    """Nothing may be wrong with what we made."""
    raise ValueError(str(problem))


def reading(parquet: Path, count: int) -> None:
    """Rows a second into columns, from Parquet and from the same rows as NDJSON."""
    ndjson = parquet.with_suffix(".ndjson")
    _as_ndjson(parquet, ndjson)
    for path in (parquet, ndjson):
        start = time.perf_counter()
        columns = gather([path], complain)
        took = time.perf_counter() - start
        size = path.stat().st_size / 1e6
        print(f"columns from {path.suffix[1:]}: {columns.n / took:,.0f} observations/s ({size:.0f} MB)", flush=True)
        assert columns.n == count


def _as_ndjson(parquet: Path, path: Path) -> None:
    from pyarrow.parquet import ParquetFile

    with path.open("w", encoding="utf-8") as out:
        for batch in ParquetFile(parquet).iter_batches(batch_size=50_000):
            for row in batch.to_pylist():
                row["time"] = row["time"].isoformat()
                row["signals"] = {name: value for name, value in row["signals"].items() if value is not None}
                out.write(json.dumps(row, separators=(",", ":")) + "\n")


def linking(parquet: Path, truth: Path, *, peer: bool) -> None:
    """CPU, memory and F1 of ``rackprint link``, and of Splink on the same file."""
    with tempfile.TemporaryDirectory() as out:
        ours = child("-c", LINK, "link", str(parquet), "--out", out)
        scores = evaluate(_labels(truth), _labels(Path(out) / "observations.csv")).pairwise
    told = f"precision {scores.precision:.4f}, recall {scores.recall:.4f}, F1 {scores.f1:.4f}"
    print(f"rackprint link: {ours.wall:.1f} s, {ours.cpu:.1f} CPU-s, {ours.peak:,.0f} MiB; {told}", flush=True)
    if not peer or importlib.util.find_spec("splink") is None:
        print("splink: not compared (pip install -e '.[bench]' has it)")
        return
    theirs = child("-m", "benchmarks.splink_peer", str(parquet), str(truth)).output
    print("\n".join(f"  splink: {line}" for line in theirs.splitlines()))
    spent, held = _figure("CPU seconds", theirs), _figure("peak RSS", theirs)
    print(f"rackprint takes 1/{spent / ours.cpu:.1f} of its CPU and 1/{held / ours.peak:.1f} of its memory", flush=True)


def _figure(name: str, text: str) -> float:
    found = re.search(rf"{name} ([\d.,]+)", text)
    assert found, f"splink told no {name}"
    return float(found[1].replace(",", ""))


def _labels(path: Path) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8") as stream:
        return {row["id"]: row["device"] for row in csv.DictReader(stream)}


def run(count: int, *, peer: bool = True) -> None:
    """Makes the data and measures."""
    with tempfile.TemporaryDirectory() as folder:
        parquet, truth = Path(folder) / "observations.parquet", Path(folder) / "truth.csv"
        million.make(count, parquet, truth, seed=1)
        print(f"{count:,} observations", flush=True)
        if count <= 2_000_000:
            reading(parquet, count)
        linking(parquet, truth, peer=peer and count <= 2_000_000)


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
