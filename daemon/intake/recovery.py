"""What the writer finds at its start: what was kept and not read, because it was ended between the two."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from rackprint.daemon.acquire.files import MANIFEST
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog, Entry, Head
from rackprint.daemon.evidence.vault import Vault
from rackprint.daemon.facts import facts
from rackprint.daemon.intake.messages import OBSERVATIONS, Take
from rackprint.daemon.store.records import Artifact
from rackprint.daemon.store.repository import Store

_FACTS = ("exhibit", "host", "usb_path", "transport_id", "hub", "ssid")


def recover(case: Path, store: Store, log: CustodyLog, vault: Vault) -> list[Take]:
    """The artifacts to read again, in the order in which they came. Raises RackprintError when the custody log was cut
    or rewritten: to record a new head would hide that for good."""
    known = store.custody_head()
    if known and not log.holds(Head(*known)):
        raise RackprintError(f"{log.path}: was cut or rewritten; rackprint verify says where. Nothing is taken in")
    vault.sweep()
    _strays(case, log, vault)
    tail = [entry for entry in log.entries_after(store.read_through()) if entry.get("kind") == "artifact"]
    _leftover(log, vault)
    # A platform's case keeps no bytes to read again; who sent them was told nothing, and sends them again.
    keeps = facts(log.path.parent).mode != "platform"
    waiting = [_again(a, {}) for a in store.unfinished()] if keeps else []
    seen = {take.sha256 for take in waiting}
    for entry in tail:
        if entry["sha256"] not in seen and store.artifact(entry["sha256"]) is None:
            seen.add(entry["sha256"])
            waiting.append(_again(_artifact(entry), entry))
    head = log.head()
    if head.count:
        store.set_custody_head(head.hash, head.count)
    return [take for take in waiting if take.name.rpartition("/")[2] != MANIFEST]


def _strays(case: Path, log: CustodyLog, vault: Vault) -> None:
    """Removes what was still being sent; what of it is in the vault already, and not in the log, is entered there."""
    for path in [*(case / "incoming").glob("*.part"), *(case / "uploads").glob("*.whole.part")]:
        with path.open("rb") as file:  # its link count tells nothing: not every file system has hard links
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if vault.path(sha256).is_file() and not any(e["kind"] == "artifact" for e in log.naming(sha256)):
            log.append("leftover", sha256=sha256, size=path.stat().st_size, name="of a crash")
        path.unlink()


def _leftover(log: CustodyLog, vault: Vault) -> None:
    """Enters in the custody log what a crash left at the end of the last pack, so that every byte there has a name."""
    packs = vault.pack_names()
    if not packs:
        return
    name = packs[-1]
    end = max((e["offset"] + e["size"] for e in log.naming(name) if e.get("pack") == name), default=0)
    with vault.pack(name).open("rb") as file:
        file.seek(end)
        rest = file.read()
    if rest:
        sha256 = hashlib.sha256(rest).hexdigest()
        log.append("leftover", pack=name, offset=end, size=len(rest), sha256=sha256, name="of a crash")


def _artifact(entry: Entry) -> Artifact:
    taken = datetime.fromisoformat(str(entry["taken_at"]))
    name, pack, offset = str(entry["name"]), str(entry.get("pack", "")), int(entry.get("offset", 0))
    exhibit = str(entry.get("exhibit", ""))
    return Artifact(str(entry["sha256"]), name, int(entry["size"]), taken, taken, exhibit, pack=pack, offset=offset)


def _again(artifact: Artifact, entry: dict[str, Any]) -> Take:
    manifest = {key: str(entry[key]) for key in _FACTS if entry.get(key)}
    if artifact.exhibit:
        manifest["exhibit"] = artifact.exhibit
    events = artifact.name.startswith(OBSERVATIONS)
    return Take(
        0, artifact.name, entry=int(entry.get("seq", 0)), sha256=artifact.sha256, size=artifact.size, events=events,
        taken_at=artifact.taken_at.timestamp(), manifest=manifest, recovered=True, pack=artifact.pack,
        offset=artifact.offset,
    )  # fmt: skip
