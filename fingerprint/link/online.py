"""One observation at a time: which device it is of, how surely, and why; merges and splits are events.

The resolver keeps every tying value with the device that carries it, and judges by the same rules as the batch linker.
Where a new observation shows that a value was never one phone's, the devices it held together are linked anew, at once
if they are small and else by :meth:`Resolver.settle`. A batch over the same observations is the reference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rackprint.fingerprint.link import weights
from rackprint.fingerprint.link.boots import SEVERAL, TOLERANCE, overlap
from rackprint.fingerprint.link.doubts import LONGEST_UPTIME
from rackprint.fingerprint.link.fields import FIELDS
from rackprint.fingerprint.link.gather import build
from rackprint.fingerprint.link.known import Known, Short, Value, differ
from rackprint.fingerprint.link.pairs import APP_PENALTY, NEEDED
from rackprint.fingerprint.link.places import Places
from rackprint.fingerprint.link.result import short as shortened
from rackprint.fingerprint.link.tangle import Units, contradiction
from rackprint.fingerprint.model import Observation, Scope, Signal, SourceKind, Tier
from rackprint.fingerprint.signals import REGISTRY, spec, tier

AT_ONCE = 300  # observations that are linked anew within one call; more wait for settle()
DIFFERS = 3.0  # bits against, for each class field in which two devices with one boot differ
_NONE = -1
_RANK = {name: rank for rank, name in enumerate(REGISTRY)}
_TYING = frozenset(name for name, entry in REGISTRY.items() if entry.ties)
_READ = _TYING | FIELDS.keys() | {"boot_time", "model", "ip"}
_FIRST_HAND = frozenset({SourceKind.ACQUISITION, SourceKind.CAPTURE})


@dataclass(frozen=True, slots=True)
class Event:
    """What changed: ``merge`` (``others`` are part of ``device`` now), ``split`` (``others`` were part of it) or
    ``contested`` (a value that ties nobody any more, on ``device`` and ``others``)."""

    kind: str
    device: str
    others: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The device of an observation; ``fresh`` where it was not known before. ``weight`` is in bits."""

    device: str
    probability: float
    weight: float
    fresh: bool
    reasons: tuple[str, ...]
    events: tuple[Event, ...] = ()


