"""What an online resolver keeps in memory: values, the devices that carry them, and the observations in short."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from rackprint.fingerprint.link.doubts import BACK, DRM_SPREAD, MANY, RETURNS, SHARE, SOME
from rackprint.fingerprint.link.tangle import Units
from rackprint.fingerprint.link.weights import bits
from rackprint.fingerprint.model import Observation, Signal, Tier


class Value:
    """A tying value and who carries it. ``contested`` says why it ties nobody, empty while it does."""

    __slots__ = (
        "back",
        "bits",
        "boot",
        "contested",
        "device",
        "drm",
        "install",
        "level",
        "model",
        "seen",
        "signal",
        "time",
    )

    def __init__(self, signal: Signal, tier: Tier, device: int, level: int) -> None:
        self.signal, self.device, self.level = signal, device, level
        self.install = tier is Tier.INSTALL
        self.bits = bits(signal.name, tier)
        self.contested = ""
        self.seen = 0  # observations
        self.model: tuple[str, str] | None = None  # source and model that it was first seen with
        self.boot, self.time, self.back = 0.0, 0.0, 0
        self.drm: dict[str, set[str]] | None = None  # for install values, the drm_ids beside it by app

    def doubt(self, short: Short, drm: list[Signal]) -> str:
        """Why the value is not to be trusted after this observation too; empty where it is (see link/doubts.py)."""
        self.seen += 1
        if self.signal.name in {"exhibit", "handset"}:
            return ""
        if self.install:
            beside = self.drm = self.drm or {}
            for signal in drm:
                found = beside.setdefault(signal.scope_key, set())
                found.add(str(signal.value))
                if len(found) >= DRM_SPREAD:
                    return f"it stands beside {len(found)} different drm_id of one app"
        if short.model:
            if self.model is None:
                self.model = (short.source, short.model)
            elif self.model[0] == short.source and self.model[1] != short.model:
                return "its carriers are of 2 models"
        if short.boot is not None and short.time >= self.time:
            if self.time and short.boot < self.boot - BACK:
                self.back += 1
            self.boot, self.time = short.boot, short.time
            few = self.back >= RETURNS and self.back >= SHARE * self.seen
            if few or (self.back >= MANY and self.back >= SOME * self.seen):
                return f"its carriers go back to an earlier boot {self.back} times, as no one phone does"
        return ""


class Short:
    """An observation in short: what linking needs of it. Times are seconds since 1970."""

    __slots__ = ("address", "app", "boot", "id", "model", "source", "time", "values")

    def __init__(self, observation: Observation) -> None:
        self.id, self.source, self.app = observation.id, observation.source, observation.app
        self.time = observation.time.timestamp()
        self.model = self.address = ""
        self.boot: float | None = None
        self.values: tuple[Value, ...] = ()

    def observation(self) -> Observation:
        """The observation again, with the signals that linking looks at."""
        signals = [value.signal for value in self.values]
        for name, text in (("model", self.model), ("ip", self.address)):
            if text:
                signals.append(Signal(name, text, text))
        if self.boot is not None:
            signals.append(Signal("boot_time", self.boot, ""))
        when = datetime.fromtimestamp(self.time, UTC)
        return Observation(self.id, when, self.source, app=self.app, signals=tuple(signals))


@dataclass(slots=True)
class Known:
    """A device. ``uptimes`` are its boots with the last time that each was seen; ``apps`` the ids that apps saw on it,
    by signal and scope, with their first and last sight; ``birth`` orders devices by age."""

    id: str
    birth: int
    units: Units = field(default_factory=dict)
    shorts: list[Short] = field(default_factory=list)
    uptimes: dict[float, float] = field(default_factory=dict)
    apps: dict[tuple[str, str], dict[str, tuple[float, float]]] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)

    def note(self, short: Short) -> None:
        """Takes in what an observation shows."""
        self.shorts.append(short)
        if short.boot is not None:
            self.uptimes[short.boot] = max(self.uptimes.get(short.boot, 0.0), short.time)
        for value in short.values:
            signal = value.signal
            if signal.scope_key and signal.name in {"drm_id", "android_id"}:
                spans = self.apps.setdefault((signal.name, signal.scope_key), {})
                first, last = spans.get(signal.key, (short.time, short.time))
                spans[signal.key] = (min(first, short.time), max(last, short.time))

    def absorb(self, other: Known) -> None:
        """Takes over all that another device has."""
        for kind, values in other.units.items():
            self.units.setdefault(kind, set()).update(values)
        self.shorts += other.shorts
        for boot, last in other.uptimes.items():
            self.uptimes[boot] = max(self.uptimes.get(boot, 0.0), last)
        for scope, spans in other.apps.items():
            mine = self.apps.setdefault(scope, {})
            for key, (first, last) in spans.items():
                known = mine.get(key, (first, last))
                mine[key] = (min(first, known[0]), max(last, known[1]))
        self.fields = other.fields | self.fields


def differ(a: Known, b: Known) -> bool:
    """Whether an app has ids of both devices and none in common; android_ids only if they lived at the same time."""
    for scope, ours in a.apps.items():
        theirs = b.apps.get(scope)
        if not theirs or ours.keys() & theirs.keys():
            continue
        if scope[0] == "drm_id":
            return True
        begun, ended = min(f for f, _ in ours.values()), max(last for _, last in ours.values())
        if any(first <= ended and begun <= last for first, last in theirs.values()):
            return True
    return False
