"""The ``rackprint`` command: one file a command group, heavy imports inside the commands."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from rackprint.daemon.cli import (
    acquire,
    answers,
    capture,
    case,
    config,
    demo,
    files,
    linking,
    operate,
    purge,
    reports,
    serve,
    simulate,
    token,
    usb,
)
from rackprint.daemon.loading import briefly

app = typer.Typer(
    name="rackprint",
    help="Links accounts to the phones they share, from raw evidence, with a reason for every link.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"rackprint {version('rackprint')}")
        raise typer.Exit


@app.callback()
def _rackprint(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    pass


_GROUPS = (
    demo, files, case, acquire, usb, capture, simulate, linking, answers, reports, serve, config, token, operate, purge,
)  # fmt: skip
for group in _GROUPS:
    group.register(app)


def _one_line(error: Exception) -> str:
    from rackprint.daemon.errors import RackprintError

    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {(error.strerror or str(error)).lower()}"
    if isinstance(error, RackprintError):
        return text
    return f"internal error: {type(error).__name__}: {text}; RACKPRINT_DEBUG=1 shows where, please report it"


def main() -> None:
    """Runs the command line; an error is one line on stderr, never a traceback."""
    briefly()
    try:
        app()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left, as `| head` does
        sys.exit(0)
    except Exception as error:
        if os.environ.get("RACKPRINT_DEBUG"):
            raise
        print(f"rackprint: {_one_line(error)}", file=sys.stderr)
        sys.exit(1)
