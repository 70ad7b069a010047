"""Observations as Parquet with the columns of contract 1; ``signals`` is a struct, a map or JSON text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from rackprint.fingerprint.model import ArtifactInfo, Parsed, Position, Problem
from rackprint.fingerprint.parsers.events import observation, row_from

BATCH = 4096
WIDE = 1 << 16  # rows of a record batch

Read = Callable[[Any, ArtifactInfo], Iterator[Any]]


class ParquetParser:
    """Parquet rows in file order; the position of a row is its number, from 1, as the line."""

    name = "parquet"
    version = 1

    def probe(self, head: bytes, name: str) -> bool:
        return head.startswith(b"PAR1")

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        return self._parse(stream, info, self._rows)

    def parse_wide(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Any]:
        """As :meth:`parse`, with record batches (parsers/batches.py) in the place of most observations."""
        return self._parse(stream, info, self._batches)

    def _parse(self, stream: BinaryIO, info: ArtifactInfo, read: Read) -> Iterator[Any]:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            file = parquet.ParquetFile(stream)
            missing = {"time", "source"} - set(file.schema_arrow.names)
            if missing:
                yield Problem(f"Parquet lacks the column {', '.join(sorted(missing))}", "see docs/observations.md")
                return
            yield from read(file, info)
        except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
            first = str(error).partition("\n")[0]
            yield Problem(f"Parquet cannot be read on: {first}", "write the file again; what came before was kept")

    def _batches(self, file: Any, info: ArtifactInfo) -> Iterator[Any]:
        from pyarrow import Table

        from rackprint.fingerprint.ahead import ahead
        from rackprint.fingerprint.parsers.batches import canonical

        number = 0
        for batch in ahead(file.iter_batches(batch_size=WIDE)):
            wide = canonical(Table.from_batches([batch]), info, number + 1)
            if wide is not None:
                yield wide
            else:
                yield from self._each(batch, number, info)
            number += batch.num_rows

    def _rows(self, file: Any, info: ArtifactInfo) -> Iterator[Parsed]:
        number = 0
        for batch in file.iter_batches(batch_size=BATCH):
            yield from self._each(batch, number, info)
            number += batch.num_rows

    def _each(self, batch: Any, before: int, info: ArtifactInfo) -> Iterator[Parsed]:
        for number, values in enumerate(batch.to_pylist(), before + 1):
            position = Position(line=number)
            try:
                row = row_from(_plain(values))
                yield observation(row, info, number, position, f"{self.name}/{self.version}")
            except (ValueError, TypeError, OverflowError, RecursionError) as error:
                yield Problem(f"row does not fit: {error}", "see docs/observations.md for the form", position)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    signals = values.get("signals")
    if isinstance(signals, str):
        signals = json.loads(signals)
    elif isinstance(signals, list):  # a map column arrives as pairs
        signals = dict(signals)
    time = values.get("time")
    if isinstance(time, datetime) and time.tzinfo is None:
        time = time.replace(tzinfo=UTC)  # Parquet's own timestamps without a zone are UTC by its convention
    return values | {"signals": signals, "time": time}


PARQUET = ParquetParser()
