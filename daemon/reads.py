"""Every read that the daemon serves: plain rows a page at a time, quick on cases of any size."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.vault import Vault
from rackprint.daemon.queries import Answers
from rackprint.daemon.store import paging
from rackprint.daemon.store.records import Artifact, Event, Run
from rackprint.daemon.store.repository import Pages, Store
from rackprint.fingerprint import ndjson
from rackprint.fingerprint.link.explain import Explanation
from rackprint.fingerprint.model import Observation

Row = dict[str, Any]
NEIGHBOURS = 1000  # accounts that share hardware, named in one answer


class CursorError(RackprintError):
    """A cursor that no page gave."""


class Page(NamedTuple):
    """Some rows, and where the next page begins; empty at the end."""

    rows: list[Row]
    cursor: str
    run: Run | None


class Reads:
    """Reads of one case; every method may be called from any thread."""

    def __init__(self, case: Path) -> None:
        self._case = case
        self._store = Store.open(case)
        self._answers = Answers(case)
        self._vault = Vault(case)

    def close(self) -> None:
        self._store.close()
        self._answers.close()

    def links(
        self, limit: int, cursor: str, as_of: datetime | None, *, account: str = "", device: str = "",
        beginning: str = "", least: float = 0.0,
    ) -> Page:  # fmt: skip
        """Links by account and device."""
        with self._store.pages(as_of) as pages:
            rows = paging.links(
                pages.connection, pages.number, limit, _after(cursor, str, str), account=account, device=device,
                beginning=beginning, least=least,
            )  # fmt: skip
            return _page(rows, limit, pages, "account", "device")

    def accounts(self, limit: int, cursor: str, as_of: datetime | None, *, beginning: str = "") -> Page:
        """Accounts by name."""
        with self._store.pages(as_of) as pages:
            after = _after(cursor, str)
            rows = paging.accounts(pages.connection, pages.number, limit, *after, beginning=beginning)
            return _page(rows, limit, pages, "account")

    def account(self, name: str, as_of: datetime | None) -> Row | None:
        """An account with its links and moves; None where it was never linked."""
        with self._store.pages(as_of) as pages:
            links = paging.links(pages.connection, pages.number, NEIGHBOURS, account=name)
            if not links:
                return None
            moves = paging.transfers(pages.connection, pages.number, NEIGHBOURS, account=name)
            return {"account": name, "links": links, "transfers": moves, **_of(pages.run)}

    def shared_hardware(self, name: str, as_of: datetime | None) -> Row | None:
        """The other accounts on the account's devices, and the farms of these; None for an unknown account."""
        with self._store.pages(as_of) as pages:
            mine = paging.links(pages.connection, pages.number, NEIGHBOURS, account=name)
            if not mine:
                return None
            return {"account": name, **self._around(pages, [link["device"] for link in mine], name)}

    def around(self, observations: Sequence[str]) -> Row:
        """The devices that these observations are of, with the accounts on them."""
        with self._store.pages() as pages:
            devices = paging.placed(pages.connection, pages.number, observations) if observations else []
            return self._around(pages, devices[:1], "")

    def _around(self, pages: Pages, names: list[str], but: str) -> Row:
        connection, run = pages.connection, pages.number
        told = paging.devices(connection, run, len(names) or 1, names=names) if names else []
        links = paging.links(connection, run, NEIGHBOURS + 1, devices=names) if names else []
        farms = paging.farms_of(connection, run, names) if names else {}
        held: dict[str, list[Row]] = {}
        for link in links[:NEIGHBOURS]:
            if link["account"] != but:
                held.setdefault(link["device"], []).append(
                    {k: link[k] for k in ("account", "probability", "weight", "first_seen", "last_seen")}
                )
        devices = [{**d, "others": held.get(d["device"], []), "farms": farms.get(d["device"], [])} for d in told]
        return {"devices": devices, "more": len(links) > NEIGHBOURS, **_of(pages.run)}

    def devices(
        self, limit: int, cursor: str, as_of: datetime | None, *, flag: str = "", least: int = 0, farm: str = ""
    ) -> Page:
        """Devices by id."""
        with self._store.pages(as_of) as pages:
            after = _after(cursor, str)
            rows = paging.devices(pages.connection, pages.number, limit, *after, flag=flag, least=least, farm=farm)
            return _page(rows, limit, pages, "device")

    def device(self, name: str, as_of: datetime | None) -> Row | None:
        """A device with its links and farms; None where there is none of this id."""
        with self._store.pages(as_of) as pages:
            found = paging.devices(pages.connection, pages.number, 1, names=[name])
            if not found:
                return None
            links = paging.links(pages.connection, pages.number, NEIGHBOURS, device=name)
            farms = paging.farms_of(pages.connection, pages.number, [name]).get(name, [])
            return {**found[0], "links": links, "farms": farms, **_of(pages.run)}

    def farms(self, limit: int, cursor: str, as_of: datetime | None, *, kind: str = "") -> Page:
        """Farms, the largest first."""
        with self._store.pages(as_of) as pages:
            rows = paging.farms(pages.connection, pages.number, limit, *_after(cursor, int), kind=kind)
            return _page(rows, limit, pages, "number")

    def farm(self, name: str, as_of: datetime | None) -> Row | None:
        """One farm; None where there is none of this id."""
        with self._store.pages(as_of) as pages:
            found = paging.farms(pages.connection, pages.number, 1, names=[name])
            return {**found[0], **_of(pages.run)} if found else None

    def transfers(self, limit: int, cursor: str, as_of: datetime | None, *, account: str = "") -> Page:
        """Moves of accounts from device to device."""
        with self._store.pages(as_of) as pages:
            after = _after(cursor, str, str, str)
            rows = paging.transfers(pages.connection, pages.number, limit, after, account=account)
            return _page(rows, limit, pages, "account", "from_device", "to_device")

    def timeline(self, limit: int, cursor: str, as_of: datetime | None, *, account: str = "", device: str = "") -> Page:
        """What was seen of an account or a device, in order of time."""
        with self._store.pages(as_of) as pages:
            found = paging.timeline(
                pages.connection, pages.number, limit, _after(cursor, int, int), account=account, device=device
            )
            rows = [{"n": (moment, number), **ndjson.row(o)} for moment, number, o in found]
            cursor = _cursor(*rows[-1]["n"]) if len(rows) == limit else ""
            return Page([{k: v for k, v in row.items() if k != "n"} for row in rows], cursor, pages.run)

    def observation(self, name: str) -> Row | None:
        """An observation with the place in the evidence of each of its values; None for an unknown id."""
        found = self._store.observation(name)
        return _evidence(found) if found else None

    def explain(self, a: str, b: str) -> Explanation:
        """Why an account is on its device, or what ties two. Raises RackprintError for an unknown account."""
        return self._answers.explain(a, b or None)

    def artifacts(self, limit: int, cursor: str) -> Page:
        """Artifacts in the order of their arrival."""
        with self._store.pages() as pages:
            return _page(paging.artifacts(pages.connection, limit, *_after(cursor, int)), limit, pages, "number")

    def artifact(self, sha256: str) -> Artifact | None:
        """One artifact."""
        return self._store.artifact(sha256)

    @contextmanager
    def content(self, artifact: Artifact) -> Iterator[BinaryIO]:
        """The bytes of an artifact. Raises OSError where the vault does not have them."""
        with self._vault.open(artifact.sha256, artifact.pack, artifact.offset, artifact.size) as stream:
            yield stream

    def events(self, after: int, limit: int, kinds: Sequence[str] = ()) -> list[Event]:
        """What runs of the linker changed, behind event number ``after``."""
        with self._store.pages() as pages:
            return paging.events(pages.connection, after, limit, kinds=kinds)

    def last_event(self) -> int:
        """The number of the newest event."""
        with self._store.pages() as pages:
            return paging.last_event(pages.connection)

    def counts(self) -> dict[str, int]:
        """How many there are of what a person would count."""
        return self._store.counts()

    def last_number(self) -> int:
        """The number of the newest observation."""
        return self._store.last_number()

    def run(self) -> Run | None:
        """The run of the linker that holds now."""
        return self._store.run()


