"""What goes into the store and comes out beside the model's own types."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from rackprint.daemon.errors import RackprintError
from rackprint.fingerprint.model import Problem


class StoreError(RackprintError):
    """The case's database cannot be used."""


class DiskFullError(StoreError):
    """There is no room for what was to be written; nothing of it was."""


class Artifact(msgspec.Struct, frozen=True):
    """A file in the vault. ``done`` tells that all it holds was read and committed; ``parser`` is then who read it,
    empty when no parser knew it. ``pack`` and ``offset`` say where it lies when it shares a file of the vault."""

    sha256: str
    name: str
    size: int
    taken_at: datetime
    added_at: datetime
    exhibit: str = ""
    parser: str = ""
    done: bool = False
    pack: str = ""
    offset: int = 0


class Added(msgspec.Struct, frozen=True):
    """What became of observations that were handed in; ``conflicts`` are those whose id says something else already."""

    new: int = 0
    duplicates: int = 0
    conflicts: tuple[Problem, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """What a run of the linker changed: a ``link`` or ``unlink`` of an account, a ``merge``, ``split`` or ``move`` of
    observations from one device to another, a ``flag``, a ``farm``, ``farm_changed`` or ``farm_ended``."""

    kind: str
    device: str
    account: str
    details: dict[str, Any]


class Event(Change, frozen=True):
    """A change that was recorded, in the order of ``number``."""

    number: int = 0
    run: int = 0
    at: datetime | None = None


class Run(msgspec.Struct, frozen=True):
    """One run of the linker: when it ended, over how many observations, up to which number, in how many seconds."""

    number: int
    at: datetime
    through: int
    observations: int
    seconds: float
