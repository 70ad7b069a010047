"""What all targets are made with."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

Target = Callable[[bytes], None]


@lru_cache(maxsize=64)
def module(name: str) -> Any:
    """A module of the readers and decoders of captures."""
    return import_module(f"rackprint.fingerprint.capture.{name}")
