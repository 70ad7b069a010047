"""Reasons to doubt that a shared value is one phone's, found in what stands beside it.

* An install value beside several drm_ids of one app: one app sees one drm_id on a phone, two around an upgrade.
* Two models, told by the same source: a phone does not change its model.
* Boots that go back and forth: a phone that has booted again is never seen with the boot before.
"""

from __future__ import annotations

import numpy as np

from rackprint.ext.blocking import group
from rackprint.fingerprint.link.columns import Bools, Column, Columns, Ints
from rackprint.fingerprint.model import Tier

DRM_SPREAD = 3
BACK = 35.0  # seconds; a clock that is set or drifts moves the boot time it tells by less
LONGEST_UPTIME = 5 * 365 * 86_400.0  # seconds; a boot time of 1970 is a clock that was never set
RETURNS, SHARE = 2, 0.15  # returns to an earlier boot, at least, and as a share of the sightings
MANY, SOME = 4, 0.06  # or so many, as a smaller share: phones that are used one after the other


class Doubts:
    """The columns that doubts come from, made once."""

    def __init__(self, columns: Columns) -> None:
        n = columns.n
        self._n = n
        self._drm = columns.column("drm_id")
        self._model = columns.dense("model")
        self._source = columns.text("source").dense(n)
        boots = columns.number("boot_time")
        by_time = np.argsort(columns.times, kind="stable")
        with np.errstate(invalid="ignore"):
            sound = (boots <= columns.times / 1e6) & (columns.times / 1e6 - boots <= LONGEST_UPTIME)
        self._by_time = by_time[sound[by_time]]
        self._boots = boots

    def of(self, column: Column, wanted: Bools) -> dict[int, str]:
        """code -> why, of those ``wanted`` values that are not to be trusted."""
        if not wanted.any() or column.signal in {"exhibit", "handset"}:
            return {}
        found = self._alternating(column, wanted)
        found |= self._models(column, wanted)
        if column.tier is Tier.INSTALL:
            found |= self._common(column, wanted)
        return found

    def _common(self, column: Column, wanted: Bools) -> dict[int, str]:
        drm = self._drm
        if not drm.size:
            return {}
        entries = wanted[column.codes]
        first, after = np.searchsorted(drm.rows, column.rows[entries]), np.searchsorted(
            drm.rows, column.rows[entries], side="right"
        )  # fmt: skip
        counts = after - first
        codes = np.repeat(column.codes[entries], counts).astype(np.int64)
        steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        beside = drm.codes[np.repeat(first, counts) + steps]
        distinct = np.unique(codes * drm.size + beside)
        value, scope = distinct // drm.size, drm.scopes[distinct % drm.size]
        in_scope, most = np.unique(value * len(drm.scope_names) + scope, return_counts=True)
        spread = np.zeros(column.size, dtype=np.int64)
        np.maximum.at(spread, in_scope // len(drm.scope_names), most)
        return {
            int(code): f"it stands beside {spread[code]} different drm_id of one app"
            for code in np.flatnonzero(spread >= DRM_SPREAD)
        }

    def _models(self, column: Column, wanted: Bools) -> dict[int, str]:
        model = self._model[column.rows]
        told = wanted[column.codes] & (model >= 0)
        last = np.full(column.size, -1, dtype=np.int32)
        last[column.codes[told]] = model[told]
        odd = np.unique(column.codes[told][model[told] != last[column.codes[told]]])
        if not len(odd):
            return {}
        looked = np.zeros(column.size, dtype=bool)
        looked[odd] = True
        at = np.flatnonzero(told & looked[column.codes])
        triples = np.unique(np.stack([column.codes[at], self._source[column.rows[at]], model[at]], axis=1), axis=0)
        pairs, counts = np.unique(triples[:, :2], axis=0, return_counts=True)
        return {
            int(code): f"its carriers are of {count} models"
            for (code, _), count in zip(pairs.tolist(), counts.tolist(), strict=True)
            if count > 1
        }

    def _alternating(self, column: Column, wanted: Bools) -> dict[int, str]:
        if not len(self._by_time):
            return {}
        codes: Ints = column.dense(self._n)[self._by_time]
        kept = codes >= 0
        kept[kept] = wanted[codes[kept]]
        codes = codes[kept]
        starts, order = group(codes, column.size)
        boots = self._boots[self._by_time[kept]][order]
        back = np.zeros(len(boots), dtype=bool)
        back[1:] = np.diff(boots) < -BACK
        back[starts[:-1][starts[:-1] < len(boots)]] = False
        returns = np.bincount(codes[order][back], minlength=column.size)
        sightings = np.diff(starts)
        odd = (returns >= RETURNS) & (returns >= SHARE * sightings)
        odd |= (returns >= MANY) & (returns >= SOME * sightings)
        return {
            int(code): f"its carriers go back to an earlier boot {returns[code]} times, as no one phone does"
            for code in np.flatnonzero(odd)
        }
