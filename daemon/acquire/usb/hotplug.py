"""Follows what is plugged in and out: the kernel tells, nothing is polled.

Both groups of the socket are heard: the kernel's own messages, and those of udev, which come once the rights to the
device's node are set, and are the only ones in a container or under umockdev. A message says only that it is time to
look again, so it need not be trusted, and one that was lost does no harm.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from rackprint.daemon.acquire.usb.tree import ROOT, tree
from rackprint.daemon.errors import RackprintError
from rackprint.fingerprint.usb import uevent
from rackprint.fingerprint.usb.model import Tree

_NETLINK_KOBJECT_UEVENT = 15
_GROUPS = 1 | 2  # the kernel's and udev's
_ROOM = 4 << 20  # a hub of ten phones sends some hundred messages at once
_QUIET = 0.3  # seconds without a message after which the tree is taken to be whole
_PATIENCE = 2.0  # seconds after which it is shown even if messages go on


def follow(root: Path = ROOT, seconds: float | None = None, *, events: socket.socket | None = None) -> Iterator[Tree]:
    """The tree, at once and again after each change; the same again after ``seconds`` without one. Raises
    RackprintError where there is no USB here. ``events`` stands in for our own socket."""
    with events or _socket() as told:
        last = tree(root)
        yield last
        while True:
            if not _told(told, seconds):
                yield last
                continue
            _settle(told)
            now = tree(root)
            if not _equal(last, now):
                last = now
                yield last


def _equal(a: Tree, b: Tree) -> bool:
    return len(a.devices) == len(b.devices) and all(x.same(y) for x, y in zip(a.devices, b.devices, strict=True))


def _socket() -> socket.socket:
    told = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_KOBJECT_UEVENT)
    try:
        told.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        told.bind((0, _GROUPS))
    except OSError as error:
        told.close()
        raise RackprintError(f"the kernel does not tell of USB here: {error.strerror}; leave --follow out") from error
    return told


def _told(told: socket.socket, seconds: float | None) -> bool:
    """Waits for a message about USB; False when ``seconds`` pass without one."""
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            return False
        told.settimeout(left)
        try:
            message = told.recv(uevent.LONGEST)
        except TimeoutError:
            return False
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                return True  # some were lost: look
            raise
        if not message:
            raise RackprintError("the socket that tells of USB ended")
        if uevent.usb(message):
            return True


def _settle(told: socket.socket) -> None:
    end = time.monotonic() + _PATIENCE
    while (left := end - time.monotonic()) > 0 and _told(told, min(_QUIET, left)):
        pass
