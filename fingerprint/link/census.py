"""What is usual among all devices of a case, so that one device's oddities can be told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from rackprint.fingerprint.identifiers import imei
from rackprint.fingerprint.model import Observation

ENOUGH, MOST = 3, 0.75  # devices of a TAC, and the share of them that must agree before another is odd


class Census:
    """Counts devices by ADB key, and by the models that a TAC is seen with. A TAC names one model (GSMA TS.06)."""

    def __init__(self, devices: Iterable[Sequence[Observation]]) -> None:
        self._keys: Counter[str] = Counter()
        self._models: dict[str, Counter[str]] = defaultdict(Counter)
        for observations in devices:
            self._keys.update(values(observations, "adb_host_key"))
            for tac, model in _tacs(observations):
                self._models[tac][model] += 1

    def keys(self, observations: Sequence[Observation]) -> dict[str, int]:
        """The ADB keys of a device that others trust too, with how many others."""
        found = {key: self._keys[key] - 1 for key in values(observations, "adb_host_key")}
        return {key: others for key, others in sorted(found.items()) if others > 0}

    def odd_tac(self, observations: Sequence[Observation]) -> tuple[str, str, str]:
        """(TAC, the device's model, the model that the TAC is usual with) where the two differ; else empty."""
        for tac, model in sorted(_tacs(observations)):
            models = self._models[tac]
            usual, count = min(models.items(), key=lambda item: (-item[1], item[0]))
            if usual != model and models.total() > ENOUGH and count >= MOST * models.total():
                return tac, model, usual
        return "", "", ""


def values(observations: Iterable[Observation], name: str) -> set[str]:
    """The distinct valid values of a signal."""
    return {str(s.value) for o in observations for s in o.signals if s.name == name and s.valid}


def _tacs(observations: Sequence[Observation]) -> set[tuple[str, str]]:
    """(TAC, model) of observations that show both, so that a value read elsewhere is not held against the phone."""
    found = set()
    for observation in observations:
        models = values([observation], "model")
        numbers = values([observation], "imei")
        found |= {(imei.tac(number), model) for number in numbers for model in models}
    return found