def _evidence(found: Observation) -> Row:
    values = [
        {
            "signal": s.name, "value": s.value, "raw": s.raw, "valid": s.valid, "why": s.why, "scope": s.scope_key,
            "parser": s.parser, "place": str(s.position),
        }
        for s in found.signals
    ]  # fmt: skip
    return {**ndjson.row(found), "place": str(found.position), "values": values}


def _of(run: Run | None) -> Row:
    """As of when an answer holds."""
    return {"linked_at": run.at if run else None, "linked_observations": run.observations if run else 0}


def _page(rows: list[Row], limit: int, pages: Pages, *key: str) -> Page:
    cursor = _cursor(*(rows[-1][name] for name in key)) if len(rows) == limit else ""
    return Page(rows, cursor, pages.run)


def _cursor(*key: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def _after(cursor: str, *kinds: type) -> tuple[Any, ...]:
    if not cursor:
        return ()
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, UnicodeEncodeError):
        found = None
    if not isinstance(found, list) or [type(v) for v in found] != list(kinds) or _too_large(found):
        raise CursorError("cursor: is none that a page gave; begin without one")
    return tuple(found)


def _too_large(found: list[Any]) -> bool:
    return any((isinstance(v, int) and abs(v) >= 1 << 62) or (isinstance(v, str) and "\0" in v) for v in found)
