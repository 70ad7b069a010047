"""Boot times as evidence: fragments that show the same boot, to the second, at the same place and of the same model,
are likely one phone, and the likelier the fewer phones boot there and then.

A boot's weight is the chance that another phone's would fall beside it: the rate of that model's boots at that address,
or, where more boots fall around that moment than chance explains, the rate there and then (after a power cut a whole
hall boots at once, which is worth nothing).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rackprint.ext.blocking import group
from rackprint.fingerprint.link.columns import Bools, Columns, Floats, Ints, Longs
from rackprint.fingerprint.link.doubts import LONGEST_UPTIME
from rackprint.fingerprint.signals import spec

TOLERANCE = spec("boot_time").tolerance
CROWD = 40  # fragments that share one boot: a power cut, or a script that reboots a rack
COPIES = 10  # ids of one app in one boot; a cloner's copies are fewer, a host's emulators are more
OWN = 0.6  # of a run's width that one fragment spans by itself, where it is one phone's whose clock drifts
SEVERAL = 3  # ids of one app in one boot that no person makes by restarting phones together
UNSEEN = 2.0  # phones at a place for each one that was seen there
REACHES = (30.0, 300.0, 1800.0)  # a script reboots a rack within a minute, a power cut a hall within the hour
# Boots that are one of many at once, before the data speaks: at one address, and over many addresses.
HERE, ANYWHERE = 0.02, 0.001
LIFT = 5.0  # times the usual rate that a crowd over many addresses has at least
DAY = 86_400.0
_QUANTILE, _ENOUGH = 0.98, 50


@dataclass(slots=True)
class Sightings:
    """Observations that tell a boot time with their place (address and model), ordered by place and boot; times in
    seconds since 1970."""

    place: Ints
    address: Ints
    model: Ints
    boot: Floats
    time: Floats
    row: Ints
    label: Ints


@dataclass(slots=True)
class Boots:
    """Boots as runs of sightings. The fragments of boot c are ``members[starts[c]:starts[c + 1]]``, ascending, and
    ``rows`` holds the smallest row of each there; ``bits`` is what sharing the boot weighs beyond even odds, 0 for a
    crowd; ``copies`` is the most ids that one app shows in it."""

    at: Floats
    row: Ints  # a sighting of each
    starts: Ints
    members: Ints
    rows: Ints
    bits: Floats
    copies: Ints


def sightings(columns: Columns, labels: Ints) -> Sightings:
    """The usable boot times: with an address and a model beside them, and not after the time of the observation."""
    boot, time = columns.number("boot_time"), columns.times / 1e6
    address, model = columns.dense("ip"), columns.dense("model")
    with np.errstate(invalid="ignore"):
        usable = (address >= 0) & (model >= 0) & (boot <= time) & (time - boot <= LONGEST_UPTIME)
    rows = np.flatnonzero(usable).astype(np.int32)
    models = int(model.max(initial=0)) + 1
    _, place = np.unique(address[rows].astype(np.int64) * models + model[rows], return_inverse=True)
    order = np.lexsort((rows, time[rows], boot[rows], place))
    rows = rows[order]
    return Sightings(
        place[order].astype(np.int32), address[rows], model[rows], boot[rows], time[rows], rows, labels[rows]
    )


def find(columns: Columns, seen: Sightings) -> Boots:
    """The boots among ``seen``, weighed."""
    width = _width(seen)
    here = _described(columns, seen, _strung(seen, seen.place, width), width)
    first = np.searchsorted(here.of, np.arange(len(here.at)))  # the sightings are ordered by place and boot
    place = seen.place[first]
    rate = usual = _usual(place, here.at, here.phones)[place]
    rate = np.maximum(rate, _crowded(seen.address[first], usual, here.at, here.phones))
    for wider in (seen.model, np.zeros_like(seen.model)):  # a hall may have many addresses, and many models
        everywhere = _described(columns, seen, _cut(seen, _strung(seen, wider, width), width), width)
        of_group = wider[np.unique(everywhere.of, return_index=True)[1]]
        inside = everywhere.of[first]
        for reach, (crowd, beside) in _crowds(of_group, everywhere.at, everywhere.phones, ANYWHERE, LIFT).items():
            rate = np.maximum(rate, crowd[inside] * beside[inside] / (2 * reach) + (1 - crowd[inside]) * usual)
    bits = -np.log2(UNSEEN * rate * (2 * width + 1))
    count = np.diff(here.starts)
    few = (count >= 2) & (count <= CROWD) & ~here.wide
    bits[~few | ((count > COPIES) & (here.copies > COPIES))] = 0.0
    # a sighting of each fragment: the smallest row, whatever the order of the sightings
    rows = np.full(len(here.members), np.iinfo(np.int32).max, dtype=np.int32)
    np.minimum.at(rows, here.entry, seen.row)
    return Boots(here.at, seen.row[first], here.starts, here.members, rows, bits, here.copies)


@dataclass(slots=True)
class _Runs:
    """Sightings of one group and boot. ``of`` is each sighting's run, ``entry`` its place among ``members``, the
    fragments of run c being ``members[starts[c]:starts[c + 1]]``; ``phones`` is how many phones a run must be of."""

    of: Longs
    at: Floats
    starts: Ints
    members: Ints
    entry: Longs
    wide: Bools
    copies: Ints
    phones: Floats


def _strung(seen: Sightings, group_of: Ints, width: float) -> Longs:
    """The run of each sighting: boots of one group, each within ``width`` of the one before."""
    order = np.lexsort((seen.boot, group_of))
    of = np.empty(len(order), dtype=np.int64)
    of[order] = np.cumsum(_breaks(group_of[order], seen.boot[order], width)) - 1
    return of


def _described(columns: Columns, seen: Sightings, of: Longs, width: float) -> _Runs:
    fragments, entry = np.unique(of * _most(seen) + seen.label, return_inverse=True)
    low, wide = _wide(seen, of, (fragments, entry), width)
    starts, _ = group((fragments // _most(seen)).astype(np.int32), len(low))
    copies = _copies(columns, seen.row, of.astype(np.int32), len(low))
    phones = np.where(wide, np.diff(starts), np.where(copies > COPIES, copies, 1)).astype(np.float64)
    return _Runs(of, low, starts, (fragments % _most(seen)).astype(np.int32), entry, wide, copies, phones)


def _wide(seen: Sightings, of: Longs, known: tuple[Longs, Longs], width: float) -> tuple[Floats, Bools]:
    """(where each run begins, whether it is wider than one boot can be): then it is many phones', unless one of its
    fragments is as wide, since a clock drifts."""
    fragments, entry = known
    low, high = _hull(of, seen.boot, int(of.max(initial=-1)) + 1)
    first, last = _hull(entry, seen.boot, len(fragments))
    own = np.zeros(len(low))
    np.maximum.at(own, fragments // _most(seen), last - first)
    return low, (high - low > 2 * width) & (own < OWN * (high - low))


def _cut(seen: Sightings, of: Longs, width: float) -> Longs:
    """Runs with the wide ones cut to pieces of one boot's width: where very many phones boot, runs never end."""
    low, wide = _wide(seen, of, np.unique(of * _most(seen) + seen.label, return_inverse=True), width)
    if not wide.any():
        return of
    piece = np.where(wide[of], np.floor((seen.boot - low[of]) / (2 * width + 1)), 0.0).astype(np.int64)
    found: Longs = np.unique(of * (int(piece.max()) + 1) + piece, return_inverse=True)[1]
    return found


