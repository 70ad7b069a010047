"""Weights of agreement in bits, after Fellegi and Sunter, "A theory for record linkage" (JASA 64, 1969).

A shared value weighs log2(m/u): m is the chance that two sights of one device show the same value, u that two devices
do. ``u`` is the registry's prior, as long as the data does not show the value on more devices than that allows.
"""

from __future__ import annotations

from math import log2

from rackprint.fingerprint.model import Tier
from rackprint.fingerprint.signals import spec

CAP = 0.999999
_M = {Tier.HARDWARE: 0.99, Tier.INSTALL: 0.95}


def bits(signal: str, tier: Tier) -> float:
    """The weight of two observations sharing a valid, uncontested value of ``signal``."""
    return round(log2(_M[tier]) + spec(signal).u_bits, 3)


def probability(weight: float, observations: int) -> float:
    """Of a link of ``weight`` bits among ``observations``: each could be any other's partner, so the odds before any
    evidence are 1 to their number. Never above CAP: the priors are assumptions, and no figure on them is surer."""
    exponent = weight - log2(max(2, observations))
    return min(CAP, round(1 / (1 + 2 ** -max(-1000.0, min(1000.0, exponent))), 9))
