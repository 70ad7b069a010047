"""The USB side of a run: what sits in which slot, kept as evidence, and who sits there that ADB does not show.

A tree is kept under the slots of the handsets that sat in its places. Whoever sits in a place first has the place's own
name, so a first tree can be kept at once; on a resumed run another phone may sit there, and it is kept when the phones
have said who they are: before the next tree, or at the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from rackprint.daemon.acquire.usb import hotplug
from rackprint.daemon.acquire.usb.tree import tree as read_tree
from rackprint.daemon.acquisition.board import Board
from rackprint.daemon.errors import RackprintError
from rackprint.fingerprint.usb.model import Tree
from rackprint.fingerprint.usb.record import pack
from rackprint.fingerprint.usb.slots import Slot, slots

_EVERY = 1.0  # seconds between two looks at whether the run is over
Keep = Callable[[bytes, float], None]


class Ports:
    """``keep`` takes the bytes of a tree and when it was read; ``first`` says that nothing is known of the places;
    ``exhibit`` is the label of what ADB lists, where that is one phone."""

    def __init__(self, acquisition: str, host: str, keep: Keep, *, first: bool, exhibit: str = "") -> None:
        self._acquisition, self._host, self._keep, self._exhibit = acquisition, host, keep, exhibit
        self._first = first and not exhibit
        self._tree: Tree | None = None
        self._kept: tuple[Tree, dict[str, str]] | None = None

    def saw(self, tree: Tree, board: Board) -> None:
        """Takes a tree in, and keeps the one before it."""
        self.close(board)
        self._tree = tree
        if self._first:
            self._put(tree, {}, {})
        self._first = False

    def close(self, board: Board) -> None:
        """Keeps what is not kept."""
        if self._tree is None:
            return
        here = {s.transport.usb_path: s.slot for s in board.all() if s.transport.usb_path and not s.gone}
        moved = {path: slot for path, slot in here.items() if path != slot}
        if self._kept is None or self._kept[0] is not self._tree or self._kept[1] != moved:
            self._put(self._tree, moved, dict.fromkeys(here, self._exhibit) if self._exhibit else {})

    def _put(self, tree: Tree, moved: dict[str, str], exhibits: dict[str, str]) -> None:
        self._kept = tree, moved
        data = pack(tree, self._acquisition, self._host, slots=moved, exhibits=exhibits)
        self._keep(data, tree.taken_at.timestamp())

    def unread(self, board: Board) -> tuple[Slot, ...]:
        """The phones that ADB does not list."""
        if self._tree is None:
            return ()
        listed = {s.transport.usb_path: s.transport.state for s in board.all() if not s.gone}
        return tuple(slot for slot in slots(self._tree, listed) if not slot.acquired)


def watch(root: Path, told: Callable[[Tree | RackprintError], None], stop: threading.Event) -> None:
    """Tells of each tree until ``stop``; once of a kernel that does not tell of changes, and then no more."""
    try:
        last: Tree | None = None
        for tree in hotplug.follow(root, _EVERY):
            if stop.is_set():
                return
            if tree is not last:
                told(tree)
            last = tree
    except (RackprintError, OSError) as error:
        try:
            told(read_tree(root))
        except RackprintError as reason:
            told(reason)
            return
        told(RackprintError(str(error)))