@dataclass(slots=True)
class _Step:
    """What one call gathers."""

    device: int
    weight: float = 0.0
    ties: list[Value] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class Resolver:
    """An in-memory index of values and devices; two tellings of one boot lie at most ``width`` seconds apart."""

    def __init__(self, width: float = TOLERANCE) -> None:
        self._values: dict[tuple[str, bool, str], Value] = {}
        self._devices: dict[int, Known] = {}
        self._above: list[int] = []
        self._ids: dict[str, int] = {}
        self._of: dict[str, int] = {}
        self._places = Places(width)
        self._pending: set[int] = set()

    def __len__(self) -> int:
        """How many devices are known."""
        return len(self._devices)

    @property
    def pending(self) -> int:
        """How many devices wait to be linked anew."""
        return len({self._root(d) for d in self._pending})

    def add(self, observation: Observation) -> Answer:
        """Takes in one observation and tells its device. The same id again changes nothing."""
        known = self._of.get(observation.id)
        if known is not None:
            device = self._devices[self._root(known)]
            return Answer(device.id, weights.CAP, 0.0, False, ("known before",))
        short, signals, fields = self._read(observation)
        units = _units(observation, signals)
        step = _Step(_NONE)
        short.values, doubts = self._note(short, signals)
        for value in sorted(short.values, key=_order) if len(short.values) > 1 else short.values:
            if value.contested or value.device == _NONE:
                continue
            root = self._root(value.device)
            why = doubts.get(id(value), "")
            if not why and root != step.device:
                held = units if step.device == _NONE else self._devices[step.device].units
                why = contradiction({0: self._devices[root].units, 1: held}, (0, 1)) if held else ""
            if why:
                self._contest(value, why, (root,) if step.device == _NONE else {root, step.device}, step)
                continue
            if step.device == _NONE:
                step.device = root
                for kind, found in units.items():
                    self._devices[root].units.setdefault(kind, set()).update(found)
            elif root != step.device:
                step.device = self._merge(root, step.device, value.signal.name, step)
            step.weight = max(step.weight, value.bits)
            step.ties.append(value)
        fresh = step.device == _NONE
        if fresh:
            step.device = self._new(observation.id, signals)
            self._devices[step.device].units = units
        for value in short.values:
            if value.device == _NONE:
                value.device = step.device
        device = self._devices[step.device]
        device.note(short)
        if fields:
            device.fields = fields | device.fields
        self._of[observation.id] = step.device
        if short.boot is not None and short.address and short.model:
            fresh = not self._boot(short, step) and fresh
        if self._pending:
            self._rework_small(step)
        if fresh:
            step.weight = max((v.bits for v in short.values if not v.contested), default=0.0)
            step.reasons.append("seen for the first time" if short.values else "nothing in it tells the phone")
        device = self._devices[self._root(self._of[observation.id])]
        probability = weights.probability(step.weight, len(self._devices))
        reasons = (*map(_told, step.ties), *step.reasons)
        return Answer(device.id, probability, step.weight, fresh, reasons, tuple(step.events))

    def look(self, observation: Observation) -> Answer:
        """As :meth:`add`, without taking it in: nothing is learned and nothing changes. ``device`` is empty where the
        observation would be a device of its own."""
        known = self._of.get(observation.id)
        short, signals, _ = self._read(observation)
        units = _units(observation, signals)
        keys = [(signal.name, level is Tier.INSTALL, signal.key) for signal, level in signals]
        values = [v for key in keys if (v := self._values.get(key)) and v.device != _NONE and not v.contested]
        ties: list[Value] = []
        found = _NONE if known is None else self._root(known)
        for value in sorted(values, key=_order):
            root = self._root(value.device)
            if units and contradiction({0: self._devices[root].units, 1: units}, (0, 1)):
                continue
            found = root if found == _NONE else found
            if root == found:
                ties.append(value)
        weight = max((value.bits for value in ties), default=0.0)
        reasons = [*map(_told, ties)]
        if found == _NONE and short.boot is not None and short.address and short.model:
            found, weight = self._look_at_boot(short, units)
            reasons += [f"boot_time {short.boot:.0f} at {short.address}, {weight:.0f} bits"] if found != _NONE else []
        if found == _NONE:
            why = "seen for the first time" if signals else "nothing in it tells the phone"
            return Answer("", 0.0, 0.0, True, (why,))
        probability = weights.probability(weight, len(self._devices))
        return Answer(self._devices[found].id, probability, weight, False, tuple(reasons))

    def _look_at_boot(self, short: Short, units: Units) -> tuple[int, float]:
        assert short.boot is not None
        beside = {self._root(d) for d in self._places.look(short.address, short.model, short.boot)}
        fit = [d for d in beside if not units or not contradiction({0: self._devices[d].units, 1: units}, (0, 1))]
        if len(fit) != 1:
            return _NONE, 0.0  # of several, none is surer than another
        excess = self._places.bits(short.address, short.model, short.boot)
        return (fit[0], excess) if excess >= NEEDED else (_NONE, 0.0)

    def shown(self, device: str, most: int) -> list[str]:
        """The newest observations of a device, by the id that an answer gave it; at most ``most``."""
        number = self._ids.get(device)
        if number is None:
            return []
        return [short.id for short in self._devices[self._root(number)].shorts[-most:]]

    def settle(self) -> tuple[Event, ...]:
        """Links anew what was left because it was large."""
        step = _Step(0)
        while self._pending:
            self._rework(self._root(self._pending.pop()), step)
        return tuple(step.events)

    def devices(self) -> Iterator[tuple[str, list[str]]]:
        """(id, observations) of every device."""
        for device in self._devices.values():
            yield device.id, [short.id for short in device.shorts]

    def device_of(self, observation: str) -> str:
        """The device of an observation. Raises KeyError where it is not known."""
        return self._devices[self._root(self._of[observation])].id

    def _read(self, observation: Observation) -> tuple[Short, list[tuple[Signal, Tier]], dict[str, str]]:
        short = Short(observation)
        found: dict[tuple[str, str], tuple[Signal, Tier]] = {}
        fields: dict[str, str] = {}
        for signal in observation.signals:
            name = signal.name
            if not signal.valid or name not in _READ:
                continue
            if name in _TYING:
                found.setdefault((name, signal.key), (signal, tier(signal)))
            elif name == "boot_time":
                boot = float(signal.value)
                short.boot = boot if 0 <= short.time - boot <= LONGEST_UPTIME else None
            elif name == "model":
                short.model = short.model or str(signal.value)
            elif name == "ip":
                short.address = short.address or str(signal.value)
            else:
                fields.setdefault(name, str(signal.value))
        return short, list(found.values()), fields

    def _new(self, observation: str, signals: list[tuple[Signal, Tier]]) -> int:
        """A device of its own, named by its surest value."""
        number = len(self._above)
        self._above.append(number)
        if signals:
            surest, _ = min(signals, key=lambda s: (_RANK[s[0].name], s[0].key))
            anchor = (surest.name, surest.key)
        else:
            anchor = ("", observation)
        self._devices[number] = Known(self._name(anchor, number), number)
        return number

    def _name(self, anchor: tuple[str, str], number: int) -> str:
        digest = hashlib.sha256("\0".join(anchor).encode()).hexdigest()
        name = f"d-{digest[:12]}"
        if self._ids.setdefault(name, number) != number:
            digest = hashlib.sha256(f"{digest} {number}".encode()).hexdigest()
            name = f"d-{digest[:32]}"
            self._ids[name] = number
        return name

    def _note(self, short: Short, signals: list[tuple[Signal, Tier]]) -> tuple[tuple[Value, ...], dict[int, str]]:
        """The values of the observation, and why some are not to be trusted."""
        drm = [signal for signal, _ in signals if signal.name == "drm_id"]
        values: list[Value] = []
        doubts: dict[int, str] = {}
        for signal, level in signals:
            key = (signal.name, level is Tier.INSTALL, signal.key)
            value = self._values.get(key)
            if value is None:
                value = self._values[key] = Value(signal, level, _NONE, _level(signal.name, level))
            why = value.doubt(short, drm)
            if why:
                doubts[id(value)] = why
            values.append(value)
        return tuple(values), doubts

    def _contest(self, value: Value, why: str, devices: Iterable[int], step: _Step) -> None:
        value.contested = why
        named = [self._devices[self._root(d)].id for d in devices]
        text = f"{value.signal.name} {shortened(value.signal.key)} ties nobody any more: {why}"
        step.events.append(Event("contested", named[0], tuple(named[1:]), text))
        if value.seen > 1:
            self._pending |= set(devices)

    def _merge(self, a: int, b: int, why: str, step: _Step) -> int:
        """One device of two, under the older one's id."""
        kept, gone = (a, b) if self._devices[a].birth < self._devices[b].birth else (b, a)
        other = self._devices.pop(gone)
        self._devices[kept].absorb(other)
        self._above[gone] = kept
        step.events.append(Event("merge", self._devices[kept].id, (other.id,), why))
        return kept

    def _boot(self, short: Short, step: _Step) -> bool:
        """Ties the device to another one that shows the same boot, where that is rare enough; whether it did."""
        assert short.boot is not None
        beside = {self._root(d) for d in self._places.note(short.address, short.model, short.boot, step.device)}
        beside.discard(step.device)
        if not beside:
            return False
        weight = self._places.bits(short.address, short.model, short.boot)
        tied = False
        for other in sorted(beside, key=lambda d: self._devices[d].birth):
            mine, theirs = self._devices[step.device], self._devices[other]
            against = sum(mine.fields[n] != theirs.fields[n] for n in mine.fields.keys() & theirs.fields.keys())
            excess = weight * self._shared(mine, theirs) - DIFFERS * against
            if differ(mine, theirs):
                several = self._shared(mine, theirs) > 1 or len(beside) >= SEVERAL
                excess = excess - APP_PENALTY if several else 0.0
            if excess < NEEDED or contradiction({0: mine.units, 1: theirs.units}, (0, 1)):
                continue
            if overlap(sorted([*mine.uptimes.items(), *theirs.uptimes.items()])):
                continue
            step.weight = max(step.weight, excess)
            step.reasons.append(f"boot_time {short.boot:.0f} at {short.address}, {excess:.0f} bits beyond even odds")
            step.device = self._merge(other, step.device, "boot_time", step)
            tied = True
        return tied

    def _shared(self, a: Known, b: Known) -> int:
        """How many boots two devices share."""
        width = self._places.width
        return sum(any(abs(boot - other) <= width for other in b.uptimes) for boot in a.uptimes)

    def _rework_small(self, step: _Step) -> None:
        small = {d for d in map(self._root, self._pending) if len(self._devices[d].shorts) <= AT_ONCE}
        if small:
            self._pending = {d for d in self._pending if self._root(d) not in small}
            for device in sorted(small):
                self._rework(device, step)

    def _rework(self, device: int, step: _Step) -> None:
        """Links a device's observations anew by the batch rules; what falls apart is a split."""
        from rackprint.fingerprint.link.linker import partition

        old = self._devices[device]
        contested = {id(v): v for short in old.shorts for v in short.values if v.contested}
        observations = [short.observation() for short in old.shorts]
        shut = {(v.signal.name, v.signal.key) for v in contested.values()}
        kept = [_without(o, shut) for o in observations]
        order = {o.id: n for n, o in enumerate(observations)}
        groups: dict[int, list[Short]] = {}
        columns = build(kept)
        for name, label in zip(columns.ids.to_pylist(), partition(columns).tolist(), strict=True):
            groups.setdefault(label, []).append(old.shorts[order[name]])
        if len(groups) < 2:
            return
        parts = sorted(groups.values(), key=lambda shorts: min(order[s.id] for s in shorts))
        self._fill(old, device, parts[0])
        others = []
        for part in parts[1:]:
            signals = [(v.signal, Tier.INSTALL if v.install else Tier.HARDWARE) for s in part for v in s.values]
            number = self._new(part[0].id, [s for s in signals if (s[0].name, s[0].key) not in shut])
            self._fill(self._devices[number], number, part)
            others.append(self._devices[number].id)
        step.events.append(Event("split", old.id, tuple(others), "a value that held it together ties nobody"))

    def _fill(self, device: Known, number: int, shorts: list[Short]) -> None:
        """Makes ``device`` hold exactly these observations."""
        device.shorts, device.units, device.uptimes, device.apps = [], {}, {}, {}
        for short in shorts:
            device.note(short)
            self._of[short.id] = number
            for value in short.values:
                if not value.contested:
                    value.device = number
            if SourceKind(short.source.partition(":")[0]) in _FIRST_HAND:
                for kind, found in _units_of([value.signal for value in short.values]).items():
                    device.units.setdefault(kind, set()).update(found)

    def _root(self, device: int) -> int:
        above = self._above
        while above[device] != device:
            above[device] = device = above[above[device]]
        return device


