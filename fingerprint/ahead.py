"""Work ahead: the next item is made by a thread while the one before is used. It pays where both release the GIL."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeVar, cast

T = TypeVar("T")
_DEPTH = 2
WATCHED = 1.0  # seconds between two looks whether the thread still lives


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items in the same order, begun at once; what ``items`` raises is raised here, after what came before. A
    reader that stops early ends the thread."""
    made = _made(items)
    try:
        next(made)
    except RuntimeError:  # no thread is to be had
        return items
    return cast("Iterator[T]", made)  # its None was just taken


def _made(items: Iterator[T]) -> Iterator[T | None]:
    """First None, once the thread runs."""
    queue: Queue[tuple[str, T | BaseException | None]] = Queue(_DEPTH)
    stopped = Event()

    def make() -> None:
        try:
            for item in items:
                queue.put(("item", item))
                if stopped.is_set():
                    return
            queue.put(("end", None))
        except BaseException as error:  # noqa: BLE001 - it is raised where the items are used
            queue.put(("error", error))

    thread = Thread(target=make, daemon=True)
    thread.start()
    try:
        yield None
        while True:
            try:
                kind, item = queue.get(timeout=WATCHED)
            except Empty:
                if not thread.is_alive() and queue.empty():
                    raise RuntimeError("the thread that works ahead has ended, for want of memory") from None
                continue
            if kind == "end":
                return
            if kind == "error":
                assert isinstance(item, BaseException)
                raise item
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        while thread.is_alive():
            if not queue.empty():
                queue.get()
            thread.join(0.01)
