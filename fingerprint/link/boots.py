"""Boot times as evidence: two devices that show the same boot, to the second, at the same place and of the same model,
are likely one, and the likelier the fewer phones boot there and then.

A boot's weight is the chance that another phone's would fall beside it: the rate of that model's boots at that address
around that hour (after a power cut a whole hall boots at once, which is worth nothing) or over all the time seen,
whichever is more. What contradicts: a boot that lies inside the uptime of another (a phone that has booted again is
never seen with the boot before), and ids that one app sees and that differ, which weigh against and do not veto.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, combinations
from math import log2

from rackprint.fingerprint.model import Observation
from rackprint.fingerprint.signals import spec

TOLERANCE = spec("boot_time").tolerance
NEEDED = 7.6  # bits beyond even odds: one false tie in two hundred
CROWD = 40  # devices that share one boot: a power cut, or a script that reboots a rack
COPIES = 10  # ids of one app in one boot; a cloner's copies are fewer, a host's emulators are more
UNSEEN = 2.0  # phones at a place for each one that was seen there
# Bits against, where one app saw different ids: about one phone in thirty runs copies of an app. Then one boot is not
# enough, however rare: two phones that a person restarts together show one such boot, but hardly a second.
APP_PENALTY = 5.0
_REACHES = (30.0, 300.0, 1800.0)  # a script reboots a rack within a minute, a power cut a hall within the hour
_DAY, _YEARS = 86_400.0, 5 * 365 * 86_400.0
_QUANTILE, _ENOUGH = 0.98, 50

Place = tuple[str, str]  # address and model
Span = tuple[float, float]  # first and last sight
Clash = Callable[[int, int], bool]


@dataclass(frozen=True, slots=True)
class Sighting:
    """An observation that tells a boot time; times in seconds since 1970."""

    boot: float
    time: float
    row: int


@dataclass(slots=True)
class Boot:
    """One boot at one place: the sightings of it, and the devices that they are of."""

    place: Place
    sightings: list[Sighting]
    devices: list[int] = field(default_factory=list)

    @property
    def start(self) -> float:
        return self.sightings[0].boot

    @property
    def spread(self) -> float:
        return self.sightings[-1].boot - self.sightings[0].boot

    def phones(self, width: float) -> int:
        """How many phones' boots it may be: a run that is wider than one boot can be is many."""
        return len(self.devices) if self.spread > 2 * width else 1


@dataclass(slots=True)
class Pair:
    """Two devices that share boots, one observation of each, and the weight of it: ``excess`` is beyond even odds."""

    devices: tuple[int, int]
    key: str
    rows: tuple[int, int]
    excess: float
    bits: float = 0.0
    boots: int = 1


def pairs(rows: Sequence[Observation], labels: array[int]) -> list[Pair]:
    """The pairs of devices whose shared boots weigh enough, strongest first. Linear in rows, and in CROWD a boot."""
    places = _places(rows)
    width = _width(places, labels)
    found: dict[tuple[int, int], Pair] = {}
    by_place = {place: _boots(place, sightings, width, labels) for place, sightings in sorted(places.items())}
    by_address: dict[str, list[Boot]] = defaultdict(list)
    for place, boots in by_place.items():
        by_address[place[0]] += boots
    crowds = {address: _Crowds(boots, width) for address, boots in by_address.items()}
    for place, boots in by_place.items():
        usual = _usual(boots, width)
        for boot in boots:
            few = 2 <= len(boot.devices) <= CROWD and boot.spread <= 2 * width
            if few and (len(boot.devices) <= COPIES or _copies(boot, rows) <= COPIES):
                rate = max(usual, crowds[place[0]].rate(boot.start))
                _add(boot, -log2(UNSEEN * rate * (2 * width + 1)), labels, found)
    ids = _AppIds(rows, labels, {label for pair in found for label in pair})
    base = log2(max(2, len(rows)))
    for pair in found.values():
        if ids.differ(*pair.devices):
            pair.excess = pair.excess - APP_PENALTY if pair.boots > 1 else 0.0
        pair.bits = round(base + pair.excess, 3)
    enough = [pair for pair in found.values() if pair.excess >= NEEDED]
    return sorted(enough, key=lambda p: (-p.bits, p.rows))


def settle(candidates: list[Pair], rows: Sequence[Observation], labels: array[int], clash: Clash) -> list[Pair]:
    """Those of ``candidates`` that stand, taken in their order: neither their boots nor, by ``clash``, their units
    contradict what the pairs before made of the two sides."""
    uptimes = _uptimes(rows, labels, {label for pair in candidates for label in pair.devices})
    parent: dict[int, int] = {}

    def find(label: int) -> int:
        while (above := parent.get(label, label)) != label:
            parent[label] = label = parent.get(above, above)
        return label

    kept: list[Pair] = []
    for pair in candidates:
        a, b = sorted(map(find, pair.devices))
        if a != b:
            both = sorted(uptimes[a] + uptimes[b])
            if _overlap(both) or clash(a, b):
                continue
            uptimes[a] = both
            parent[b] = a
        kept.append(pair)
    return kept


def _places(rows: Sequence[Observation]) -> dict[Place, list[Sighting]]:
    found: dict[Place, list[Sighting]] = defaultdict(list)
    for row, observation in enumerate(rows):
        values = {s.name: s.value for s in observation.signals if s.valid}
        boot, time = values.get("boot_time"), observation.time.timestamp()
        place = (str(values.get("ip", "")), str(values.get("model", "")))
        if all(place) and isinstance(boot, int | float) and 0 <= time - boot <= _YEARS:
            found[place].append(Sighting(float(boot), time, row))
    for sightings in found.values():
        sightings.sort(key=lambda s: (s.boot, s.time, s.row))
    return found


