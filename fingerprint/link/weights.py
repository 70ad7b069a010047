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
PRIOR_PAIRS = 1e6  # pairs of devices that the prior of u counts as
ESCAPED = 0.1  # clones that pass for one phone's value, for each that was found out
_M = {Tier.HARDWARE: 0.99, Tier.INSTALL: 0.95}


def bits(signal: str, tier: Tier) -> float:
    """The weight of two observations sharing a valid, uncontested value of ``signal``."""
    return round(log2(_M[tier]) + spec(signal).u_bits, 3)


class Weights:
    """The weights of one linking: priors, with u raised to what the data shows. ``contested`` counts the contested
    values by signal and tier; the more there are, the more have escaped the eye that found them."""

    def __init__(self, contested: Mapping[tuple[str, Tier], int], devices: int) -> None:
        pairs = PRIOR_PAIRS + devices * (devices - 1) / 2
        self._u = {name: ESCAPED * count / pairs for name, count in contested.items()}

    def bits(self, signal: str, tier: Tier) -> float:
        """The weight of two observations sharing a valid, uncontested value of ``signal``."""
        u = max(2.0 ** -spec(signal).u_bits, self._u.get((signal, tier), 0.0))
        return round(log2(_M[tier] / u), 3)


def probability(weight: float, devices: int) -> float:
    """Of a link of ``weight`` bits among ``devices``: it could be of any, so the odds before any evidence are 1 to
    their number. Never above CAP: the priors are assumptions, and no figure on them is surer."""
    exponent = weight - log2(max(2, devices))
    return min(CAP, round(1 / (1 + 2 ** -max(-1000.0, min(1000.0, exponent))), 9))


def probabilities(bits: npt.NDArray[np.float64], devices: int) -> npt.NDArray[np.float64]:
    """As :func:`probability`, for many weights."""
    exponents = np.clip(bits - log2(max(2, devices)), -1000.0, 1000.0)
    found: npt.NDArray[np.float64] = np.minimum(CAP, np.round(1 / (1 + np.exp2(-exponents)), 9))
    return found
