"""Whether a case still is what it was: every byte of vault and custody log, each fault with its place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from rackprint.daemon.acquire.files import open_evidence
from rackprint.daemon.evidence.custody import START, CustodyLog, Entry, entry_hash, parse
from rackprint.daemon.evidence.vault import Vault, is_hash, is_pack

Step = Callable[[], None]


class Fault(NamedTuple):
    """Something that is off: the place and the reason. With ``crash`` it is what an end in the middle of a write
    leaves: nothing that was acknowledged is touched, and the next start sets it right."""

    place: str
    reason: str
    crash: bool = False


def verify_case(
    case: Path, store_head: tuple[str, int] | None, head: str | None = None, *, read: Collection[str] | None = None,
    through: int = 0, step: Step = lambda: None,
) -> list[Fault]:  # fmt: skip
    """Checks the log's chain, the vault against the log, and the log's end against the head that the store keeps and
    against ``head``, which a report printed; and with ``read``, that the artifacts of the log are among those that the
    store has read, but for those behind entry ``through``. An empty list says that everything holds."""
    log = CustodyLog(case / CustodyLog.NAME)
    if not log.path.is_file():
        return [Fault(str(log.path), "the custody log is missing")]
    faults: list[Fault] = []
    entries = list(_chain(log, faults))
    faults += _end(log, entries, store_head, head)
    places = list(_places(entries, log, faults))
    faults += _vault(Vault(case), places, step)
    if read is not None:
        faults += _unread(places, read, log, through)
    return faults


def _chain(log: CustodyLog, faults: list[Fault]) -> Iterator[Entry]:
    data = log.path.read_bytes()
    lines = data.split(b"\n")
    if lines.pop():
        faults.append(
            Fault(f"{log.path}, line {len(lines) + 1}", "the last line has no end: a crash, or it was cut", True)
        )
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


class _Place(NamedTuple):
    """What the log says of an artifact, or of bytes of a pack that belong to none."""

    sha256: str
    size: int
    name: str
    pack: str
    offset: int
    leftover: bool
    entry: int


def _places(entries: list[Entry], log: CustodyLog, faults: list[Fault]) -> Iterator[_Place]:
    for number, entry in enumerate(entries, 1):
        kind = entry.get("kind")
        if kind not in {"artifact", "leftover"}:
            continue
        size, sha256 = entry.get("size"), entry.get("sha256")
        name, pack, offset = entry.get("name", ""), entry.get("pack", ""), entry.get("offset", 0)
        if not (
            isinstance(size, int) and isinstance(name, str) and is_hash(sha256) and isinstance(offset, int)
            and (pack == "" or (isinstance(pack, str) and is_pack(pack)))
        ):  # fmt: skip
            faults.append(Fault(f"{log.path}, line {number}", f"{kind} entry lacks its hash, size, name or place"))
            continue
        yield _Place(str(sha256), size, name, pack, offset, kind == "leftover", number)


def _unread(places: list[_Place], read: Collection[str], log: CustodyLog, through: int) -> Iterator[Fault]:
    missing = {p.sha256: p for p in places if not p.leftover and p.sha256 not in read}
    for place in missing.values():
        where = f"{log.path}, artifact {place.sha256}"
        if place.entry > through:
            yield Fault(where, f"{place.name} is kept, and waits to be read: the next acquire or serve does that", True)
        else:
            reason = (
                f"{place.name} is kept, and not in the database: ingest it again, or serve the case, which reads it"
            )
            yield Fault(where, reason)


def _vault(vault: Vault, places: list[_Place], step: Step) -> Iterator[Fault]:
    loose = {p.sha256: p for p in places if not p.pack}
    packs: dict[str, list[_Place]] = {}
    for place in places:
        if place.pack:
            packs.setdefault(place.pack, []).append(place)
    seen: set[str] = set()
    for path in vault.files():
        step()
        name = path.name
        if path.parent == vault.packs and name in packs and not path.is_symlink():
            seen.add(name)
            yield from _pack(path, packs[name], last=name == max(packs))
        elif path.parent == vault.packs and is_pack(name) and path.stat().st_size == 0:
            continue  # begun, and nothing was kept in it
        elif name not in loose or path != vault.path(name) or path.is_symlink():
            yield Fault(str(path), "is in the vault, but not in the custody log")
        else:
            seen.add(name)
            yield from _file(path, loose[name])
    for place in loose.values():
        if place.sha256 not in seen:
            yield Fault(f"{vault.path(place.sha256)}", f"is missing; it was taken from {place.name}")
    for name in packs.keys() - seen:
        yield Fault(f"{vault.packs / name}", f"is missing; it held {len(packs[name])} artifacts")


def _file(path: Path, place: _Place) -> Iterator[Fault]:
    size = path.stat().st_size
    if size != place.size:
        yield Fault(str(path), f"was changed: it has {size} bytes, and had {place.size}")
        return
    try:
        with open_evidence(path) as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        yield Fault(str(path), f"cannot be read: {(error.strerror or str(error)).lower()}")
        return
    if found != place.sha256:
        yield Fault(str(path), "was changed: its bytes no longer give its SHA-256")


def _pack(path: Path, places: list[_Place], *, last: bool) -> Iterator[Fault]:
    """Each artifact of a pack, and that there is nothing between and behind them that the log does not know; behind
    those of the ``last`` pack a crash leaves what it was writing."""
    end = 0
    try:
        with open_evidence(path) as stream:
            for place in sorted(places, key=lambda p: p.offset):
                if place.offset != end:
                    yield Fault(f"{path}, byte {end}", "holds bytes that the custody log does not know")
                stream.seek(place.offset)
                data = stream.read(place.size)
                if len(data) < place.size:
                    had = f"has {place.offset + len(data)} bytes, and had {place.offset + place.size} or more"
                    yield Fault(f"{path}, byte {place.offset}", f"its tail is cut: it {had}")
                    return
                if hashlib.sha256(data).hexdigest() != place.sha256:
                    yield Fault(f"{path}, byte {place.offset}", "was changed: its bytes no longer give their SHA-256")
                end = max(end, place.offset + place.size)
            if stream.seek(0, 2) > end:
                yield Fault(f"{path}, byte {end}", "holds bytes that the custody log does not know", last)
    except OSError as error:
        yield Fault(str(path), f"cannot be read: {(error.strerror or str(error)).lower()}")
