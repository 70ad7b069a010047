"""The words of rackprint as frozen types: what a parser yields and everything after it works on.

Types are msgspec structs, so they cross process borders and land in NDJSON without a second schema.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

Value = str | int | float


class Tier(StrEnum):
    """What a signal can prove."""

    HARDWARE = "hardware"
    INSTALL = "install"
    SUBSCRIBER = "subscriber"
    CONTEXT = "context"
    CLASS = "class"
    MEASURE = "measure"
    OPERATION = "operation"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """Where values of a signal may be compared."""

    UNIT = "unit"  # one value a physical unit
    APP = "app"  # one value a user and app
    NETWORK = "network"  # steady on one SSID only
    NONE = "none"  # never identifies


class SourceKind(StrEnum):
    """What kind of eye saw it: an acquisition reads the unit, a platform sees what one app sees."""

    ACQUISITION = "acquisition"
    CAPTURE = "capture"
    PLATFORM = "platform"
    RECORD = "record"


class Position(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A place in an artifact: archive member, line (from 1) and byte offset (from 0), as far as they are known."""

    member: str = ""
    line: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        parts = [self.member] if self.member else []
        if self.line is not None:
            parts.append(f"line {self.line}")
        if self.offset is not None:
            parts.append(f"byte {self.offset}")
        return ", ".join(parts)


class Identifier(msgspec.Struct, frozen=True):
    """One reading of a raw text as an identifier: its normal form, whether it is valid, and if not, why."""

    kind: str
    value: Value
    raw: str
    scope: Scope
    valid: bool = True
    why: str = ""


class Signal(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A named value in an observation. ``scope_key`` names the space its value is unique in
    (``app:com.example``, ``ssid:home``, empty for the unit); ``key`` is what may be compared."""

    name: str
    value: Value
    raw: str
    valid: bool = True
    why: str = ""
    scope_key: str = ""
    parser: str = ""
    position: Position = Position()

    @property
    def key(self) -> str:
        return f"{self.scope_key}|{self.value}" if self.scope_key else str(self.value)


class Observation(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one source saw of one handset or app session at one time (UTC)."""

    id: str
    time: datetime
    source: str
    accounts: tuple[str, ...] = ()
    app: str = ""
    exhibit: str = ""
    action: str = ""
    target: str = ""
    signals: tuple[Signal, ...] = ()
    artifact: str = ""
    position: Position = Position()

    @property
    def source_kind(self) -> SourceKind:
        return SourceKind(self.source.partition(":")[0])


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that could not be read, in one line: where, why, and what to do about it."""

    reason: str
    remedy: str = ""
    position: Position = Position()
    file: str = ""

    def __str__(self) -> str:
        where = ", ".join(p for p in (self.file, str(self.position)) if p)
        text = f"{where}: {self.reason}" if where else self.reason
        return f"{text}; {self.remedy}" if self.remedy else text


class ArtifactInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a parser is told of the bytes it is given. ``taken_at`` is when they were acquired (UTC);
    ``context`` holds signals known from outside the bytes, such as ``usb_path``, as (name, value) pairs; ``handset`` is
    the acquisition run and the slot in it, where the phone has no label."""

    name: str
    sha256: str
    taken_at: datetime
    exhibit: str = ""
    context: tuple[tuple[str, str], ...] = ()
    handset: tuple[str, str] = ("", "")

    def observation_id(self, ordinal: int | str) -> str:
        return f"{self.sha256[:12]}:{ordinal}"


Parsed = Observation | Problem
