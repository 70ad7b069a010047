"""How many phones are behind one address, at least: the lines that no single clock can have drawn."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rackprint.fingerprint.capture.boots import MOST, Boot
from rackprint.fingerprint.capture.clock import Line

# Kohno 2005 finds the skew of one machine steady within 1 to 2 ppm over weeks; of one hour, its heat is the same.
DRIFT = 1e-6


class Phones(msgspec.Struct, frozen=True):
    """``least``: phones there must be. ``parallel``: most lines to one destination at once; they are no count, since
    one phone may have an offset for each connection. ``reasons`` say what the count rests on."""

    least: int
    lines: int
    parallel: int
    reasons: tuple[str, ...]


def count(lines: Sequence[Line], boots: dict[int, Boot]) -> Phones:
    """Counts the phones that drew ``lines``, which are of one source; ``boots`` by place in them."""
    by_skew = _apart_by_skew([line for line in lines if line.meaning])
    by_boot = _apart_by_boot([(lines[i], boot) for i, boot in boots.items()])
    parallel, reasons = _parallel(lines), []
    if by_skew > 1:
        reasons.append(f"{by_skew} clocks run at rates whose intervals lie apart")
    if by_boot > 1:
        reasons.append(f"{by_boot} clocks that hide no start started at different times and ran at once")
    if parallel > 1:
        reasons.append(f"{parallel} lines to one destination at once: as many phones, or offsets for each connection")
    return Phones(max(1, by_skew, by_boot), len(lines), parallel, tuple(reasons))


def _apart_by_skew(lines: list[Line]) -> int:
    """Lines any two of which have intervals apart; across time by more than DRIFT."""
    chosen: list[Line] = []
    for line in sorted(lines, key=lambda found: found.skew.high if found.skew else 0.0):
        if all(_apart(other, line) for other in chosen):
            chosen.append(line)
    return len(chosen)


def _apart(slower: Line, faster: Line) -> bool:
    if slower.skew is None or faster.skew is None:
        return False
    return faster.skew.low - slower.skew.high > (0.0 if _at_once(slower, faster) else DRIFT)


def _apart_by_boot(found: list[tuple[Line, Boot]]) -> int:
    """A reboot moves the start too, so that only lines that overlap in time count."""
    chosen: list[tuple[Line, Boot]] = []
    for line, boot in sorted(found, key=lambda pair: pair[1].high):
        if all(boot.low > other.high and _at_once(line, before) for before, other in chosen):
            chosen.append((line, boot))
    return len(chosen)


def _at_once(a: Line, b: Line) -> bool:
    return a.first_ns <= b.last_ns and b.first_ns <= a.last_ns


def _parallel(lines: Sequence[Line]) -> int:
    most = 0
    for line in lines[:MOST]:
        most = max(most, sum(o.dst == line.dst and o.first_ns <= line.first_ns <= o.last_ns for o in lines[:MOST]))
    return most
