"""``python -m fuzz.one TARGET [libFuzzer options] FOLDER…``: one target under atheris, until a fault or its time."""

from __future__ import annotations

import sys


def main() -> None:
    """Takes the target's name off the command line; the rest is libFuzzer's."""
    import atheris

    from fuzz import kernels
    from fuzz.targets import load

    with atheris.instrument_imports(include=["rackprint"]):
        kernels.use()  # before atheris's own finder, which knows no C
        target = load(sys.argv[1])

    started = False

    def run(data: bytes) -> None:
        nonlocal started
        if not started:  # libFuzzer is loaded with the first input
            kernels.tell_edges()
            started = True
        target(data)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
