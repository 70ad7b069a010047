"""The plain twin of ``score``: the same answers and errors, for tests and for reading."""

from __future__ import annotations

from collections.abc import Sequence

LANES = 16
Row = Sequence[int]


def score(
    codes: Sequence[Row],
    a: Sequence[int],
    b: Sequence[int],
    agree: Row,
    differ: Row,
    weights: Sequence[Row] | None = None,
) -> list[int]:
    """As :func:`rackprint.ext.score.score`, with lists."""
    if any(len(row) != LANES for row in (*codes, agree, differ)):
        raise ValueError(f"rows and weights have {LANES} lanes")
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} pair ends: sizes do not fit")
    for ends, name in ((a, "a"), (b, "b")):
        for k, row in enumerate(ends):
            if not 0 <= row < len(codes):
                raise ValueError(f"{name}[{k}] is {row}, of {len(codes)} rows")
    if weights is not None and [len(row) for row in weights] != [LANES] * len(codes):
        raise ValueError("weights have another shape than codes")
    return [
        sum(
            (agree if weights is None else weights[i])[k] if x == y else differ[k]
            for k, (x, y) in enumerate(zip(codes[i], codes[j], strict=True))
            if x and y
        )
        for i, j in zip(a, b, strict=True)
    ]
