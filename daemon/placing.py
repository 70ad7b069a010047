"""What the daemon and its resolver say to each other; the daemon need not load what the resolver does."""

from __future__ import annotations

import msgspec

from rackprint.fingerprint.model import Observation


class Serve(msgspec.Struct, tag=True):
    """The first message: which case."""

    case: str
    url: str = ""


class Ask(msgspec.Struct, tag=True):
    """Whose phone is this?"""

    number: int
    observation: Observation


class Poke(msgspec.Struct, tag=True):
    """There is something new."""


class Placed(msgspec.Struct, tag=True):
    """The answer: a device as the resolver calls it, empty for one of its own, and some observations of it."""

    number: int
    device: str
    probability: float
    weight: float
    fresh: bool
    reasons: tuple[str, ...]
    observations: list[str]


class Known(msgspec.Struct, tag=True):
    """How far the index is: the number of the newest observation in it, how many there are, how many devices, and
    whether it holds all that there was at its start; observations a second so far; or why it cannot go on."""

    through: int
    observations: int
    devices: int
    whole: bool
    rate: float
    error: str = ""


ToResolver = Serve | Ask | Poke
FromResolver = Placed | Known
