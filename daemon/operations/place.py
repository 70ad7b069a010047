"""Where a case keeps what it keeps, and how long work shows how far it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from rackprint.daemon.errors import RackprintError

SETTINGS = "case.json"

Stage = Callable[[str, int | None], AbstractContextManager[Any]]  # (what is done, of how many) gives step(done)


@contextmanager
def silent(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A stage that shows nothing."""
    yield _nothing


def _nothing(steps: int) -> None:
    pass


def store_url(case: Path) -> str:
    """The PostgreSQL database of the case; empty where it is SQLite in the case itself."""
    path = case / SETTINGS
    try:
        settings = json.loads(path.read_bytes())
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror.lower() if isinstance(error, OSError) and error.strerror else "is no JSON"
        raise RackprintError(f"{path}: {why}; mend it, or take it from a backup") from None
    url = settings.get("store", "") if isinstance(settings, dict) else None
    if not isinstance(url, str):
        raise RackprintError(f"{path}: store is no address of a database; mend it, or take it from a backup")
    return url


def why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
