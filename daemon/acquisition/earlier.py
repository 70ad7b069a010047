"""What a case holds of an acquisition already, from its custody log: what is there is not asked again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog, Entry
from rackprint.daemon.evidence.vault import Vault
from rackprint.fingerprint.commands.record import State, header

BEGUN = "acquisition"  # kind of the custody entry


@dataclass(slots=True)
class Earlier:
    """``answers`` holds, by (slot, command), the stdout of those that are complete, read when it is asked for."""

    vault: Vault
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    attempts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def has(self, slot: str, command: str) -> bool:
        return (slot, command) in self.entries

    def stdout(self, slot: str, command: str) -> bytes:
        """What the phone said then. Raises OSError or ValueError where the vault no longer has it."""
        entry = self.entries[slot, command]
        place = (str(entry.get("pack", "")), int(entry.get("offset", 0)), int(entry["size"]))
        with self.vault.open(str(entry["sha256"]), *place) as stream:
            record, start = header(stream)
            stream.seek(start)
            return stream.read(record.stdout)


def last(case: Path) -> str:
    """The id of the newest acquisition. Raises RackprintError where there is none."""
    begun = [e for e in CustodyLog(case / CustodyLog.NAME).naming(f'"{BEGUN}"') if e.get("kind") == BEGUN]
    if not begun:
        raise RackprintError(f"{case}: has no acquisition to resume; leave --resume out to begin one")
    return str(begun[-1]["acquisition"])


def earlier(case: Path, acquisition: str) -> Earlier:
    """What the case holds of ``acquisition``."""
    found = Earlier(Vault(case))
    for entry in CustodyLog(case / CustodyLog.NAME).naming(acquisition):
        if entry.get("kind") != "artifact" or entry.get("acquisition") != acquisition or not entry.get("command"):
            continue
        key = str(entry["slot"]), str(entry["command"])
        found.attempts[key] += 1
        if entry.get("state") == State.COMPLETE:
            found.entries[key] = entry
    return found
