"""A command of the table, and the facts of a phone that its guards look at."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Speed(StrEnum):
    """``FAST`` is asked always; ``SLOW`` only where it was asked for."""

    FAST = "fast"
    SLOW = "slow"


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """One read-only command: its name in the table, the line for the phone's shell, the parser for its output, its
    deadline in seconds, the most bytes it may answer with, and what it changes on the phone (mostly nothing)."""

    name: str
    line: str
    parser: str
    speed: Speed = Speed.FAST
    seconds: float = 10.0
    most: int = 4 << 20
    changes: str = ""


class Phone(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the guards know of a phone, from its properties. ``sdk`` 0 and empty texts are unknown."""

    sdk: int = 0
    maker: str = ""
    model: str = ""
    build: str = ""
    slots: int = 1
