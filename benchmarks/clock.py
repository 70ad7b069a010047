"""Timing: CPU and wall seconds, and what a child process took."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


def cpu(work: Callable[[], object], runs: int = 3) -> float:
    """CPU seconds of the fastest of ``runs``."""
    return min(_spent(work, time.process_time) for _ in range(runs))


def wall(work: Callable[[], object], runs: int = 3) -> float:
    """Wall seconds of the fastest of ``runs``."""
    return min(_spent(work, time.perf_counter) for _ in range(runs))


def _spent(work: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return clock() - start


@dataclass(frozen=True, slots=True)
class Child:
    """What a command took, its own children counted: seconds, and the peak of one process in MiB."""

    wall: float
    cpu: float
    peak: float
    output: str


def child(*command: str) -> Child:
    """Runs ``python COMMAND`` to its end. Raises CalledProcessError when it fails."""
    start = time.perf_counter()
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    return Child(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output)


def peak() -> float:
    """This process's peak, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
