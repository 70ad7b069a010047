"""``python -m … PARENT COMMAND…``: becomes COMMAND, with room for many descriptors, and ends when its parent does."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

FILES = 4096
_PR_SET_PDEATHSIG = 1  # prctl(2); it outlives the exec


def main() -> None:
    parent, *command = sys.argv[1:]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == int(parent):  # else it died before the kernel was told
        os.execv(command[0], command)


if __name__ == "__main__":
    main()
