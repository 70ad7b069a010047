"""Named places on the way to a commit, where tests pull the plug: RACKPRINT_KILL_AT=name:3:FILE ends the process with
SIGKILL when it comes to that place for the third time, unless FILE says that it happened already."""

from __future__ import annotations

import os
import signal
from pathlib import Path

_NAME, _COUNT, _FILE = (*os.environ.get("RACKPRINT_KILL_AT", "").split(":", 2), "", "")[:3]
_left = [int(_COUNT or 1)]
POINTS = (
    "pack.kept", "custody.kept", "vault.kept", "parsed", "commit.begun", "commit.ready", "commit.done", "answered",
)  # fmt: skip


def reached(name: str) -> None:
    """Does nothing, unless a test wants the process to die here."""
    if name == _NAME:
        _left[0] -= 1
        if _left[0] <= 0 and not Path(_FILE).exists():
            Path(_FILE).touch()
            os.kill(os.getpid(), signal.SIGKILL)
