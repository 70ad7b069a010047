"""Which transports are one phone: a phone that is attached by USB and over TCP too is asked once.

Only a TCP transport can be another one of a phone on USB: two places on USB are two phones whatever they say of
themselves, and containers on one host share its boot over TCP.
"""

from __future__ import annotations

import threading

from rackprint.daemon.acquisition.board import Seen
from rackprint.daemon.acquisition.handset import Identity


class Claims:
    """Any thread may claim; a TCP transport waits until those on USB have said who they are."""

    def __init__(self, patience: float = 30.0) -> None:
        self._patience = patience
        self._slots: dict[Identity, str] = {}
        self._unknown: set[int] = set()
        self._changed = threading.Condition()

    def expect(self, seen: Seen) -> None:
        """A transport will claim, or say that it is done."""
        if seen.transport.kind == "usb":
            with self._changed:
                self._unknown.add(id(seen))

    def done(self, seen: Seen) -> None:
        """It ended, whether it claimed or not."""
        with self._changed:
            self._unknown.discard(id(seen))
            self._changed.notify_all()

    def claim(self, seen: Seen, identity: Identity) -> str | None:
        """The slot on USB at which the same phone is asked; None where it is to be asked over this transport."""
        whole = bool(identity.boot and identity.serial)
        with self._changed:
            if seen.transport.kind == "usb":
                if whole:
                    self._slots.setdefault(identity, seen.slot)
                self._unknown.discard(id(seen))
                self._changed.notify_all()
                return None
            self._changed.wait_for(lambda: not self._unknown, self._patience)
            return self._slots.get(identity) if whole else None