def _level(name: str, level: Tier) -> int:
    """The passes of the batch: labels, unit, app's view of the unit, installs."""
    if name in {"exhibit", "handset"}:
        return 0
    return 3 if level is Tier.INSTALL else 1 if spec(name).scope is Scope.UNIT else 2


def _order(value: Value) -> tuple[int, float]:
    return value.level, -value.bits


def _told(value: Value) -> str:
    return f"{value.signal.name} {shortened(value.signal.key)} in {value.seen} observations ({value.bits:.0f} bits)"


def _units(observation: Observation, signals: list[tuple[Signal, Tier]]) -> Units:
    first_hand = observation.source_kind in _FIRST_HAND
    told = [s for s, _ in signals if first_hand or s.name == "exhibit"]
    return _units_of(told) if told else {}


def _units_of(signals: list[Signal]) -> Units:
    units: Units = {}
    for signal in signals:
        entry = spec(signal.name)
        if tier(signal) is Tier.HARDWARE and entry.scope is Scope.UNIT and entry.cardinality:
            units.setdefault((signal.name, signal.scope_key), set()).add(signal.key)
    return units


def _without(observation: Observation, shut: set[tuple[str, str]]) -> Observation:
    from msgspec.structs import replace

    return replace(observation, signals=tuple(s for s in observation.signals if (s.name, s.key) not in shut))
