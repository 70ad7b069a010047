"""What the daemon and its writer say to each other, as MessagePack."""

from __future__ import annotations

import msgspec

OBSERVATIONS = "POST /v1/observations"  # the name of an artifact that came so


class Setup(msgspec.Struct, tag=True):
    """The first message: which case, and how to treat it. ``key`` makes pseudonyms of a platform's values."""

    case: str
    url: str = ""
    key: bytes = b""
    memory: int = 4 << 30
    seconds: float = 900.0


class Take(msgspec.Struct, tag=True):
    """Something to take in: ``data``, or a file at ``path`` that was written and synced already and now belongs to the
    vault. ``events`` says that it must be contract 1. ``key`` is the request's Idempotency-Key."""

    number: int
    name: str
    data: bytes = b""
    path: str = ""
    sha256: str = ""
    size: int = 0
    events: bool = True
    taken_at: float = 0.0
    manifest: dict[str, str] = {}
    who: str = ""
    key: str = ""
    recovered: bool = False
    pack: str = ""
    offset: int = 0
    entry: int = 0


class Refusal(msgspec.Struct, omit_defaults=True):
    """A line or a place that was not taken in."""

    reason: str
    remedy: str = ""
    line: int | None = None
    offset: int | None = None
    member: str = ""


class Outcome(msgspec.Struct, tag=True):
    """What became of a Take; with an ``error``, nothing is acknowledged: ``full``, ``failed``, ``refused``."""

    number: int
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    refusals: list[Refusal] = []
    artifact: str = ""
    parser: str = ""
    replayed: bool = False
    error: str = ""
    reason: str = ""


class State(msgspec.Struct, tag=True):
    """What the writer says of itself: that it is ready, or why it cannot write; what it had to take up again."""

    ready: bool
    reason: str = ""
    recovering: int = 0


ToWriter = Setup | Take
FromWriter = Outcome | State
