"""Every read of a case, as plain records, for the command line, the reports and whatever serves pages."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.store.records import Artifact
from rackprint.daemon.store.repository import Store
from rackprint.fingerprint.link.explain import Explanation, explain
from rackprint.fingerprint.link.result import AccountLink, Device, Farm, Linkage, Transfer
from rackprint.fingerprint.model import Observation, Problem, Signal

SHOWN = ("exhibit", "brand", "model", "usb_path", "hub")
IDENTITY = (
    "exhibit", "serial", "label_serial", "usb_serial", "imei", "meid", "wifi_mac", "bt_mac", "eid", "cpu_serial",
    "soc_serial", "emmc_cid", "ufs_serial", "ufs_number", "battery_serial", "drm_id", "android_id", "gaid", "gsf_id",
    "boot_id",
)  # fmt: skip
SIMS = ("iccid", "iccid_past", "imsi", "imsi_past", "msisdn")


class SignalUse(msgspec.Struct, frozen=True):
    """A distinct value of a device: in how many of its observations it stands, when, and where first."""

    name: str
    signal: Signal
    observations: int
    first_seen: datetime
    last_seen: datetime
    artifact: str


class DeviceSheet(msgspec.Struct, frozen=True):
    """A device with what is known of it; ``shown`` holds its first exhibit, brand, model, usb_path and hub."""

    device: Device
    links: tuple[AccountLink, ...]
    uses: tuple[SignalUse, ...]

    def first(self, name: str) -> str:
        return next((str(u.signal.value) for u in self.uses if u.name == name), "")

    def named(self, names: Iterable[str]) -> list[SignalUse]:
        order = {name: n for n, name in enumerate(names)}
        return sorted((u for u in self.uses if u.name in order), key=lambda u: (order[u.name], -u.observations))

    @property
    def model(self) -> str:
        return " ".join(p for p in (self.first("brand"), self.first("model")) if p)

    @property
    def sims(self) -> int:
        return len({u.signal.value for u in self.uses if u.name in {"iccid", "iccid_past"} and u.signal.valid})


class Answers:
    """Reads of one case; use as a context manager. Raises RackprintError where there is no case."""

    def __init__(self, case: Path) -> None:
        self._store = Store.open(case)
        self.case = case

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._store.close()

    def linkage(self) -> Linkage:
        return self._store.linkage()

    def sheets(self, names: Collection[str] | None = None) -> list[DeviceSheet]:
        """The devices of these names, or all of them; those with most accounts first."""
        devices = self._store.devices(names)
        links: dict[str, list[AccountLink]] = {}
        for link in self._store.links():
            links.setdefault(link.device, []).append(link)
        observations = self._store.observations_by_ids(i for d in devices for i in d.observations)
        found = [
            DeviceSheet(d, tuple(links.get(d.id, ())), _uses(observations[i] for i in d.observations)) for d in devices
        ]
        return sorted(found, key=lambda s: (-len(s.links), s.first("exhibit") or "~", s.device.id))

    def devices(self) -> list[dict[str, Any]]:
        """One row a device."""
        return [
            {
                "device": s.device.id,
                "exhibit": s.first("exhibit"),
                "model": s.model,
                "place": s.first("usb_path"),
                "accounts": len(s.links),
                "sims": s.sims,
                "observations": len(s.device.observations),
                "first_seen": s.device.first_seen,
                "last_seen": s.device.last_seen,
                "flags": list(s.device.flags),
            }
            for s in self.sheets()
        ]

    def accounts(self, beginning: str = "") -> list[dict[str, Any]]:
        """One row a link of an account to a device, grouped by device."""
        return [
            {
                "account": link.account,
                "device": s.device.id,
                "exhibit": s.first("exhibit"),
                "model": s.model,
                "probability": link.probability,
                "weight": link.weight,
                "first_seen": link.first_seen,
                "last_seen": link.last_seen,
                "observations": len(link.observations),
                "reasons": list(link.reasons),
            }
            for s in self.sheets({link.device for link in self._store.links() if link.account.startswith(beginning)})
            for link in s.links
            if link.account.startswith(beginning)
        ]

    def farms(self) -> list[Farm]:
        """The farms, the largest first."""
        return list(self._store.farms())

    def accounts_by_device(self) -> dict[str, set[str]]:
        """device -> the accounts that are linked to it."""
        held: dict[str, set[str]] = {}
        for link in self._store.links():
            held.setdefault(link.device, set()).add(link.account)
        return held

    def transfers(self) -> list[Transfer]:
        """The accounts that moved from device to device for good."""
        return list(self._store.transfers())

    def explain(self, a: str, b: str | None = None) -> Explanation:
        """Why an account is on its device, or what ties two accounts. Raises RackprintError for an unknown account."""
        links = [link for account in filter(None, (a, b)) for link in self._store.links(account=account)]
        for account in filter(None, (a, b)):
            if all(link.account != account for link in links):
                raise RackprintError(f"{account}: no such account in the case; `rackprint accounts` lists them")
        names = sorted({link.device for link in links})
        devices = self._store.devices(names)
        around = Linkage(
            devices,
            tuple(links),
            tuple(tie for name in names for tie in self._store.ties(name)),
            self._store.conflicts(),
            self._store.counts()["observations"],
            known_devices=self._store.counts()["devices"],
            transfers=tuple(t for account in filter(None, (a, b)) for t in self._store.transfers(account)),
        )
        return explain(around, self._store.observations_by_ids(o for d in devices for o in d.observations), a, b)

    def artifacts(self) -> list[Artifact]:
        return list(self._store.artifacts())

    def problems(self) -> list[Problem]:
        return list(self._store.problems())

    def custody_head(self) -> tuple[str, int]:
        return self._store.custody_head() or ("", 0)


def _uses(observations: Iterable[Observation]) -> tuple[SignalUse, ...]:
    found: dict[tuple[str, str, str, str], list[tuple[Observation, Signal]]] = {}
    for observation in sorted(observations, key=lambda o: (o.time, o.id)):
        for signal in observation.signals:
            found.setdefault((signal.name, signal.scope_key, str(signal.value), signal.why), []).append(
                (observation, signal)
            )
    return tuple(
        SignalUse(name, seen[0][1], len(seen), seen[0][0].time, seen[-1][0].time, seen[0][0].artifact)
        for (name, *_), seen in found.items()
    )
