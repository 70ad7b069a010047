"""How far a run is, handset by handset: what the table shows and the report says."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from rackprint.daemon.acquire.adb.listing import Transport
from rackprint.daemon.acquire.adb.server import Address
from rackprint.fingerprint.usb.slots import Slot


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
    gone: bool = False  # unplugged, or its link is lost
    silent: bool = False  # it answered nothing any more
    runs: int = 0  # a phone whose link came back is asked on

    def begin(self) -> None:
        """It is asked now, from the start."""
        self.slot, self.error, self.command, self.phase = self.transport.slot, "", "", Phase.WAITING
        self.total = self.kept = self.missing = 0
        self.silent = False
        self.runs += 1

    @property
    def remedy(self) -> str:
        """What to do about a handset that is not done."""
        state = self.transport.state
        if self.phase is Phase.LEFT and self.gone:
            return "plug it in again, then --resume"
        if self.phase is Phase.LEFT:
            return next(
                (text for word, text in REMEDIES.items() if state.startswith(word)), "look at it, then --resume"
            )
        if self.phase is not Phase.PART:
            return ""
        again = "--resume asks for what is missing"
        return f"restart it; {again}" if self.silent else again


class Board:
    """All transports of the run by (server, transport id); any thread may write its own. ``unread`` are the slots of
    the USB tree whose phones ADB does not list."""

    def __init__(self) -> None:
        self.unread: tuple[Slot, ...] = ()
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, int], Seen] = {}

    def seen(self, transport: Transport) -> Seen:
        """The place of a transport, made when it is new."""
        key = (str(transport.server), transport.id)
        with self._lock:
            if key not in self._seen:
                self._seen[key] = Seen(transport, transport.slot, model=transport.model)
            found = self._seen[key]
            found.transport, found.gone = transport, False
            return found

    def state(self, transport: Transport) -> str:
        """What was last listed of it; empty where it is new."""
        with self._lock:
            seen = self._seen.get((str(transport.server), transport.id))
            return seen.transport.state if seen else ""

    def gone(self, server: Address, there: set[int]) -> bool:
        """Marks the transports of ``server`` that are no longer ``there``; whether any is new among them."""
        with self._lock:
            lost = [
                seen
                for (where, number), seen in self._seen.items()
                if where == str(server) and number not in there and not seen.gone
            ]
            for seen in lost:
                seen.gone = True
                if seen.phase is Phase.WAITING:
                    seen.phase, seen.error = Phase.LEFT, "unplugged"
        return bool(lost)

    def all(self) -> list[Seen]:
        """In the order of their places; one that is gone only until its place is taken anew."""
        with self._lock:
            there = {seen.slot for seen in self._seen.values() if not seen.gone}
            last = {seen.slot: seen for seen in self._seen.values()}
            shown = (s for s in self._seen.values() if not s.gone or (s.slot not in there and last[s.slot] is s))
            return sorted(shown, key=lambda seen: place(seen.slot))


@lru_cache(4096)  # the table is sorted some times a second
def place(slot: str) -> tuple[tuple[int, int | str], ...]:
    """A key that sorts port paths by number: 1-2.10 after 1-2.9."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.findall(r"\d+|\D+", slot))
