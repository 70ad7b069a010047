"""How good a linking is against the truth: pairwise and B-cubed (Bagga and Baldwin, 1998) precision and recall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import comb
from typing import Any

import msgspec


class Scores(msgspec.Struct, frozen=True):
    precision: float
    recall: float
    f1: float


class FalseMerge(msgspec.Struct, frozen=True):
    """The device that mixes most: how many labelled observations it has, and how many of each true device."""

    device: str
    observations: int
    parts: tuple[tuple[str, int], ...]


class Evaluation(msgspec.Struct, frozen=True):
    """``labelled`` observations were compared; ``unlabelled`` have no known truth; ``missing`` were not linked at all,
    and count as devices of their own."""

    pairwise: Scores
    bcubed: Scores
    labelled: int
    unlabelled: int
    missing: int
    true_devices: int
    found_devices: int
    largest_false_merge: FalseMerge | None = None

    def rows(self) -> list[dict[str, Any]]:
        """As (measure, value) rows."""
        merge = self.largest_false_merge
        told = "none"
        if merge:
            parts = ", ".join(f"{count} of {name}" for name, count in merge.parts[:5])
            told = f"{merge.device}: {merge.observations} observations ({parts})"
        rows: list[tuple[str, str | int | float]] = [
            (f"{name} {part}", f"{getattr(scores, part):.4f}")
            for name, scores in (("pairwise", self.pairwise), ("B-cubed", self.bcubed))
            for part in ("precision", "recall", "f1")
        ]
        rows += [
            ("observations compared", self.labelled),
            ("observations without truth", self.unlabelled),
            ("observations not linked", self.missing),
            ("true devices", self.true_devices),
            ("found devices", self.found_devices),
            ("largest false merge", told),
        ]
        return [{"measure": measure, "value": value} for measure, value in rows]


def evaluate(truth: Mapping[str, str], predicted: Mapping[str, str]) -> Evaluation:
    """Compares observation -> device maps; an empty true device is unknown and left out. Linear in observations."""
    known = {name: device for name, device in truth.items() if device}
    found = {name: predicted.get(name) or f"\0{name}" for name in known}  # not linked: alone
    cells = Counter((device, found[name]) for name, device in known.items())
    true_sizes, found_sizes = Counter(known.values()), Counter(found.values())
    both = sum(comb(n, 2) for n in cells.values())
    in_found = sum(comb(n, 2) for n in found_sizes.values())
    in_true = sum(comb(n, 2) for n in true_sizes.values())
    total = len(known)
    precise = sum(n * n / found_sizes[device] for (_, device), n in cells.items())
    recalled = sum(n * n / true_sizes[device] for (device, _), n in cells.items())
    return Evaluation(
        pairwise=_scores(_ratio(both, in_found), _ratio(both, in_true)),
        bcubed=_scores(_ratio(precise, total), _ratio(recalled, total)),
        labelled=total,
        unlabelled=len(predicted) - sum(name in known for name in predicted),
        missing=sum(name not in predicted for name in known),
        true_devices=len(true_sizes),
        found_devices=len(found_sizes),
        largest_false_merge=_largest(cells),
    )


def _largest(cells: Counter[tuple[str, str]]) -> FalseMerge | None:
    parts: dict[str, Counter[str]] = {}
    for (device, label), count in cells.items():
        parts.setdefault(label, Counter())[device] += count
    mixed = {label: found for label, found in parts.items() if len(found) > 1}
    if not mixed:
        return None
    label = min(mixed, key=lambda x: (-mixed[x].total(), x))
    ordered = tuple(sorted(mixed[label].items(), key=lambda p: (-p[1], p[0])))
    return FalseMerge(label, mixed[label].total(), ordered)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


def _scores(precision: float, recall: float) -> Scores:
    return Scores(precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0)
