"""The linker: observations in, devices, links of accounts to them, farms and conflicts out."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rackprint.ext.unionfind import components
from rackprint.fingerprint.link import flags, pairs
from rackprint.fingerprint.link.columns import Columns, Ints
from rackprint.fingerprint.link.farms import farms
from rackprint.fingerprint.link.gather import build
from rackprint.fingerprint.link.loose import cut
from rackprint.fingerprint.link.owners import moves
from rackprint.fingerprint.link.pairs import Pair
from rackprint.fingerprint.link.records import records
from rackprint.fingerprint.link.resolution import Resolution, resolution
from rackprint.fingerprint.link.result import Linkage
from rackprint.fingerprint.link.union import Union, unite
from rackprint.fingerprint.model import Observation


def link(observations: Iterable[Observation]) -> Linkage:
    """Links ``observations``. Every one lands in exactly one device, and the same set in any order gives the same
    answer. Ids last as long as the device's surest value stays known."""
    return records(resolve(build(observations)))


def resolve(columns: Columns) -> Resolution:
    """As :func:`link`, from columns and as arrays."""
    union, kept = _devices(columns)
    found = resolution(columns, union, kept, _joined(union.labels, kept))
    found.moves = moves(found)
    found.flags = flags.of(found)
    found.farms = farms(found)
    return found


def partition(columns: Columns) -> Ints:
    """Only which rows are of one device: labels."""
    union, kept = _devices(columns)
    return _joined(union.labels, kept)


def _devices(columns: Columns) -> tuple[Union, list[Pair]]:
    union, units = unite(columns)
    likely = pairs.candidates(columns, union.labels)
    borne = units(f for pair in likely for f in pair.fragments)
    return union, cut(pairs.settle(columns, union.labels, likely, borne))


def _joined(labels: Ints, kept: list[Pair]) -> Ints:
    if not kept:
        return labels
    ends = np.array([pair.fragments for pair in kept], dtype=np.int32)
    a, b = np.ascontiguousarray(ends[:, 0]), np.ascontiguousarray(ends[:, 1])
    return components(len(labels), a, b)[labels]
