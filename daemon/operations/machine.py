"""The machine itself: its clock, its limits, its kernel, and the packages that are installed."""

from __future__ import annotations

import platform
import resource
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.operations.finding import FAIL, OK, WARN, Finding

_FILES = 4096
_YEARS = range(2025, 2100)
_SLACK = timedelta(seconds=2)
_PACKAGES = (
    "rackprint", "SQLAlchemy", "alembic", "msgspec", "pyarrow", "numpy", "igraph", "zstandard", "scapy", "fastapi",
    "uvicorn", "uvloop", "httptools", "pydantic-settings", "prometheus-client", "sdnotify",
)  # fmt: skip
_OPTIONAL = ("psycopg", "adbutils", "pyusb", "cryptography")


def clock(case: Path | None, now: datetime | None = None) -> Finding:
    """Whether custody entries would get the right time."""
    now = now or datetime.now(UTC)
    told = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now.year not in _YEARS:
        return Finding("clock", FAIL, f"{told}: no plausible year", "set the clock before evidence is taken in")
    newest = _newest(case) if case else None
    if newest and newest > now + _SLACK:
        remedy = "set the clock, or entries will be dated before those they follow"
        return Finding("clock", FAIL, f"{told} is before the newest custody entry, {newest:%Y-%m-%d %H:%M:%S}", remedy)
    synchronised = _synchronised()
    if synchronised is None:
        return Finding("clock", WARN, f"{told}; nothing here tells whether it is right", "compare it with another")
    if not synchronised:
        return Finding("clock", WARN, f"{told}; not synchronised by NTP", "timedatectl set-ntp true, or compare it")
    return Finding("clock", OK, f"{told}, synchronised by NTP")


def _newest(case: Path) -> datetime | None:
    log = CustodyLog(case / CustodyLog.NAME)
    try:
        head = log.head()
        if head.count == 0:
            return None
        return datetime.fromisoformat(str(_last(log.path)["time"]))
    except (RackprintError, OSError, ValueError, KeyError):
        return None  # custody says what is off


def _last(path: Path) -> dict[str, object]:
    import json

    from rackprint.daemon.operations.contents import whole_length

    end = whole_length(path)
    start = max(0, end - (1 << 20))
    with path.open("rb") as file:
        file.seek(start)
        found = json.loads(file.read(end - start).rstrip(b"\n").rpartition(b"\n")[2])
    return found if isinstance(found, dict) else {}


def _synchronised() -> bool | None:
    try:
        done = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
        if done.returncode == 0 and done.stdout.strip() in {"yes", "no"}:
            return done.stdout.strip() == "yes"
    except (OSError, subprocess.SubprocessError):
        pass
    folder = Path("/run/systemd/timesync")
    return (folder / "synchronized").exists() if folder.is_dir() else None


def limits() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = f"{_limit(soft)} open files, at most {_limit(hard)}"
    if soft != resource.RLIM_INFINITY and soft < _FILES:
        return Finding("limits", WARN, told, "LimitNOFILE=65536 in the unit, or ulimit -n 65536, for many senders")
    return Finding("limits", OK, told)


def _limit(value: int) -> str:
    return "unlimited" if value == resource.RLIM_INFINITY else str(value)


def packages() -> Finding:
    found = {name: _version(name) for name in (*_PACKAGES, *_OPTIONAL)}
    told = f"Python {platform.python_version()}; " + ", ".join(f"{n} {v}" for n, v in found.items() if v)
    missing = [name for name in _PACKAGES if not found[name]]
    if missing:
        return Finding("packages", FAIL, f"missing: {', '.join(missing)}; {told}", "pip install rackprint again")
    return Finding("packages", OK, told)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def kernel() -> Finding:
    return Finding("kernel", OK, f"{platform.system()} {platform.release()} {platform.machine()}")
