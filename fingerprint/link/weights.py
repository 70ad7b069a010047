"""Weights of agreement in bits, after Fellegi and Sunter, "A theory for record linkage" (JASA 64, 1969).

A shared value weighs log2(m/u): m is the chance that two sights of one device show the same value, u that two devices
do. ``u`` is the registry's prior, as long as the data does not show the value on more devices than that allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log2

import numpy as np
import numpy.typing as npt

from rackprint.fingerprint.model import Tier
from rackprint.fingerprint.signals import spec

CAP = 0.999999
PRIOR_PAIRS = 1e6  # what the prior of u counts as
_M = {Tier.HARDWARE: 0.99, Tier.INSTALL: 0.95}


def bits(signal: str, tier: Tier) -> float:
    """The weight of two observations sharing a valid, uncontested value of ``signal``."""
    return round(log2(_M[tier]) + spec(signal).u_bits, 3)


class Weights:
    """The weights of one linking: priors, with u raised to what the data shows. ``shared`` counts, by signal and tier,
    the pairs of devices that have a contested value in common, of ``pairs`` pairs."""

    def __init__(self, shared: Mapping[tuple[str, Tier], float], pairs: float) -> None:
        self._u = {name: count / (PRIOR_PAIRS + pairs) for name, count in shared.items()}

    def bits(self, signal: str, tier: Tier) -> float:
        """The weight of two observations sharing a valid, uncontested value of ``signal``."""
        u = max(2.0 ** -spec(signal).u_bits, self._u.get((signal, tier), 0.0))
        return round(log2(_M[tier] / u), 3)


def probability(weight: float, observations: int) -> float:
    """Of a link of ``weight`` bits among ``observations``: each could be any other's partner, so the odds before any
    evidence are 1 to their number. Never above CAP: the priors are assumptions, and no figure on them is surer."""
    exponent = weight - log2(max(2, observations))
    return min(CAP, round(1 / (1 + 2 ** -max(-1000.0, min(1000.0, exponent))), 9))


def probabilities(bits: npt.NDArray[np.float64], observations: int) -> npt.NDArray[np.float64]:
    """As :func:`probability`, for many weights."""
    exponents = np.clip(bits - log2(max(2, observations)), -1000.0, 1000.0)
    found: npt.NDArray[np.float64] = np.minimum(CAP, np.round(1 / (1 + np.exp2(-exponents)), 9))
    return found
