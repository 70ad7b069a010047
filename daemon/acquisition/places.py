"""Who is at a place: phones are unplugged and others put in, between two runs and within one, and the answers of two
phones must never go under one name.

The first phone of a place is called by it (``1-1.2``), the next ones ``1-1.2#2`` and so on. One that comes back is
known by its boot, or after a restart by its serial, if that is no placeholder.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from rackprint.fingerprint.signals import read_signal


@dataclass(slots=True)
class _Phone:
    slot: str
    boots: set[str] = field(default_factory=set)
    serials: set[str] = field(default_factory=set)


class Places:
    """Any thread may ask."""

    def __init__(self, slots: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._at: dict[str, list[_Phone]] = {}
        for slot in slots:
            self._phone(slot)

    def _phone(self, slot: str) -> _Phone:
        phones = self._at.setdefault(slot.partition("#")[0], [])
        known = next((phone for phone in phones if phone.slot == slot), None)
        if known is None:
            phones.append(known := _Phone(slot))
        return known

    def knew(self, slot: str, *, boot: str = "", serial: str = "") -> None:
        """What a phone said of itself earlier."""
        with self._lock:
            _add(self._phone(slot), boot, serial)

    def of_boot(self, place: str, boot: str) -> str | None:
        """The slot of the phone at ``place`` that was in this boot; None when none was."""
        with self._lock:
            return next((p.slot for p in self._at.get(place, ()) if boot and boot in p.boots), None)

    def slot(self, place: str, boot: str, serial: str) -> str:
        """The slot of a phone at ``place``, by what it says of itself; a new one where no known phone is it."""
        serial = _sure(serial)
        with self._lock:
            phones = self._at.setdefault(place, [])
            same = (p for p in phones if (boot and boot in p.boots) or (serial and serial in p.serials))
            # A place of which no record says who was there is taken by the first that comes.
            found = next(same, None) or next((p for p in phones if not p.boots and not p.serials), None)
            if found is None:
                found = _Phone(f"{place}#{len(phones) + 1}" if phones else place)
                phones.append(found)
            _add(found, boot, serial)
            return found.slot


def _add(phone: _Phone, boot: str, serial: str) -> None:
    phone.boots.update({boot} - {""})
    phone.serials.update({_sure(serial)} - {""})


def _sure(serial: str) -> str:
    """The serial, unless it is one that many phones show."""
    return serial if serial and read_signal("serial", serial).valid else ""
