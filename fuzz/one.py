"""``python -m fuzz.one TARGET [libFuzzer options] FOLDER…``: one target under atheris, until a fault or its time."""

from __future__ import annotations

import sys


def main() -> None:
    """Takes the target's name off the command line; the rest is libFuzzer's."""
    import atheris

    from fuzz.targets import load

    with atheris.instrument_imports(include=["rackprint"]):
        target = load(sys.argv[1])
    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