def _width(places: dict[Place, list[Sighting]], labels: array[int]) -> float:
    """How far apart two tellings of one boot lie, learned from devices that other values hold together."""
    spreads: list[float] = []
    for sightings in places.values():
        last: dict[int, Sighting] = {}
        for sighting in sightings:
            label = labels[sighting.row]
            before = last.get(label)
            if before is not None and sighting.boot - before.boot <= TOLERANCE:
                spreads.append(sighting.boot - before.boot)
            last[label] = sighting
    if len(spreads) < _ENOUGH:
        return TOLERANCE
    return max(1.0, sorted(spreads)[int(_QUANTILE * (len(spreads) - 1))])


def _boots(place: Place, sightings: list[Sighting], width: float, labels: array[int]) -> list[Boot]:
    boots: list[Boot] = []
    for sighting in sightings:
        if not boots or sighting.boot - boots[-1].sightings[-1].boot > width:
            boots.append(Boot(place, []))
        boots[-1].sightings.append(sighting)
    for boot in boots:
        boot.devices = sorted({labels[s.row] for s in boot.sightings})
    return boots


class _Crowds:
    """How many boots of any model fall around a moment at one address."""

    def __init__(self, boots: list[Boot], width: float) -> None:
        ordered = sorted((boot.start, boot.phones(width)) for boot in boots)
        self._starts = [start for start, _ in ordered]
        self._sums = [0, *accumulate(phones for _, phones in ordered)]

    def rate(self, start: float) -> float:
        """Boots a second besides the one at ``start``, in whichever stretch around it is the most crowded."""
        most = 0.0
        for reach in _REACHES:
            first, last = bisect_left(self._starts, start - reach), bisect_right(self._starts, start + reach)
            most = max(most, (self._sums[last] - self._sums[first] - 1) / (2 * reach))
        return most


def _usual(boots: list[Boot], width: float) -> float:
    """Boots a second of one model at one address, over all the time that they were seen."""
    return sum(boot.phones(width) for boot in boots) / (boots[-1].start - boots[0].start + _DAY)


def _add(boot: Boot, bits: float, labels: array[int], found: dict[tuple[int, int], Pair]) -> None:
    first: dict[int, int] = {}
    for sighting in boot.sightings:
        row = first.get(labels[sighting.row], sighting.row)
        first[labels[sighting.row]] = min(row, sighting.row)
    for a, b in combinations(boot.devices, 2):
        pair = found.get((a, b))
        if pair is None:
            key = f"{boot.place[1]} at {boot.place[0]}|{boot.start:.0f}"
            found[a, b] = Pair((a, b), key, (first[a], first[b]), bits)
        else:
            pair.excess += max(0.0, bits)
            pair.boots += 1


def _copies(boot: Boot, rows: Sequence[Observation]) -> int:
    """The most ids that one app shows among the sightings of a boot."""
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for sighting in boot.sightings:
        for signal in rows[sighting.row].signals:
            if signal.valid and signal.name in {"drm_id", "android_id"}:
                ids[signal.name, signal.scope_key].add(str(signal.value))
    return max(map(len, ids.values()), default=0)


class _AppIds:
    """The ids that apps saw on each device, and from when to when."""

    def __init__(self, rows: Sequence[Observation], labels: array[int], wanted: set[int]) -> None:
        self._seen: dict[int, dict[str, dict[str, Span]]] = defaultdict(lambda: defaultdict(dict))
        for row, observation in enumerate(rows):
            if labels[row] not in wanted:
                continue
            time = observation.time.timestamp()
            for signal in observation.signals:
                if signal.valid and signal.name in {"drm_id", "android_id"} and signal.scope_key:
                    scope = self._seen[labels[row]][f"{signal.name} {signal.scope_key}"]
                    first, last = scope.get(str(signal.value), (time, time))
                    scope[str(signal.value)] = (min(first, time), max(last, time))

    def differ(self, a: int, b: int) -> bool:
        """Whether an app has ids of both and none in common; android_ids only if they lived at the same time."""
        for scope, ours in self._seen[a].items():
            theirs = self._seen[b].get(scope, {})
            if not theirs or ours.keys() & theirs.keys():
                continue
            if scope.startswith("drm_id") or _together(ours.values(), theirs.values()):
                return True
        return False


def _together(ours: Iterable[Span], theirs: Iterable[Span]) -> bool:
    (first, last), (begun, ended) = _hull(ours), _hull(theirs)
    return first <= ended and begun <= last


def _hull(spans: Iterable[Span]) -> Span:
    found = list(spans)
    return min(first for first, _ in found), max(last for _, last in found)


Uptime = tuple[float, float]  # a boot, and the last time that it was seen


def _uptimes(rows: Sequence[Observation], labels: array[int], wanted: set[int]) -> dict[int, list[Uptime]]:
    found: dict[int, list[Uptime]] = defaultdict(list)
    for row, observation in enumerate(rows):
        if labels[row] in wanted:
            for signal in observation.signals:
                if signal.name == "boot_time" and signal.valid:
                    found[labels[row]].append((float(signal.value), observation.time.timestamp()))
    for uptimes in found.values():
        uptimes.sort()
    return found


def _overlap(uptimes: list[Uptime]) -> bool:
    """Whether an earlier boot was still seen after a later one, of uptimes in the order of their boots."""
    latest, boot = float("-inf"), float("-inf")
    for start, seen in uptimes:
        if start - boot > TOLERANCE and latest > start + TOLERANCE:
            return True
        latest, boot = max(latest, seen), start
    return False
