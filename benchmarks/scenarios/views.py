"""Views of a world: what an analyst, or a platform, would have seen of its sessions, with the truth by observation."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.scenarios.rough import roughen
from benchmarks.scenarios.world import Session, World, token
from rackprint.fingerprint.model import ArtifactInfo, Observation, Position
from rackprint.fingerprint.parsers.events import observation, row_from

APPS = {"photogram": "com.photogram.android", "chirper": "com.chirper.app", "clipclap": "com.clipclap.video"}
ZERO_GAID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class View:
    """``signals`` gives what is seen of a session; ``hidden`` is the chance that any one of them is missing."""

    name: str
    kind: str
    signals: Callable[[Session, random.Random], dict[str, Any]]
    hidden: float


def _class(session: Session) -> dict[str, Any]:
    model = session.phone.model
    return {
        "brand": model.brand, "model": model.model, "device": model.device, "android_version": model.android,
        "ram_mb": model.ram_mb, "screen": model.screen, "density": model.density, "gl_renderer": model.renderer,
    }  # fmt: skip


def _around(session: Session, draw: random.Random) -> dict[str, Any]:
    ip, _ = session.phone.place(session.time)
    booted = session.phone.boot(session.time).timestamp() + draw.choice((-1, 0, 0, 0, 1))
    return {"ip": ip, "boot_time": int(booted), "battery_level": draw.randrange(5, 101)}


def _install(session: Session) -> dict[str, Any]:
    app = APPS[session.platform]
    phone, when, copy = session.phone, session.time, session.copy
    return {
        "android_id": phone.android_id(app, when, copy),
        "app_instance": token(phone.name, "fid", app, phone.epoch(when), copy, size=22),
    }


def _forensic(session: Session, draw: random.Random) -> dict[str, Any]:
    _, bssid = session.phone.place(session.time)
    mac = ":".join(bssid[i : i + 2] for i in range(0, 12, 2)) if bssid else None
    return {
        **session.phone.unit(), **_platform(session, draw), "iccid": session.phone.sim(session.time) or None,
        "bssid": mac,
    }  # fmt: skip


def _platform(session: Session, draw: random.Random) -> dict[str, Any]:
    app = APPS[session.platform]
    limited = int(token(session.phone.name, "ads", size=2), 16) < 60  # the user opted out of advertising ids
    gaid = ZERO_GAID if limited else session.phone.gaid(session.time, session.copy)
    return _bare(session, draw) | {"drm_id": session.phone.drm_id(app, session.copy), "gaid": gaid}


def _bare(session: Session, draw: random.Random) -> dict[str, Any]:
    return _install(session) | _class(session) | _around(session, draw)


VIEWS = (
    View("forensic", "acquisition", _forensic, 0.10),
    View("platform", "platform", _platform, 0.15),
    View("platform without hardware ids", "platform", _bare, 0.15),
)


def observe(world: World, view: View, seed: int, *, rough: bool = False) -> tuple[list[Observation], dict[str, str]]:
    """The observations of a view, in random order, and the phone that each is of. ``rough``: see scenarios/rough.py."""
    draw = random.Random(f"{seed} {view.name}")
    info = ArtifactInfo("scenario", "0" * 64, datetime.fromtimestamp(0).astimezone())
    found, truth = [], {}
    for number, session in enumerate(world.sessions):
        told = view.signals(session, draw)
        if rough:
            roughen(session, told, draw)
        seen = {k: v for k, v in told.items() if v is not None and draw.random() >= view.hidden}
        name = f"o{number:07d}"
        row = row_from(
            {
                "id": name, "time": session.time, "source": f"{view.kind}:{session.platform}",
                "account": session.account, "app": APPS[session.platform], "action": session.action,
                "target": session.target, "signals": seen,
            }
        )  # fmt: skip
        found.append(observation(row, info, number, Position(line=number + 1), "scenario/1"))
        truth[name] = session.phone.name
    draw.shuffle(found)
    return found, truth
