"""The ``rackprint`` command: one file a command group, heavy imports inside the commands."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rackprint.daemon.cli import streams
from rackprint.daemon.loading import briefly

GROUPS = {  # file of this folder -> its commands
    "demo": ("demo",),
    "files": ("signals",),
    "events": ("events",),
    "case": ("ingest", "verify"),
    "acquire": ("acquire",),
    "usb": ("usb",),
    "capture": ("capture",),
    "simulate": ("simulate-rack",),
    "linking": ("link", "evaluate"),
    "answers": ("devices", "accounts", "farms", "explain"),
    "reports": ("report",),
    "serve": ("serve",),
    "config": ("config",),
    "token": ("token",),
    "operate": ("backup", "restore", "doctor"),
    "purge": ("purge",),
}


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"rackprint {version('rackprint')}")
        raise typer.Exit


def _rackprint(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    pass


class _Commands(TyperGroup):
    """Commands that end as other programs do where the reader of their output left, as ``| head`` does. A pipe between
    processes of ours that breaks is a failure: typer would take one for the other."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            if not streams.left():
                raise RuntimeError("a process that worked for this command has ended") from error
            streams.drop()
            raise typer.Exit(streams.LEFT) from None


def application(*groups: str) -> typer.Typer:
    """The command line with the commands of ``groups``."""
    app = typer.Typer(
        name="rackprint",
        cls=_Commands,
        help="Links accounts to the phones they share, from raw evidence, with a reason for every link.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=True,
    )
    app.callback()(_rackprint)
    for group in groups:
        import_module(f"{__name__}.{group}").register(app)
    return app


def _asked(arguments: list[str]) -> tuple[str, ...]:
    """The group that ``arguments`` ask for: the others take as long to load as a small job; all of them where it is not
    plain which one is."""
    for group, commands in GROUPS.items():
        if arguments[:1] and arguments[0] in commands:
            return (group,)
    return tuple(GROUPS)


def _one_line(error: Exception) -> str:
    from rackprint.daemon.errors import RackprintError

    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {(error.strerror or str(error)).lower()}"
    if isinstance(error, OSError) and error.errno in streams.FULL:
        return f"{(error.strerror or text).lower()}; make room where the output goes, and run it again"
    if isinstance(error, RackprintError):
        return text
    return f"internal error: {type(error).__name__}: {text}; RACKPRINT_DEBUG=1 shows where, please report it"


def _run() -> int:
    try:
        application(*_asked(sys.argv[1:]))()
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except Exception as error:
        if os.environ.get("RACKPRINT_DEBUG"):
            raise
        print(f"rackprint: {_one_line(error)}", file=sys.stderr)
        return 1
    return 0


def main() -> None:
    """Runs the command line; an error is one line on stderr, never a traceback."""
    briefly()
    streams.prepare()
    sys.exit(streams.finish(_run()))
