"""Where the real captures and phone dumps are: ``$RACKPRINT_CORPUS``, else ``../shared/corpus`` beside the project."""

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("RACKPRINT_CORPUS") or Path(__file__).resolve().parents[1] / "../shared/corpus")


def corpus(path: str) -> Path:
    """The corpus file ``path``; skips the test, saying so, where the corpus is absent."""
    found = ROOT / path
    if not found.exists():
        pytest.skip(f"corpus absent: {path} (set RACKPRINT_CORPUS)")
    return found
