"""``python -m benchmarks.online [COUNT]``: one observation at a time, and how closely it agrees with the batch."""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks import million
from benchmarks.clock import peak
from rackprint.fingerprint.link.evaluate import evaluate
from rackprint.fingerprint.link.gather import Gatherer
from rackprint.fingerprint.link.linker import partition
from rackprint.fingerprint.link.online import Resolver
from rackprint.fingerprint.model import ArtifactInfo, Observation
from rackprint.fingerprint.parsers.parquet import PARQUET

CHUNK = 100_000


def stream(path: Path) -> Iterator[Observation]:
    """The observations of a file, one by one."""
    with path.open("rb") as data:
        for parsed in PARQUET.parse(data, ArtifactInfo(path.name, "0" * 64, datetime.now(UTC))):
            assert isinstance(parsed, Observation), parsed
            yield parsed


def run(count: int) -> None:
    """Feeds ``count`` observations to a resolver. Only ``add`` is timed. The collector of cycles is told to leave alone
    what is known, as a daemon that keeps an index in memory does."""
    resolver, gathered, events = Resolver(width=2.0), Gatherer(), Counter[str]()
    spent: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "observations.parquet"
        million.make(count, path, Path(folder) / "truth.csv", seed=1)
        for n, observation in enumerate(stream(path), 1):
            start = time.perf_counter()
            answer = resolver.add(observation)
            spent.append(time.perf_counter() - start)
            events.update(event.kind for event in answer.events)
            gathered.add(observation)
            if n % CHUNK == 0:
                gc.freeze()
                last = np.array(spent[-CHUNK:])
                p50, p99 = np.percentile(last, [50, 99]) * 1e3
                rate = CHUNK / last.sum()
                print(
                    f"{n:>10,} known: {rate:,.0f}/s, p50 {p50:.3f} ms, p99 {p99:.3f} ms, max {last.max() * 1e3:.1f} ms"
                )
    print(f"events: {dict(sorted(events.items()))}; {len(resolver):,} devices; {resolver.pending} pending", end="; ")
    print(f"{len(resolver.settle())} settled; peak {peak():,.0f} MiB (both indexes)")
    columns = gathered.finish()
    batch = dict(zip(columns.ids.to_pylist(), map(str, partition(columns).tolist()), strict=True))
    online = {name: device for device, names in resolver.devices() for name in names}
    scores = evaluate(batch, online).pairwise
    print(f"against the batch: precision {scores.precision:.4f}, recall {scores.recall:.4f}, F1 {scores.f1:.4f}")


if __name__ == "__main__":
    run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
