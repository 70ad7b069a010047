"""Counts of what could not be read, so that ten thousand bad packets make one line and not ten thousand."""

from __future__ import annotations

from collections.abc import Iterator

from rackprint.fingerprint.model import Position, Problem

KINDS = 64  # of different reasons; a reason may name a value, and values are endless


class Tally:
    """Counts reasons, each with the byte offset of its first case."""

    def __init__(self, remedy: str) -> None:
        self._remedy = remedy
        self._found: dict[str, tuple[int, int]] = {}

    def add(self, reason: str, offset: int) -> None:
        """Counts one case of ``reason`` at byte ``offset``."""
        if reason not in self._found and len(self._found) >= KINDS:
            reason = "other faults"
        count, first = self._found.get(reason, (0, offset))
        self._found[reason] = (count + 1, first)

    def problems(self) -> Iterator[Problem]:
        """One Problem a reason, in the order they first came."""
        for reason, (count, first) in self._found.items():
            times = f", {count} times, first here" if count > 1 else ""
            yield Problem(reason + times, self._remedy, Position(offset=first))
