"""The ``rackprint`` command: one file a command group, heavy imports inside the commands."""

from __future__ import annotations

import os
import sys
from types import TracebackType

import typer

from rackprint.daemon.cli import answers, case, demo, files, linking, reports

app = typer.Typer(
    name="rackprint",
    help="Links accounts to the phones they share, from raw evidence, with a reason for every link.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
for group in (demo, files, case, linking, answers, reports):
    group.register(app)


def _one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if os.environ.get("RACKPRINT_DEBUG"):
        sys.__excepthook__(kind, error, trace)
        return
    from rackprint.daemon.errors import RackprintError

    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {(error.strerror or str(error)).lower()}"
    elif not isinstance(error, RackprintError):
        text = f"internal error: {kind.__name__}: {text}; RACKPRINT_DEBUG=1 shows where, please report it"
    print(f"rackprint: {text}", file=sys.stderr)


def main() -> None:
    """Runs the command line; an error is one line on stderr, never a traceback."""
    sys.excepthook = _one_line
    try:
        app()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left, as `| head` does
        sys.exit(0)
