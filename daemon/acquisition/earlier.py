"""What a case holds of an acquisition already, from its custody log: what is there is not asked again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rackprint.daemon.acquisition.places import Places
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog, Entry
from rackprint.daemon.evidence.vault import Vault
from rackprint.fingerprint.commands import table
from rackprint.fingerprint.commands.record import State, header

BEGUN = "acquisition"  # kind of the custody entry
_FIRST = {command.name for command in table.FIRST}


@dataclass(slots=True)
class Earlier:
    """``entries`` are those of complete answers, by (slot, command); ``said`` is what was taken since, for those of
    :data:`table.FIRST` with what the phone said."""

    vault: Vault
    entries: dict[tuple[str, str], Entry] = field(default_factory=dict)
    attempts: Counter[tuple[str, str]] = field(default_factory=Counter)
    said: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def has(self, slot: str, command: str) -> bool:
        return (slot, command) in self.entries or (slot, command) in self.said

    def took(self, key: tuple[str, str], stdout: bytes | None) -> int:
        """Counts an answer, whole where ``stdout`` is given: which attempt it is. A phone that is plugged in anew
        is not asked for a whole one again."""
        self.attempts[key] += 1
        if stdout is not None:
            self.said[key] = stdout if key[1] in _FIRST else b""
        return self.attempts[key]

    def lost(self, key: tuple[str, str]) -> None:
        """A whole answer could not be kept."""
        self.said.pop(key, None)

    def stdout(self, slot: str, command: str) -> bytes:
        """What the phone said then. Raises OSError or ValueError where the vault no longer has it."""
        if (slot, command) in self.said:
            return self.said[slot, command]
        return self._read(self.entries[slot, command])

    def places(self) -> Places:
        """Who was where, as far as they said."""
        found = Places(dict.fromkeys(slot for slot, _ in self.attempts))
        for (slot, command), entry in self.entries.items():
            if command == table.BOOT_ID.name:
                found.knew(slot, boot=table.boot_of(self._read(entry)))
            elif command == table.PROPERTIES.name:
                found.knew(slot, serial=table.serial_of(self._read(entry)))
        return found

    def _read(self, entry: Entry) -> bytes:
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
