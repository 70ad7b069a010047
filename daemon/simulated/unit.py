"""A made-up phone: its identifiers, SIMs, accounts and app installs, from which all that it says is written."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass, field
from datetime import datetime

from rackprint.daemon.simulated import ids
from rackprint.daemon.simulated.models import Model

PLATFORMS = {
    "photogram": "com.photogram.android",
    "chirper": "com.chirper.app",
    "clipclap": "com.clipclap.video",
}


@dataclass(frozen=True)
class Sim:
    """A subscription: numbers of the test network and of the range set aside for fiction."""

    iccid: str
    imsi: str
    number: str
    eid: str = ""  # of the chip that holds it, where it is an eSIM profile


@dataclass(frozen=True)
class Account:
    """A login on one platform, in one user (0, or the user of the dual apps) of a phone."""

    platform: str
    handle: str
    user: int

    @property
    def name(self) -> str:
        return f"{self.platform}:{self.handle}"


@dataclass
class Phone:
    """One physical phone. ``name`` is the device that the truth file gives its observations."""

    name: str
    exhibit: str
    model: Model
    usb_path: str
    transport_id: int
    serial: str
    imeis: list[str]
    wifi: str  # what the phone shows the network it is on
    bluetooth: str
    eid: str
    ssid: str
    bssid: str
    adb_key: str
    taken: datetime
    boot: datetime
    boot_count: int
    reset: datetime | None
    accounts: list[Account]
    present: list[Sim] = field(default_factory=list)
    past: list[Sim] = field(default_factory=list)
    farmed: bool = False  # it is worked by a farm's tools, not by a hand
    address: str = ""  # on its Wi-Fi
    rooted: bool = False

    @property
    def users(self) -> list[int]:
        return sorted({a.user for a in self.accounts})

    def android_id(self, app: str, user: int, when: datetime) -> str:
        """What ``app`` in ``user`` is told at ``when``: made anew by a factory reset."""
        epoch = "old" if self.reset and when < self.reset else "new"
        return ids.hexes(ids.rng("ssaid", self.name, app, str(user), epoch), 16)

    def drm_id(self, app: str) -> str:
        """The media DRM id (Widevine) that ``app`` is told: it outlives factory resets."""
        return ids.hexes(ids.rng("drm", self.name, app), 64)


def adb_key(owner: str) -> str:
    """A public key in adb's own form, with random bytes for the modulus: 64 words, n0inv, n, rr, exponent."""
    r = ids.rng("adb", owner)
    body = struct.pack("<II", 64, r.getrandbits(32)) + r.randbytes(512) + struct.pack("<I", 65537)
    return f"{base64.b64encode(body).decode()} {owner}"
