"""Waiting for what comes about by itself."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(so: Callable[[], object], seconds: float = 40.0) -> None:
    """Returns once ``so()`` holds; AssertionError when it does not within ``seconds``."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
