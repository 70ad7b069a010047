"""What fragments show of their class and surroundings, as padded rows for the scoring kernel, with weights in bits.

An agreement weighs log2(m/u), a difference log2((1-m)/(1-u)) (Fellegi and Sunter, "A theory for record linkage", JASA
64, 1969). u is the share of that value among the fragments of the same model, so a class that a whole hall shares
weighs nothing; m comes from the data by expectation maximisation over the candidate pairs, held near a prior that
counts as much as PRIOR_PAIRS pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rackprint.ext.score import LANES, score
from rackprint.fingerprint.link.columns import Columns, Floats, Ints

UNIT = 256  # of a bit, in the kernel's whole numbers
PRIOR_PAIRS = 200.0
ROUNDS = 8
MOST, LEAST = 6.0, -8.0  # bits that one field may weigh
HOLD = 3.0  # bits for all agreements together: class fields go together, and none of them is a phone's own

# field -> m before the data speaks. Builds and system versions are left out: a phone is updated.
FIELDS: dict[str, float] = {
    "ram_mb": 0.98, "storage_gb": 0.97, "screen": 0.98, "gl_renderer": 0.99, "sensors": 0.99, "density": 0.97,
    "cpu": 0.99, "locale": 0.97, "timezone": 0.97, "carrier": 0.9, "device_name": 0.98, "bootloader": 0.97,
    "iccid": 0.9,
}  # fmt: skip
STEPS = {"ram_mb": 512.0, "storage_gb": 4.0}


@dataclass(slots=True)
class Table:
    """Rows of the kernel for some fragments: ``codes`` (0: not seen) and the share of each value within its model."""

    codes: Ints
    shares: Floats


def table(columns: Columns, labels: Ints, wanted: Ints) -> Table:
    """The fields of the ``wanted`` fragments (ascending labels), the first value that each shows."""
    place = np.full(columns.n, -1, dtype=np.int32)
    place[wanted] = np.arange(len(wanted), dtype=np.int32)
    fragment = place[labels]
    rows = np.flatnonzero(fragment >= 0)
    fragment = fragment[rows]
    model = _first(columns.dense("model")[rows], fragment, len(wanted))
    codes = np.zeros((len(wanted), LANES), dtype=np.int32)
    shares = np.ones((len(wanted), LANES))
    for lane, name in enumerate(FIELDS):
        dense = _stepped(columns.number(name), STEPS[name]) if name in STEPS else columns.dense(name)
        found = _first(dense[rows], fragment, len(wanted))
        codes[:, lane] = found + 1
        shares[:, lane] = _shares(found, model)
    return Table(codes, shares)


def weigh(given: Table, a: Ints, b: Ints, prior: Floats) -> Floats:
    """Bits of the fields for each pair of rows, where ``prior`` is what else is known of the pair, in bits beyond even
    odds."""
    names = list(FIELDS)
    m = np.zeros(LANES)
    m[: len(names)] = list(FIELDS.values())
    shown = (given.codes[a] != 0) & (given.codes[b] != 0)
    same = shown & (given.codes[a] == given.codes[b])
    before, bits = m.copy(), np.zeros(len(a))
    for _ in range(ROUNDS if len(a) else 0):
        bits = _bits(given, a, b, m)
        odds = np.clip(prior + bits, -60, 60)
        chance = 1 / (1 + np.exp2(-odds))
        weight = chance @ shown
        m = (chance @ same + PRIOR_PAIRS * before) / (weight + PRIOR_PAIRS)
        m = np.clip(m, 0.5, 0.999)
    return bits


def _bits(given: Table, a: Ints, b: Ints, m: Floats) -> Floats:
    """Agreements weigh by how rare the value is, and together HOLD at most; differences add up."""
    u = np.clip(given.shares, 1e-4, 0.999)
    plus = np.clip(np.log2(np.maximum(m, 1e-9) / u), 0.0, MOST)
    typical = np.clip(np.average(u, axis=0), 0.01, 0.999) if len(u) else np.full(LANES, 0.5)
    minus = np.clip(np.log2((1 - m) / (1 - typical * 0.999)), LEAST, 0.0)
    agree = np.ascontiguousarray(np.round(plus * UNIT), dtype=np.int32)
    differ = np.ascontiguousarray(np.round(minus * UNIT), dtype=np.int32)
    nothing = np.zeros(LANES, dtype=np.int32)
    gained = score(given.codes, a, b, nothing, nothing, agree) / UNIT
    lost = score(given.codes, a, b, nothing, differ) / UNIT
    found: Floats = np.minimum(gained, HOLD) + lost
    return found


def _stepped(values: Floats, step: float) -> Ints:
    """A measure as codes: what apps read of the memory differs by some megabytes from boot to boot."""
    found = np.full(len(values), -1, dtype=np.int32)
    seen = ~np.isnan(values)
    _, codes = np.unique(np.round(values[seen] / step), return_inverse=True)
    found[seen] = codes
    return found


def _first(dense: Ints, fragment: Ints, size: int) -> Ints:
    found = np.full(size, -1, dtype=np.int32)
    seen = np.flatnonzero(dense >= 0)[::-1]
    found[fragment[seen]] = dense[seen]
    return found


def _shares(found: Ints, model: Ints) -> Floats:
    """Of the fragments of a model that show the field, the share with this value."""
    shares = np.ones(len(found))
    seen = found >= 0
    if seen.any():
        pair = model[seen].astype(np.int64) * (int(found.max()) + 1) + found[seen]
        _, place, counts = np.unique(pair, return_inverse=True, return_counts=True)
        of_model = np.bincount(model[seen] + 1, minlength=int(model.max()) + 2)
        shares[seen] = counts[place] / of_model[model[seen] + 1]
    return shares