def _most(seen: Sightings) -> int:
    return int(seen.label.max(initial=0)) + 1


def _hull(owner: Longs, values: Floats, size: int) -> tuple[Floats, Floats]:
    """(lowest, highest) value of each owner."""
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, owner, values)
    np.maximum.at(high, owner, values)
    return low, high


def _breaks(place: Ints, boot: Floats, width: float) -> Bools:
    """Where a new boot begins."""
    breaks = np.ones(len(place), dtype=bool)
    breaks[1:] = (np.diff(place) != 0) | (np.diff(boot) > width)
    return breaks


def _width(seen: Sightings) -> float:
    """How far apart two tellings of one boot lie, learned from fragments that other values hold together."""
    order = np.lexsort((seen.boot, seen.label, seen.place))
    same = (np.diff(seen.place[order]) == 0) & (np.diff(seen.label[order]) == 0)
    steps = np.diff(seen.boot[order])[same]
    steps = steps[steps <= TOLERANCE]
    if len(steps) < _ENOUGH:
        return TOLERANCE
    return max(1.0, float(np.sort(steps)[int(_QUANTILE * (len(steps) - 1))]))


def _crowded(around: Ints, usual: Floats, at: Floats, phones: Floats) -> Floats:
    """Boots a second beside each boot, where more fall around it in its group than chance explains; else ``usual``."""
    rate = usual
    for reach, (crowd, beside) in _crowds(around, at, phones, HERE).items():
        rate = np.maximum(rate, crowd * beside / (2 * reach) + (1 - crowd) * usual)
    return rate


