"""What a linker answers: devices, links of accounts to them, and the ties and conflicts behind both.

Any linker yields these records, and the store, the reports and the explanations know only them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec


class Tie(msgspec.Struct, frozen=True):
    """Two observations that share a value of a signal. ``bits`` is its weight, log2 of how much likelier the shared
    value is on one device than on two; ``key`` is the value in its scope; ``observations`` is how many carry it."""

    a: str
    b: str
    signal: str
    key: str
    bits: float
    observations: int
    device: str = ""


class Star(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A value that several observations of a device share: the ties of the first of them to each other one."""

    signal: str
    key: str
    bits: float
    observations: tuple[str, ...]

    def ties(self, device: str) -> Iterator[Tie]:
        """The ties, one by one."""
        center, *others = self.observations
        for other in others:
            yield Tie(center, other, self.signal, self.key, self.bits, len(self.observations), device)


class Conflict(msgspec.Struct, frozen=True):
    """A value that more than one physical unit carries, so it ties none of them; ``why`` names the contradiction."""

    signal: str
    key: str
    devices: tuple[str, ...]
    observations: tuple[str, ...]
    why: str


class Device(msgspec.Struct, frozen=True):
    """A resolved physical unit. ``anchor`` is the (signal, key) its lasting id is made of; ``flags`` are words such as
    ``factory_reset`` or ``cloned_imei``, ``notes`` say each in a sentence."""

    id: str
    anchor: tuple[str, str]
    observations: tuple[str, ...]
    first_seen: datetime
    last_seen: datetime
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class AccountLink(msgspec.Struct, frozen=True):
    """An account on a device: the weight in bits of the weakest tie on the best path to the device's strongest
    evidence, what that is as a probability, and the observations that show the account."""

    account: str
    device: str
    probability: float
    weight: float
    first_seen: datetime
    last_seen: datetime
    observations: tuple[str, ...]
    reasons: tuple[str, ...] = ()


class Sheet(msgspec.Struct, frozen=True):
    """A device with all that hangs on it."""

    device: Device
    links: tuple[AccountLink, ...] = ()
    stars: tuple[Star, ...] = ()


class Transfer(msgspec.Struct, frozen=True):
    """An account that was used on one device, and after a moment only on another. It fuses nothing: accounts are
    sold, and people buy new phones."""

    account: str
    from_device: str
    to_device: str
    last_seen: datetime
    first_seen: datetime


class SharedContext(msgspec.Struct, frozen=True):
    """A value of a kind of context that devices of a farm share: how many do, and some observations that show it."""

    kind: str
    value: str
    devices: int
    observations: tuple[str, ...]


class Farm(msgspec.Struct, frozen=True):
    """Devices that are run together. ``kind`` is what it looks like, ``notes`` say why; ``targets`` are those that most
    of its accounts acted on, who need not know of it."""

    id: str
    kind: str
    probability: float
    devices: tuple[str, ...]
    notes: tuple[str, ...] = ()
    shared: tuple[SharedContext, ...] = ()
    targets: tuple[tuple[str, int], ...] = ()


class Linkage(msgspec.Struct, frozen=True):
    """The answer over a set of observations; every list is in a fixed order, whatever the order of the input.
    ``unknown`` counts the values of signals that the registry does not know: kept, and never used to link.
    ``known_devices`` is how many there are in all, where ``devices`` holds only some."""

    devices: tuple[Device, ...] = ()
    links: tuple[AccountLink, ...] = ()
    ties: tuple[Tie, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    observations: int = 0
    unknown: tuple[tuple[str, int], ...] = ()
    transfers: tuple[Transfer, ...] = ()
    farms: tuple[Farm, ...] = ()
    known_devices: int = 0


def short(key: str) -> str:
    """A value for a line of text, without its scope and not longer than a glance takes."""
    value = key.rpartition("|")[2]
    return value if len(value) <= 20 else f"{value[:8]}…{value[-4:]}"
