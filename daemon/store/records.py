"""What goes into the store and comes out beside the model's own types."""

from __future__ import annotations

from datetime import datetime

import msgspec

from rackprint.daemon.errors import RackprintError
from rackprint.fingerprint.model import Problem


class StoreError(RackprintError):
    """The case's database cannot be used."""


class Artifact(msgspec.Struct, frozen=True):
    """A file in the vault. ``done`` tells that all it holds was read and committed; ``parser`` is then who read it,
    empty when no parser knew it."""

    sha256: str
    name: str
    size: int
    taken_at: datetime
    added_at: datetime
    exhibit: str = ""
    parser: str = ""
    done: bool = False


class Added(msgspec.Struct, frozen=True):
    """What became of observations that were handed in; ``conflicts`` are those whose id says something else already."""

    new: int = 0
    duplicates: int = 0
    conflicts: tuple[Problem, ...] = ()
