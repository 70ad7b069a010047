"""What is fixed when a case is made, in CASE/case.json: its mode, its database, and which key its pseudonyms have."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rackprint.daemon.atomic import whole
from rackprint.daemon.errors import RackprintError

FILE = "case.json"


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """``mode`` is ``evidence`` or ``platform``; ``store`` is empty for SQLite in the case; ``key_id`` tells the key of
    a platform's case from others."""

    mode: str = "evidence"
    store: str = ""
    key_id: str = ""


def facts(case: Path) -> Facts:
    """Those of ``case``; of one without a file, an evidence case on SQLite. Raises RackprintError for a broken one."""
    path = case / FILE
    if not path.is_file():
        return Facts()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Facts)
    except ValueError as error:
        raise RackprintError(f"{path}: {error}; restore it from a backup") from error


def settle(case: Path, wanted: Facts) -> None:
    """Writes the facts of a new case; raises RackprintError where an old one was made otherwise."""
    path = case / FILE
    made = path.is_file() or (case / "case.db").is_file()
    if not made:
        case.mkdir(parents=True, exist_ok=True)
        with whole(path, durable=True) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(wanted), indent=1) + b"\n")
        return
    known = facts(case)
    for name in ("mode", "store", "key_id"):
        was, now = getattr(known, name), getattr(wanted, name)
        if was != now:
            what = {"mode": "mode", "store": "store.url", "key_id": "platform.key_file"}[name]
            raise RackprintError(f"{case}: was made with another {what} ({was or 'none'}, now {now or 'none'})")
