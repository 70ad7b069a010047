"""Whether a case still is what it was: every byte of vault and custody log, each fault with its place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rackprint.daemon.acquire.files import open_evidence
from rackprint.daemon.evidence.custody import START, CustodyLog, Entry, entry_hash, parse
from rackprint.daemon.evidence.vault import Vault, is_hash

Step = Callable[[], None]


class Fault(NamedTuple):
    """Something that is off: the place and the reason."""

    place: str
    reason: str


def verify_case(
    case: Path, store_head: tuple[str, int] | None, head: str | None = None, *, step: Step = lambda: None
) -> list[Fault]:
    """Checks the log's chain, the vault against the log, and the log's end against the head that the store keeps and
    against ``head``, which a report printed. An empty list says that everything holds."""
    log = CustodyLog(case / CustodyLog.NAME)
    if not log.path.is_file():
        return [Fault(str(log.path), "the custody log is missing")]
    faults: list[Fault] = []
    entries = list(_chain(log, faults))
    faults += _end(log, entries, store_head, head)
    faults += _vault(Vault(case), _artifacts(entries, log, faults), step)
    return faults


def _chain(log: CustodyLog, faults: list[Fault]) -> Iterator[Entry]:
    data = log.path.read_bytes()
    lines = data.split(b"\n")
    if lines.pop():
        faults.append(Fault(f"{log.path}, line {len(lines) + 1}", "the last line has no end: a crash, or it was cut"))
    previous, offset = START, 0
    for number, line in enumerate(lines, 1):
        place = f"{log.path}, line {number}, byte {offset}"
        offset += len(line) + 1
        try:
            entry = parse(line)
        except ValueError as error:  # also what is no UTF-8 or no JSON
            faults.append(Fault(place, f"entry was changed: {error}"))
            previous = ""
            yield {}  # keeps its number, so that those behind it are named rightly
            continue
        if entry.get("hash") != entry_hash(entry):
            faults.append(Fault(place, "entry was changed: its hash does not fit its content"))
        elif previous and entry.get("prev") != previous:
            faults.append(Fault(place, "an entry before this one was removed, added or moved"))
        elif entry.get("seq") != number:
            faults.append(Fault(place, f"entry says it is number {entry.get('seq')}"))
        previous = str(entry.get("hash"))
        yield entry


def _end(
    log: CustodyLog, entries: list[Entry], store_head: tuple[str, int] | None, head: str | None
) -> Iterator[Fault]:
    hashes = [str(entry.get("hash")) for entry in entries]
    if store_head is not None:
        known, count = store_head
        if len(entries) < count:
            yield Fault(
                str(log.path), f"has {len(entries)} entries, the case's database knows {count}: its tail is cut"
            )
        elif hashes[count - 1 : count] != [known]:
            yield Fault(f"{log.path}, line {count}", "is not the entry that the case's database knows as its head")
    if head is not None and head not in hashes:
        yield Fault(str(log.path), f"the entry {head} is not in it: its tail is cut, or it is another case's")


def _artifacts(entries: list[Entry], log: CustodyLog, faults: list[Fault]) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for number, entry in enumerate(entries, 1):
        if entry.get("kind") == "artifact":
            size, name, sha256 = entry.get("size"), entry.get("name"), entry.get("sha256")
            if not (isinstance(size, int) and isinstance(name, str) and is_hash(sha256)):
                faults.append(Fault(f"{log.path}, line {number}", "artifact entry lacks its hash, size or name"))
                continue
            found[str(sha256)] = (size, name)
    return found


def _vault(vault: Vault, artifacts: dict[str, tuple[int, str]], step: Step) -> Iterator[Fault]:
    seen: set[str] = set()
    for path in vault.files():
        step()
        name = path.name
        if name not in artifacts or path != vault.path(name) or path.is_symlink():
            yield Fault(str(path), "is in the vault, but not in the custody log")
            continue
        seen.add(name)
        size = path.stat().st_size
        if size != artifacts[name][0]:
            yield Fault(str(path), f"was changed: it has {size} bytes, and had {artifacts[name][0]}")
            continue
        try:
            with open_evidence(path) as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            yield Fault(str(path), f"cannot be read: {(error.strerror or str(error)).lower()}")
            continue
        if found != name:
            yield Fault(str(path), "was changed: its bytes no longer give its SHA-256")
    for sha256, (_, source) in artifacts.items():
        if sha256 not in seen:
            yield Fault(f"{vault.root}/{sha256[:2]}/{sha256}", f"is missing; it was taken from {source}")
