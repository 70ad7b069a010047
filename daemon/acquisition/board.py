"""How far a run is, handset by handset: what the table shows and the report says."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum

from rackprint.daemon.acquire.adb.listing import Transport


class Phase(StrEnum):
    """Where a handset stands in the run."""

    WAITING = "waiting"
    ASKING = "asking"
    DONE = "done"
    PART = "in part"  # reached, and something is missing
    SAME = "same phone"  # seen over another transport already
    LEFT = "not reached"


REMEDIES = {
    "unauthorized": "unlock it and accept the key of this host; that stores the key on the phone",
    "authorizing": "wait for it, then --resume",
    "offline": "plug it in anew, or wait until it has started; then --resume",
    "connecting": "wait for it, then --resume",
    "no permissions": "give this user the right to its USB node (packaging/ has a udev rule), then --resume",
    "recovery": "start Android on it, or leave it: recovery answers nothing that is asked here",
    "sideload": "start Android on it",
    "bootloader": "start Android on it",
    "rescue": "start Android on it",
}


@dataclass(slots=True)
class Seen:
    """One transport of one handset. ``total`` is 0 until its table is known."""

    transport: Transport
    slot: str
    phase: Phase = Phase.WAITING
    model: str = ""
    total: int = 0
    kept: int = 0
    missing: int = 0
    command: str = ""
    error: str = ""

    @property
    def remedy(self) -> str:
        """What to do about a handset that is not done."""
        state = self.transport.state
        if self.phase is Phase.LEFT:
            return next(
                (text for word, text in REMEDIES.items() if state.startswith(word)), "look at it, then --resume"
            )
        return "--resume asks for what is missing" if self.phase is Phase.PART else ""


class Board:
    """All transports of the run by (server, transport id); any thread may write its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, int], Seen] = {}

    def seen(self, transport: Transport) -> Seen:
        """The place of a transport, made when it is new."""
        key = (str(transport.server), transport.id)
        with self._lock:
            if key not in self._seen:
                self._seen[key] = Seen(transport, transport.slot, model=transport.model)
            found = self._seen[key]
            found.transport = transport
            return found

    def all(self) -> list[Seen]:
        """In the order of their places."""
        with self._lock:
            return sorted(self._seen.values(), key=lambda seen: place(seen.slot))


def place(slot: str) -> tuple[tuple[int, int | str], ...]:
    """A key that sorts port paths by number: 1-2.10 after 1-2.9."""
    import re

    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.findall(r"\d+|\D+", slot))
