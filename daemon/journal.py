"""What the daemon says of itself: lines for a terminal, JSON for collectors, or priorities for the journal, which takes
``<3>`` before a line for an error (sd-daemon(3))."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime

_PRIORITY = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}


class _Journal(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record).replace("\n", "\n<7>")
        return f"<{_PRIORITY.get(record.levelno, 6)}>{record.name}: {text}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        found = {"time": time, "level": record.levelname.lower(), "from": record.name, "text": super().format(record)}
        return json.dumps(found, ensure_ascii=False)


def begin(level: str, form: str) -> None:
    """Sets logging up. ``auto`` is for the journal where standard error goes there, else text."""
    if form == "auto":
        form = "journal" if os.environ.get("JOURNAL_STREAM") else "text"
    formatter = {
        "journal": _Journal("%(message)s"),
        "json": _Json("%(message)s"),
        "text": logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"),
    }[form]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("uvicorn.access", "uvicorn.error", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
