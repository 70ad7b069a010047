"""How the daemon's processes begin and end: a start loads much and drops nothing, so the garbage collector looks on in
vain; and what a process that is done holds need not be taken apart, for the kernel does it at once. Both together are
a third of what a start and a stop cost.

``python -m rackprint.daemon.loading MODULE …`` runs the ``main`` of MODULE so.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import NoReturn

_MANY = 50_000  # objects between two looks of the garbage collector; Python's own are 700
_USUAL = gc.get_threshold()


@contextmanager
def loading() -> Iterator[None]:
    """For a process that stays: what is loaded within is never looked through for garbage, and what comes later is, as
    usual."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*_USUAL)
        gc.enable()


def briefly() -> None:
    """For a process that does one thing and ends: garbage is looked for seldom, and not at all at its end."""
    gc.set_threshold(_MANY, 50, 50)
    atexit.register(gc.freeze)


def leave() -> NoReturn:
    """Ends the process well and at once. Its threads must be done, for nobody waits for them."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(0)


def main() -> None:
    """The module's name is the first argument; the rest is for its ``main``."""
    with loading():
        run = import_module(sys.argv.pop(1)).main
    run()
    leave()


if __name__ == "__main__":
    main()
