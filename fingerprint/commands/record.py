"""The record of one command: how it was asked and how it ended, and behind that the phone's bytes as they came.

::

    rackprint-command 1\\n
    {"acquisition": …, "command": "getprop", "state": "complete", "stdout": 18211, "stderr": 0, …}\\n
    <stdout><stderr><trailer>

It is one artifact, so what it says can be walked back to the bytes, and equal answers of two phones stay two.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, BinaryIO

import msgspec

MAGIC = b"rackprint-command 1\n"
SOURCE = "acquisition:adb_record"  # of the observations that are read from records
LONGEST_HEADER = 64 << 10


class State(StrEnum):
    """How a command ended. Only ``COMPLETE`` says that the phone said all it had to say."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"  # the link ended first, or the answer was longer than allowed
    TIMED_OUT = "timed_out"
    DENIED = "denied"  # the phone or its adb refused to run it


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The header. ``slot`` names the handset in the acquisition; ``transport`` is usb or tcp; ``line`` is what was
    asked, ``table`` the version of the table; ``lab_keys`` are this host's own adb keys, as the signal ``adb_host_key``
    reads them; ``protocol`` is shell_v2 or trailer, which is the nonce and the exit code that a phone without shell_v2
    was made to add; ``stdout``, ``stderr`` and ``trailer`` count bytes."""

    acquisition: str
    slot: str
    command: str
    table: int
    line: str
    state: State
    started: Annotated[datetime, msgspec.Meta(tz=True)]
    ended: Annotated[datetime, msgspec.Meta(tz=True)]
    attempt: int = 1
    exit_code: int | None = None
    protocol: str = ""
    why: str = ""
    host: str = ""
    exhibit: str = ""
    ssid: str = ""
    usb_path: str = ""
    transport: str = ""
    transport_id: int = 0
    adb_serial: str = ""
    adb_version: str = ""
    lab_keys: tuple[str, ...] = ()
    parser: str = ""
    sdk: int = 0
    maker: str = ""
    simulated: bool = False
    stdout: int = 0
    stderr: int = 0
    trailer: int = 0


def pack(record: Record, stdout: bytes, stderr: bytes = b"", trailer: bytes = b"") -> bytes:
    """The bytes of the artifact; the counts are set from what is given."""
    record = msgspec.structs.replace(record, stdout=len(stdout), stderr=len(stderr), trailer=len(trailer))
    return MAGIC + msgspec.json.encode(record) + b"\n" + stdout + stderr + trailer


def header(stream: BinaryIO) -> tuple[Record, int]:
    """The record, and where its stdout begins. Raises ValueError, saying why, where there is none."""
    if stream.readline(len(MAGIC)) != MAGIC:
        raise ValueError("is no record of a command")
    line = stream.readline(LONGEST_HEADER)
    if not line.endswith(b"\n"):
        raise ValueError("the header of the record is cut off or too long")
    return msgspec.json.decode(line, type=Record), len(MAGIC) + len(line)
