"""Cuts a capture into files by size and time. A file carries ``.part`` while it is written."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from rackprint.daemon.acquire.capture import pcapng
from rackprint.daemon.acquire.capture.messages import PART, SUFFIX, Closed, Plan

_BUFFER = 1 << 20
HOSTS = 65_536  # senders that are counted
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Files:
    """Takes packets one by one; ``told`` hears of each file that is whole. One thread at a time."""

    def __init__(self, plan: Plan, link: int, dropped: Callable[[], int], told: Callable[[Closed], None]) -> None:
        self._plan, self._link, self._dropped, self._told = plan, link, dropped, told
        self._file: BinaryIO | None = None
        self._path = Path()
        self._size = self._began = self._count = self._dropped_before = 0
        self._due = 0.0
        self._hosts: set[bytes] = set()
        self._ethernet = link == 1
        self.packets = self.size = self.files = 0

    @property
    def full(self) -> bool:
        """Whether as many packets are there as were wanted."""
        return bool(self._plan.packets) and self.packets >= self._plan.packets

    @property
    def hosts(self) -> int:
        return len(self._hosts)

    def add(self, time_ns: int, length: int, data: bytes | memoryview) -> None:
        """One packet, cut to the snap length."""
        if len(data) > self._plan.snaplen:
            data = data[: self._plan.snaplen]
        file = self._file or self._open()
        size = pcapng.write_packet(file, time_ns, length, data)
        self._size += size
        self.size += len(data)
        self._count += 1
        self.packets += 1
        if self._ethernet and len(self._hosts) < HOSTS:
            self._hosts.add(bytes(data[6:12]))
        if self._size >= self._plan.rotate_bytes:
            self.close()

    def tick(self) -> None:
        """Hands to the system what is written, and closes a file whose time is over."""
        if self._file is None:
            return
        self._file.flush()
        if time.monotonic() >= self._due:
            self.close()

    def close(self) -> None:
        """Ends the file that is being written, if there is one."""
        if self._file is None:
            return
        ended, dropped = time.time_ns(), self._dropped()
        fresh = dropped - self._dropped_before
        self._dropped_before = dropped
        self._file.write(pcapng.statistics(self._began, ended, self._count, fresh))
        self._file.flush()
        whole = finished(self._path)
        self._path.rename(whole)
        self._file.close()
        self._file = None
        self.files += 1
        self._told(Closed(str(whole), self._count, fresh, self._began, ended))

    def _open(self) -> BinaryIO:
        plan = self._plan
        self._began, self._count = time.time_ns(), 0
        stamp = _EPOCH + timedelta(microseconds=self._began // 1000)
        self._path = Path(plan.folder) / f"{plan.interface}-{stamp:%Y%m%dT%H%M%S.%fZ}{PART}"
        self._file = self._path.open("xb", buffering=_BUFFER)
        system = f"{platform.system()} {platform.release()}"
        head = pcapng.header(self._link, plan.snaplen, plan.interface, plan.filter, system=system, program="rackprint")
        self._file.write(head)
        self._size = len(head)
        self._due = time.monotonic() + plan.rotate_seconds
        return self._file


def finished(path: Path) -> Path:
    """The name of a file that is whole."""
    return path.with_name(path.name.removesuffix(PART) + SUFFIX)


def left(folder: Path) -> list[Path]:
    """What an end of the process or of the machine left in ``folder``, while nobody writes there: files that are whole,
    and parts, the oldest first. A name without a byte behind it is removed."""
    found: list[Path] = []
    for path in sorted([*folder.glob("*" + SUFFIX), *folder.glob("*" + PART)]):
        try:
            size = path.stat().st_size
        except FileNotFoundError:  # the writer has just kept it
            continue
        if size:
            found.append(path)
        else:
            path.unlink()
    return found
