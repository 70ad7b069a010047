"""Phones, their identifiers through resets and reboots, and the app sessions that were had on them."""

from __future__ import annotations

import hashlib
import random
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rackprint.fingerprint.identifiers.digits import luhn_digit

START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 28


@dataclass(frozen=True, slots=True)
class Model:
    """What every phone of a kind shares."""

    brand: str
    model: str
    device: str
    android: str
    build: str
    ram_mb: int
    screen: str
    density: str
    renderer: str
    tac: str
    oui: str


_KINDS = """
samsung|SM-A125F|a12|11|RP1A.200720.012|3800|720x1600|300|PowerVR Rogue GE8320|35299911|8CF5A3
samsung|SM-G960F|starlte|10|QP1A.190711.020|3700|1440x2960|480|Mali-G72|35276010|A82BB9
samsung|SM-J530F|j5y17lte|9|PPR1.180610.011|1840|720x1280|320|Mali-T830|35268809|8CF5A3
Redmi|M2006C3LG|dandelion|10|QP1A.190711.020|1900|720x1600|320|PowerVR Rogue GE8320|86145305|64CC2E
Redmi|21061119DG|selene|12|SP1A.210812.016|3900|1080x2400|440|Mali-G52 MC2|86430705|A4CCB9
xiaomi|2201117TG|spes|13|TKQ1.221114.001|5600|1080x2400|440|Adreno (TM) 610|86551006|A4CCB9
google|Pixel 6a|bluejay|13|TQ3A.230805.001|5600|1080x2400|420|Mali-G78|35840311|D43A2C
OPPO|CPH2269|OP5303|11|RP1A.201005.001|3700|720x1600|320|PowerVR Rogue GE8320|86687605|2C5BB8
motorola|moto g(30)|caprip|12|S0RCS32.41-10|3800|720x1600|280|Adreno (TM) 610|35159312|B0C2C7
HUAWEI|G700-U20|G700|4.2|HuaweiG700-U20|1900|720x1280|320|PowerVR SGX 544MP|86269802|AC853D
"""
MODELS = [
    Model(*cells[:5], int(cells[5]), *cells[6:]) for cells in (line.split("|") for line in _KINDS.strip().split("\n"))
]


def token(*parts: object, size: int = 64) -> str:
    """``size`` hex digits that depend on ``parts`` alone."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:size]


def number(*parts: object, digits: int) -> str:
    return str(int(token(*parts), 16))[-digits:].zfill(digits)


def imei(tac: str, *parts: object) -> str:
    body = tac + number("imei", *parts, digits=6)
    return body + luhn_digit(body)


def iccid(*parts: object) -> str:
    body = "8944" + number("iccid", *parts, digits=14)
    return body + luhn_digit(body)


@dataclass(slots=True)
class Phone:
    """A physical unit. ``resets`` and ``boots`` are sorted times; ``sims`` are (from, iccid); ``places`` are (from, ip,
    bssid). ``overrides`` replace identifiers, as a repair shop or a cheap maker does."""

    name: str
    model: Model
    owner: str = ""
    resets: list[datetime] = field(default_factory=list)
    boots: list[datetime] = field(default_factory=list)
    sims: list[tuple[datetime, str]] = field(default_factory=list)
    places: list[tuple[datetime, str, str]] = field(default_factory=list)
    overrides: dict[str, str] = field(default_factory=dict)
    emulator: bool = False

    def epoch(self, time: datetime) -> int:
        return bisect_right(self.resets, time)

    def boot(self, time: datetime) -> datetime:
        at = bisect_right(self.boots, time)
        before = timedelta(seconds=int(number(self.name, digits=9)) % (20 * 86_400) + 3600)
        return self.boots[at - 1] if at else START - before

    def sim(self, time: datetime) -> str:
        at = bisect_right(self.sims, (time, "~"))  # sorted, and no card number sorts after a tilde
        return self.sims[at - 1][1] if at else ""

    def place(self, time: datetime) -> tuple[str, str]:
        held = [(ip, bssid) for since, ip, bssid in self.places if since <= time]
        return held[-1] if held else ("", "")

    def unit(self) -> dict[str, str]:
        """What the unit itself bears."""
        oui = ":".join(self.model.oui[i : i + 2] for i in (0, 2, 4))
        wifi, blue = token(self.name, "wifi"), token(self.name, "bt")
        found = {
            "serial": "R5" + token(self.name, "serial", size=9).upper(),
            "imei": imei(self.model.tac, self.name),
            "wifi_mac": f"{oui}:{wifi[:2]}:{wifi[2:4]}:{wifi[4:6]}".upper(),
            "bt_mac": f"{oui}:{blue[:2]}:{blue[2:4]}:{blue[4:6]}".upper(),
        }
        return found | self.overrides

    def drm_id(self, app: str, copy: int = 0) -> str:
        return token(self.name, "drm", app, copy)

    def android_id(self, app: str, time: datetime, copy: int = 0) -> str:
        return token(self.name, "aid", app, self.epoch(time), copy, size=16)

    def gaid(self, time: datetime, copy: int = 0) -> str:
        t = token(self.name, "gaid", self.epoch(time), copy, size=32)
        return f"{t[:8]}-{t[8:12]}-{t[12:16]}-{t[16:20]}-{t[20:]}"


@dataclass(frozen=True, slots=True)
class Session:
    """One login of an account through an app. ``copy`` above 0 is a cloner's copy of the app, with made-up ids."""

    time: datetime
    phone: Phone
    platform: str
    account: str
    copy: int = 0
    action: str = "login"
    target: str = ""


@dataclass(slots=True)
class World:
    """All that happened, and the draws it was made by."""

    draw: random.Random
    phones: list[Phone] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    farms: dict[str, str] = field(default_factory=dict)  # phone -> farm

    def time(self, first: float = 0.0, last: float = DAYS) -> datetime:
        """A moment between two days, to the second."""
        return START + timedelta(seconds=self.draw.randrange(int(first * 86_400), max(1, int(last * 86_400))))

    def add(self, phone: Phone, farm: str = "") -> Phone:
        self.phones.append(phone)
        if farm:
            self.farms[phone.name] = farm
        return phone

    def log_in(self, phone: Phone, platform: str, account: str, times: int, **how: object) -> None:
        first, last = float(how.pop("first", 0.0)), float(how.pop("last", DAYS))  # type: ignore[arg-type]
        for _ in range(times):
            self.sessions.append(
                Session(self.time(first, last), phone, platform, f"{platform}:{account}", **how)  # type: ignore[arg-type]
            )
