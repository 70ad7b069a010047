"""What all targets are made with."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

Target = Callable[[bytes], None]


def module(name: str) -> Any:
    """A module of the readers and decoders of captures."""
    return import_module(f"rackprint.fingerprint.capture.{name}")
