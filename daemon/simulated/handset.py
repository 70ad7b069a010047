"""An emulated phone as ADB meets it: what it is called, what it answers, and what is the matter with it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from enum import StrEnum

from rackprint.daemon.simulated.shell import Output, Shell

_REMEMBERED = 4096  # lines that it was asked


class Mode(StrEnum):
    """What is the matter with a phone; it may change while it runs."""

    READY = "ready"
    UNAUTHORIZED = "unauthorized"  # it accepts no key
    HANGS = "hangs"  # it never answers a dumpsys
    DROPS = "drops"  # the link ends in the middle of what ``dumpsys battery`` says


class Fate(StrEnum):
    """What becomes of a command."""

    ANSWERED = "answered"
    NEVER = "never"
    CUT = "cut"


class Handset:
    """``sdk`` decides what its adbd can do. ``delay`` is in milliseconds a command. ``secure`` asks a host for its key,
    as a phone does that was never told to trust it. Any thread may set ``mode`` and ``delay``."""

    def __init__(
        self, shell: Shell, *, serial: str, product: str = "", model: str = "", device: str = "", sdk: int = 30,
        mode: str = Mode.READY, delay: float = 0.0, secure: bool = False,
    ) -> None:  # fmt: skip
        self.serial, self.product, self.model, self.device, self.sdk = serial, product, model, device, sdk
        self.delay, self.secure = delay, secure
        self.keys: list[str] = []
        self.asked: deque[str] | list[str] = deque(maxlen=_REMEMBERED)
        self._shell = shell
        self._mode = Mode(mode)
        self._watchers: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        self._mode = Mode(mode)
        with self._lock:
            watchers = list(self._watchers)
        for changed in watchers:
            changed()

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Calls ``changed`` after each change of mode, in the thread that made it, until the result is called."""
        with self._lock:
            self._watchers.append(changed)

        def leave() -> None:
            with self._lock:
                if changed in self._watchers:
                    self._watchers.remove(changed)

        return leave

    @property
    def features(self) -> tuple[str, ...]:
        """What its adbd can do; shell_v2 came with Android 7 (AOSP packages/modules/adb, transport.cpp)."""
        return ("shell_v2", "cmd", "stat_v2") if self.sdk >= 24 else ()

    def offers(self, kind: str) -> bool:
        """Whether its adbd has a service that begins with ``kind``, as in ``shell,v2,raw:``."""
        return kind in {"shell", "exec"} or (kind.startswith("shell,") and "shell_v2" in self.features)

    def warm(self) -> None:
        """Makes its answers ready, so that none costs more than another."""
        self._shell.warm()

    def run(self, line: str) -> Output:
        """What the phone's shell says to ``line``."""
        return self._shell.run(line)

    def fate(self, line: str) -> Fate:
        if self._mode is Mode.HANGS and line.startswith("dumpsys"):
            return Fate.NEVER
        if self._mode is Mode.DROPS and line.startswith("dumpsys battery"):
            return Fate.CUT
        return Fate.ANSWERED

    def file(self, path: str) -> bytes | None:
        """What is in a file, None where there is none that the shell may read."""
        said = self.run(f"cat {path}")
        return None if said.code else said.stdout
