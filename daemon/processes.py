"""The processes of the daemon: started with a channel to the one that starts them, and gone when it is."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PR_SET_PDEATHSIG = 1  # prctl(2)


def die_with_parent() -> None:
    """Has the kernel end this process when its parent, whose pid is the second argument, dies, however that dies."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != int(sys.argv[2]):
        os._exit(0)  # it died before the kernel was told


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """What is started within never gets a Ctrl-C, not even while it loads: it is for the one who starts it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start(module: str, *, keep: tuple[int, ...] = (), nice: int = 0) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Starts the ``main`` of ``module``, with the number of its end of a socket pair as the first argument; our end is
    given back. ``keep`` are file descriptors that it holds too."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-m", "rackprint.daemon.loading", module, str(theirs.fileno()), str(os.getpid())]
        # No session of its own: the kernel weighs sessions against each other before it looks at niceness.
        with _no_interrupt():
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(), *keep))
    if nice:
        with suppress(PermissionError):  # a hardened unit may forbid it, and all go as one
            os.setpriority(os.PRIO_PROCESS, process.pid, nice)
            os.sched_setscheduler(process.pid, os.SCHED_BATCH, os.sched_param(0))  # wakes up behind who answers
    return process, ours
