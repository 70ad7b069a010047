"""What the capturing process is told, and what it says, as MessagePack."""

from __future__ import annotations

import msgspec

SNAPLEN = 262_144  # libpcap's own MAXIMUM_SNAPLEN
SUFFIX = ".pcapng"
PART = ".pcapng.part"  # of a file that is being written


class Plan(msgspec.Struct, tag=True):
    """What to capture, and how to cut it into files in ``folder``: by ``rotate_bytes`` and ``rotate_seconds``.
    ``seconds`` and ``packets`` end it, 0 for never."""

    interface: str
    folder: str
    filter: str = ""
    snaplen: int = SNAPLEN
    rotate_bytes: int = 64 << 20
    rotate_seconds: float = 60.0
    seconds: float = 0.0
    packets: int = 0


class Go(msgspec.Struct, tag=True):
    """Files may be written now. Until then packets wait in the ring."""


class Opened(msgspec.Struct, tag=True):
    """The socket is open, the filter holds. ``link`` is the LINKTYPE of the interface."""

    link: int


class Counts(msgspec.Struct, tag=True):
    """So far: packets and bytes written, packets that the kernel had no room for, senders by MAC."""

    packets: int = 0
    size: int = 0
    dropped: int = 0
    hosts: int = 0
    files: int = 0


class Closed(msgspec.Struct, tag=True):
    """A file is whole, under ``path``; nothing is written to it any more. Times are in nanoseconds since 1970."""

    path: str
    packets: int
    dropped: int
    began: int
    ended: int


class Failed(msgspec.Struct, tag=True):
    """It cannot begin, or not go on; ``reason`` is a whole line."""

    reason: str


class Done(msgspec.Struct, tag=True):
    """All is said."""


ToCapture = Plan | Go
FromCapture = Opened | Counts | Closed | Failed | Done
