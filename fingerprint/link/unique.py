"""Of observations that share an id one counts: the smallest by content, so that the order of input decides nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rackprint.fingerprint.link.columns import Bools, Column, Longs, Name


def first_copies(same: Bools, order: Longs, times: Longs, columns: Mapping[Name, Column]) -> Bools:
    """Which entries of ``order`` (input rows by id) stand for their id. ``same[k]`` tells whether entry k + 1 has the
    id of entry k."""
    starts = np.flatnonzero(np.concatenate(([True], ~same)))
    ends = np.concatenate((starts[1:], [len(order)]))
    several = ends - starts > 1
    copies = np.concatenate([order[s:e] for s, e in zip(starts[several], ends[several], strict=True)])
    content = _content(copies, times, columns)
    kept = np.zeros(len(order), dtype=bool)
    kept[starts[~several]] = True
    for start, end in zip(starts[several], ends[several], strict=True):
        kept[min(range(start, end), key=lambda at: content[int(order[at])])] = True
    return kept


def _content(rows: Longs, times: Longs, columns: Mapping[Name, Column]) -> dict[int, list[object]]:
    """What each of ``rows`` says, in a form that compares: its time, then its values by signal."""
    content: dict[int, list[object]] = {int(row): [int(times[row])] for row in rows}
    for name in sorted(columns):
        column = columns[name]
        values: dict[int, list[str]] = {}
        for at in np.flatnonzero(np.isin(column.rows, rows)):
            values.setdefault(int(column.rows[at]), []).append(column.key(int(column.codes[at])))
        for row, told in content.items():
            told.append(sorted(values.get(row, [])))
    return content
