"""The parsers: one explicit list, asked in order; the first whose probe says yes reads the file."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rackprint.fingerprint.parsers.base import Parser


@cache
def parsers() -> tuple[Parser, ...]:
    """Every parser, those with a magic number first."""
    from rackprint.fingerprint.parsers.adb_record import ADB_RECORD
    from rackprint.fingerprint.parsers.bugreport_text import BUGREPORT_TEXT
    from rackprint.fingerprint.parsers.bugreport_zip import BUGREPORT_ZIP
    from rackprint.fingerprint.parsers.capture import CAPTURE
    from rackprint.fingerprint.parsers.events import EVENTS
    from rackprint.fingerprint.parsers.getprop import GETPROP
    from rackprint.fingerprint.parsers.parcels import PARCELS
    from rackprint.fingerprint.parsers.parquet import PARQUET
    from rackprint.fingerprint.parsers.settings_ssaid import SETTINGS_SSAID
    from rackprint.fingerprint.parsers.siminfo import SIMINFO
    from rackprint.fingerprint.parsers.usb_tree import USB_TREE

    return (
        ADB_RECORD,
        USB_TREE,
        CAPTURE,
        PARQUET,
        BUGREPORT_ZIP,
        BUGREPORT_TEXT,
        SETTINGS_SSAID,
        GETPROP,
        PARCELS,
        SIMINFO,
        EVENTS,
    )


def find(head: bytes, name: str) -> Parser | None:
    """The parser for a file that starts with ``head`` (64 KiB, or all of it); None when none knows it."""
    return next((parser for parser in parsers() if parser.probe(head, name)), None)