def _crowds(
    around: Ints, at: Floats, phones: Floats, prior: float, lift: float = 1.0
) -> dict[float, tuple[Floats, Floats]]:
    """reach -> for each boot (the chance that it is one of a crowd, how many others of its group fall so near). A crowd
    is ``lift`` times what is expected at least: by day more phones boot than by night, and that is no crowd."""
    order = np.lexsort((at, around))
    whole = _usual(around, at, phones)[around][order]
    moments = at[order]
    # every group has a stretch of time of its own, in milliseconds
    line = ((moments - (at.min() if len(at) else 0.0)) * 1e3).astype(np.int64)
    line += around[order].astype(np.int64) * (line.max(initial=0) + int(4e3 * REACHES[-1]))
    sums = np.concatenate(([0.0], np.cumsum(phones[order])))
    found: dict[float, tuple[Floats, Floats]] = {}
    for reach in REACHES:
        first = np.searchsorted(line, line - int(1e3 * reach))
        last = np.searchsorted(line, line + int(1e3 * reach), side="right")
        beside, crowd = np.empty(len(at)), np.empty(len(at))
        beside[order] = np.maximum(0.0, sums[last] - sums[first] - 1)
        crowd[order] = _scripted(beside[order], whole * 2 * reach, prior)
        crowd[order] *= beside[order] >= lift * whole * 2 * reach
        found[reach] = (crowd, beside)
    return found


def _usual(group_of: Ints, at: Floats, phones: Floats) -> Floats:
    """Boots a second in each group, over all the time that they were seen."""
    size = int(group_of.max(initial=0)) + 1
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, group_of, at)
    np.maximum.at(high, group_of, at)
    spans = np.where(np.isfinite(low), high - low, 0.0) + DAY
    found: Floats = np.bincount(group_of, weights=phones, minlength=size) / spans
    return found


def _scripted(beside: Floats, expected: Floats, prior: float) -> Floats:
    """The chance that ``beside`` other boots around one are no accident, where ``expected`` are: by Bayes, with the
    Poisson tail as the chance of an accident."""
    counts = np.floor(beside).astype(np.int64)
    logs = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, int(counts.max(initial=0)) + 1)))))
    expected = np.maximum(expected, 1e-12)
    mass = np.exp(-expected + counts * np.log(expected) - logs[counts])
    tail = np.where(counts > expected, mass / np.maximum(1e-9, 1 - expected / (counts + 1)), 1.0)
    tail = np.clip(np.where(counts == 0, 1.0, tail), 0.0, 1.0)
    found: Floats = np.where(counts == 0, 0.0, prior / (prior + (1 - prior) * tail))
    return found


def _copies(columns: Columns, rows: Ints, run: Ints, size: int) -> Ints:
    """The most ids that one app shows in each run of ``rows``."""
    most = np.zeros(size, dtype=np.int32)
    for signal in ("drm_id", "android_id"):
        column = columns.column(signal)
        codes = column.dense(columns.n)[rows]
        shown = codes >= 0
        if shown.any():
            pairs = np.unique(run[shown].astype(np.int64) * column.size + codes[shown])
            of_run, scope = pairs // column.size, column.scopes[pairs % column.size]
            apps, counts = np.unique(of_run * len(column.scope_names) + scope, return_counts=True)
            np.maximum.at(most, apps // len(column.scope_names), counts.astype(np.int32))
    return most


Uptimes = list[tuple[float, float]]  # boots, and the last time that each was seen


def uptimes(columns: Columns, labels: Ints, wanted: Longs) -> dict[int, Uptimes]:
    """The uptimes of the ``wanted`` fragments, by boot."""
    boot, time = columns.number("boot_time"), columns.times / 1e6
    rows = np.flatnonzero(np.isin(labels, wanted) & ~np.isnan(boot))
    rows = rows[np.lexsort((time[rows], boot[rows], labels[rows]))]
    found: dict[int, Uptimes] = {int(label): [] for label in wanted}
    for label, start, last in zip(labels[rows].tolist(), boot[rows].tolist(), time[rows].tolist(), strict=True):
        found[label].append((start, last))
    return found


def overlap(found: Uptimes) -> bool:
    """Whether an earlier boot was still seen after a later one, of uptimes in the order of their boots."""
    latest, boot = float("-inf"), float("-inf")
    for start, seen in found:
        if start - boot > TOLERANCE and latest > start + TOLERANCE:
            return True
        latest, boot = max(latest, seen), start
    return False
