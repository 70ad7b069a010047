"""How a run over many phones looks: a table that is drawn anew on a terminal, and lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rackprint.daemon.cells import printable
from rackprint.daemon.cli.output import console

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from rackprint.daemon.acquisition.board import Board, Seen
    from rackprint.fingerprint.usb.slots import Slot

_EVERY = 0.25  # seconds between two pictures
_STYLES = {
    "done": "green", "in part": "yellow", "not reached": "red", "not acquired": "red", "same phone": "dim",
    "waiting": "dim",
}  # fmt: skip
_RANK = {"in part": 0, "not reached": 0, "not acquired": 0, "asking": 1, "waiting": 2, "same phone": 3, "done": 4}
_BAR = 8  # characters
_AROUND = 6  # lines of a table that are no rows


@dataclass(frozen=True, slots=True)
class Row:
    """A handset, or a slot that only USB knows."""

    slot: str
    model: str
    state: str
    kept: int
    total: int
    error: str


def rows(board: Board) -> list[Row]:
    """In the order of their places."""
    from rackprint.daemon.acquisition.board import place

    found = [_handset(seen) for seen in board.all()] + [_slot(slot) for slot in board.unread]
    return sorted(found, key=lambda row: place(row.slot))


def _handset(seen: Seen) -> Row:
    error = f"{seen.command} …" if seen.phase == "asking" and not seen.error else seen.error
    return Row(seen.slot, seen.model, str(seen.phase), seen.kept, seen.total, error)


def _slot(slot: Slot) -> Row:
    return Row(slot.path, slot.device.product if slot.device else "", "not acquired", 0, 0, unread(slot))


def unread(slot: Slot) -> str:
    """What USB says of a phone that was not acquired, and what to do."""
    device = slot.device
    words = [device.id, device.serial and f"serial {device.serial}"] if device else []
    known = " ".join(word for word in words if word)
    return "; ".join(text for text in (known, slot.nature.words if slot.nature else "", slot.do) if text)


def table(found: list[Row], most: int) -> RenderableType:
    """``most`` rows at most: those in trouble or at work first, all counted below."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = found if len(found) <= most else sorted(found, key=lambda row: _RANK[row.state])[: max(most, 1)]
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption=_counts(found, len(shown)), caption_justify="left")
    drawn.add_column("slot", no_wrap=True)
    drawn.add_column("model", overflow="ellipsis", no_wrap=True, max_width=16)
    drawn.add_column("state", no_wrap=True)
    drawn.add_column("done", no_wrap=True)
    drawn.add_column("last error", overflow="ellipsis", no_wrap=True, ratio=1)
    for row in shown:
        state = Text(row.state, _STYLES.get(row.state, ""))
        drawn.add_row(
            Text(printable(row.slot)), Text(printable(row.model)), state, _bar(row), Text(printable(row.error))
        )
    return drawn


def _counts(found: list[Row], shown: int) -> str:
    counts = Counter(row.state for row in found)
    parts = [", ".join(f"{count} {state}" for state, count in counts.items())]
    parts.append(f"{sum(row.kept for row in found)} of {sum(row.total for row in found)} answers")
    if shown < len(found):
        parts.append(f"{len(found) - shown} not shown")
    return "; ".join(parts)


def _bar(row: Row) -> Text:
    from rich.text import Text

    if not row.total:
        return Text("-", "dim")
    full = row.kept * _BAR // row.total
    style = _STYLES.get(row.state, "cyan")
    return Text.assemble(("━" * full, style), ("━" * (_BAR - full), "bright_black"), f" {row.kept}/{row.total}")


@contextmanager
def picture() -> Iterator[Callable[[Board], None]]:
    """A table on a terminal; elsewhere a line for each trouble as it comes."""
    if not sys.stderr.isatty():
        yield _teller()
        return
    from rich.live import Live

    screen = console(stderr=True)
    with Live(console=screen, transient=True, auto_refresh=False) as live:
        drawn = 0.0

        def watch(board: Board) -> None:
            nonlocal drawn
            if time.monotonic() - drawn >= _EVERY:
                live.update(table(rows(board), screen.height - _AROUND), refresh=True)
                drawn = time.monotonic()

        yield watch


def _teller() -> Callable[[Board], None]:
    last: dict[str, str] = {}

    def watch(board: Board) -> None:
        now = {f"{s.transport.server} {s.transport.id}": (s.slot, s.error) for s in board.all()}
        now |= {slot.path: (slot.path, f"not acquired: {unread(slot)}") for slot in board.unread}
        for key, (slot, error) in now.items():
            if error and last.get(key) != error:
                print(f"rackprint: {printable(f'{slot}: {error}')}", file=sys.stderr, flush=True)
            last[key] = error

    return watch
