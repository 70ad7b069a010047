"""Why an account is on a device, and what ties two accounts: the path of evidence, its weakest step, what speaks
against it, and where each value stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import log2
from typing import Any

import msgspec

from rackprint.fingerprint.link.paths import graph, path, widest
from rackprint.fingerprint.link.result import AccountLink, Device, Linkage, Tie, Transfer, short
from rackprint.fingerprint.model import Observation, Position, Signal, Tier
from rackprint.fingerprint.signals import spec, tier

_FEW = 3  # places a person is shown; the record holds all


class Place(msgspec.Struct, frozen=True):
    """Where a value stands: observation, source, artifact (SHA-256) and position in it."""

    observation: str
    source: str
    artifact: str
    position: Position = Position()

    def __str__(self) -> str:
        artifact = self.artifact[:12] if self.artifact else "no artifact"
        where = str(self.position)
        return f"{self.source} {artifact}{f' ({where})' if where else ''}"


class Step(msgspec.Struct, frozen=True):
    """A shared value on the way: its weight, and how many observations and devices carry it."""

    signal: str
    value: str
    bits: float
    observations: int
    devices: int
    a: Place
    b: Place


class Shown(msgspec.Struct, frozen=True):
    """Where an account itself stands on the device."""

    account: str
    device: str
    probability: float
    weight: float
    places: tuple[Place, ...]


class Shared(msgspec.Struct, frozen=True):
    """A value on both sides that does not tie devices, and why it does not."""

    signal: str
    value: str
    why: str


class Explanation(msgspec.Struct, frozen=True):
    """The whole answer. ``device`` is empty when the two accounts are on no device together. ``steps`` lead from one
    account's observations to the other's (or to the phone itself) without those that show both; ``beside`` are further
    values that both sides carry; ``both`` are observations that list both accounts."""

    a: str
    b: str
    device: str
    probability: float
    weight: float
    steps: tuple[Step, ...]
    beside: tuple[Step, ...]
    weakest: Step | None
    both: tuple[Place, ...]
    shown: tuple[Shown, ...]
    against: tuple[str, ...]
    shared: tuple[Shared, ...]
    prior: float = 0.0

    def waterfall(self) -> list[tuple[str, float, bool]]:
        """(label, bits, whether they count): the odds before any evidence, what carries the link (the weakest step of
        the path, or the phone's own list of accounts), what both come to, and then what else supports it."""
        if not self.device:
            return []
        weakest = self.weakest if self.weakest and self.weakest.bits <= self.weight else None
        listed = "both are listed on the phone" if self.b else "listed on the phone"
        name = f"{weakest.signal} {short(weakest.value)}" if weakest else listed
        rows = [("before any evidence", self.prior, True), (name, self.weight, True)]
        rows.append(("together", self.prior + self.weight, True))
        others = [step for step in (*self.steps, *self.beside) if step is not weakest]
        return rows + [(f"{step.signal} {short(step.value)}", step.bits, False) for step in others]

    def summary(self) -> Iterator[str]:
        """Lines that say the answer before the table of steps."""
        weight = f"probability {self.probability:.6f}, {self.weight:.1f} bits"
        if self.b and not self.device:
            yield f"{self.a} and {self.b}: the data shows no device that both were on"
        elif self.b:
            yield f"{self.a} and {self.b} share device {self.device}: {weight}"
        else:
            yield f"{self.a} on device {self.device}: {weight}"
        yield from (f"  both are listed in {place}" for place in self.both)
        for shown in self.shown:
            for place in shown.places[:_FEW]:
                yield f"  {shown.account} stands in {place}"
            if len(shown.places) > _FEW:
                yield f"  {shown.account} stands in {len(shown.places) - _FEW} more observations"

    def rows(self) -> list[dict[str, Any]]:
        """The steps as table rows: those of the path by number, then what is shared beside it."""
        numbered = [(str(n), step) for n, step in enumerate(self.steps, 1)] + [("beside", s) for s in self.beside]
        return [
            {
                "step": number,
                "signal": step.signal,
                "value": short(step.value),
                "bits": step.bits,
                "carriers": f"{step.observations} obs., {step.devices} device{'s' * (step.devices != 1)}",
                "first": str(step.a),
                "second": str(step.b),
            }
            for number, step in numbered
        ]

    def remarks(self) -> Iterator[str]:
        """Lines after the table: the weakest step, what speaks against, what is shared but ties nothing."""
        if self.weakest:
            yield f"weakest step: {self.weakest.signal} {short(self.weakest.value)}, {self.weakest.bits:.1f} bits"
        yield from (f"against: {text}" for text in self.against)
        yield from (f"shared, but ties no devices: {s.signal} {s.value} ({s.why})" for s in self.shared)


def explain(linkage: Linkage, observations: Mapping[str, Observation], a: str, b: str | None = None) -> Explanation:
    """Explains ``a`` on its device, or ``a`` and ``b`` together. Raises KeyError for an account without a link."""
    links_a, links_b = _links(linkage, a), _links(linkage, b) if b else {}
    if not b:
        name = max(links_a, key=lambda d: (links_a[d].weight, d))
        found = _Explainer(linkage, observations, name).alone(links_a[name])
        moved = {(t.from_device, t.to_device): t for t in linkage.transfers if t.account == a}
        others = tuple(
            _moved(moved[x.device, name], "from")
            if (x.device, name) in moved
            else _moved(moved[name, x.device], "to")
            if (name, x.device) in moved
            else f"the account is on device {x.device} too ({x.weight:.1f} bits, {x.first_seen:%Y-%m-%d} to "
            f"{x.last_seen:%Y-%m-%d}); accounts are shared and sold"
            for x in links_a.values()
            if x.device != name
        )
        return msgspec.structs.replace(found, against=found.against + others)
    together = sorted(set(links_a) & set(links_b), key=lambda d: (-min(links_a[d].weight, links_b[d].weight), d))
    if not together:
        return _apart(observations, a, b, links_a.values(), links_b.values())
    name = together[0]
    return _Explainer(linkage, observations, name).together(links_a[name], links_b[name])


def _moved(transfer: Transfer, side: str) -> str:
    other = transfer.from_device if side == "from" else transfer.to_device
    return (
        f"the account moved {side} device {other} between {transfer.last_seen:%Y-%m-%d %H:%M} and "
        f"{transfer.first_seen:%Y-%m-%d %H:%M} UTC; an account that moves ties no devices"
    )


def _links(linkage: Linkage, account: str) -> dict[str, AccountLink]:
    found = {link.device: link for link in linkage.links if link.account == account}
    if not found:
        raise KeyError(account)
    return found


class _Explainer:
    """Explains within one device."""

    def __init__(self, linkage: Linkage, observations: Mapping[str, Observation], device: str) -> None:
        self._linkage, self._observations = linkage, observations
        self._device: Device = next(d for d in linkage.devices if d.id == device)
        self._graph = graph(tie for tie in linkage.ties if tie.device == device)

    def alone(self, link: AccountLink) -> Explanation:
        """From the account to the phone's surest value."""
        signal, key = self._device.anchor
        anchors = {o for o in self._device.observations if _find(self._observations[o], signal, key)}
        return self._explanation(link, None, anchors)

    def together(self, first: AccountLink, second: AccountLink) -> Explanation:
        """From one account to the other."""
        return self._explanation(first, second, set(second.observations))

    def _explanation(self, a: AccountLink, b: AccountLink | None, goal: set[str]) -> Explanation:
        both = sorted(set(a.observations) & goal)
        start, end = set(a.observations) - goal, goal - set(a.observations)
        ties = self._way(start, end)
        steps = tuple(map(self._step, ties))
        beside = () if b is None else tuple(self._beside(start, end, {(t.signal, t.key) for t in ties}))
        weight = min(link.weight for link in (a, b) if link)
        return Explanation(
            a=a.account,
            b=b.account if b else "",
            device=self._device.id,
            probability=min(link.probability for link in (a, b) if link),
            weight=weight,
            steps=steps,
            beside=beside,
            weakest=min(steps, key=lambda s: s.bits, default=None),
            both=tuple(_place(self._observations[o]) for o in both) if b else (),
            shown=tuple(self._shown(link) for link in (a, b) if link),
            against=tuple(self._against([*a.observations, *(b.observations if b else ())])),
            shared=(),
            prior=-log2(max(2, self._linkage.known_devices or len(self._linkage.devices))),
        )

    def _way(self, start: set[str], end: set[str]) -> list[Tie]:
        best = widest(self._graph, dict.fromkeys(sorted(start), float("inf")))
        reached = sorted(end & set(best))
        if not reached:
            return []
        return path(best, max(reached, key=lambda name: (best[name][0], -len(path(best, name)))))

    def _beside(self, start: set[str], end: set[str], used: set[tuple[str, str]]) -> Iterator[Step]:
        """What observations of both sides carry beside the path, one step a value."""
        for signal, key, bits in sorted({(t.signal, t.key, t.bits) for found in self._graph.values() for t in found}):
            if (signal, key) in used:
                continue
            a = next((o for o in sorted(start) if _find(self._observations[o], signal, key)), "")
            b = next((o for o in sorted(end) if _find(self._observations[o], signal, key)), "")
            if a and b:
                carriers = [o for o in self._device.observations if _find(self._observations[o], signal, key)]
                yield self._step(Tie(a, b, signal, key, bits, len(carriers)))

    def _step(self, tie: Tie) -> Step:
        a, b = self._observations[tie.a], self._observations[tie.b]
        carriers = {t.device for t in self._linkage.ties if (t.signal, t.key) == (tie.signal, tie.key)}
        return Step(
            signal=tie.signal,
            value=tie.key.rpartition("|")[2],
            bits=tie.bits,
            observations=tie.observations,
            devices=len(carriers),
            a=_place(a, _find(a, tie.signal, tie.key)),
            b=_place(b, _find(b, tie.signal, tie.key)),
        )

    def _shown(self, link: AccountLink) -> Shown:
        places = tuple(_listed(self._observations[name], link.account) for name in link.observations)
        return Shown(link.account, link.device, link.probability, link.weight, places)

    def _against(self, names: Sequence[str]) -> Iterator[str]:
        """Conflicts and flags of the device, and app-scope values that differ between the accounts' observations."""
        for conflict in self._linkage.conflicts:
            if self._device.id in conflict.devices:
                others = ", ".join(d for d in conflict.devices if d != self._device.id)
                yield f"{conflict.signal} {short(conflict.key)} also stands on {others}; {conflict.why}"
        for flag, note in zip(self._device.flags, self._device.notes, strict=True):
            if not flag.startswith("cloned_"):
                yield f"{flag}: {note}"
        differing: dict[tuple[str, str], set[str]] = {}
        for name in names:
            for signal in self._observations[name].signals:
                if signal.valid and signal.name in {"drm_id", "android_id"}:
                    differing.setdefault((signal.name, signal.scope_key), set()).add(str(signal.value))
        for (signal_name, scope), values in sorted(differing.items()):
            if len(values) > 1:
                yield f"{len(values)} different {signal_name} in {scope.partition(':')[2] or 'the unit'}"


def _apart(
    observations: Mapping[str, Observation], a: str, b: str, left: Iterable[AccountLink], right: Iterable[AccountLink]
) -> Explanation:
    """Two accounts on no device together, with what both sides show all the same."""
    left, right = list(left), list(right)
    ours, theirs = _values(observations, left), _values(observations, right)
    common = sorted(set(ours) & set(theirs))
    shared = tuple(Shared(name, key.rpartition("|")[2], _why_not(ours[name, key])) for name, key in common)
    shown = tuple(
        Shown(
            x.account,
            x.device,
            x.probability,
            x.weight,
            tuple(_listed(observations[o], x.account) for o in x.observations),
        )
        for x in (*left, *right)
    )
    return Explanation(a, b, "", 0.0, 0.0, (), (), None, (), shown, (), shared)


def _values(observations: Mapping[str, Observation], links: list[AccountLink]) -> dict[tuple[str, str], Signal]:
    """Valid values beside an account, by what people would look at; class values say too little to list."""
    listed = {Tier.HARDWARE, Tier.INSTALL, Tier.SUBSCRIBER, Tier.CONTEXT}
    return {
        (s.name, s.key): s
        for link in links
        for name in link.observations
        for s in observations[name].signals
        if s.valid and tier(s) in listed and s.name not in {"sni", "dns_name", "device_name"}
    }


def _why_not(signal: Signal) -> str:
    level = tier(signal)
    if spec(signal.name).ties:
        return "contested: more than one unit carries it"
    if level is Tier.SUBSCRIBER:
        return "SIMs move between phones"
    return "a place or a network, which many phones share"


def _find(observation: Observation, signal: str, key: str) -> Signal | None:
    return next((s for s in observation.signals if s.valid and s.name == signal and s.key == key), None)


def _place(observation: Observation, signal: Signal | None = None) -> Place:
    position = signal.position if signal is not None and signal.position != Position() else observation.position
    return Place(observation.id, observation.source, observation.artifact, position)


def _listed(observation: Observation, account: str) -> Place:
    """Where an observation names the account: its own line in a list of them, else the observation's place."""
    return _place(observation, _find(observation, "account", account))
