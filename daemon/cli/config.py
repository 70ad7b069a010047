"""``config check`` and ``config show``: what the daemon would do with its configuration, before it runs."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rackprint.daemon.cells import printable

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", envvar="RACKPRINT_CONFIG", help="TOML file; without one, environment and defaults."),
]


class Form(StrEnum):
    TOML = "toml"
    JSON = "json"


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="config", help="Check and show the configuration of the daemon.", no_args_is_help=True)
    group.command()(check)
    group.command()(show)
    app.add_typer(group)


def check(config: ConfigOption = None) -> None:
    """Check the file, the environment, and the keys, folders and ports they name; exit 1 if anything is off."""
    from rackprint.daemon.config import load, problems

    read = load(config)
    found = problems(read)
    where = str(config) if config else "configuration"
    for problem in found:
        print(f"rackprint: {printable(f'{where}: {problem}')}", file=sys.stderr)
    if found:
        raise typer.Exit(1)
    print(printable(f"{where}: good; {read.mode} mode, case {read.case}, {read.listen.host} port {read.listen.port}"))


def show(
    config: ConfigOption = None,
    form: Annotated[Form, typer.Option("--format", help="How to print it.")] = Form.TOML,
) -> None:
    """Show every value that holds and where it came from; passwords are hidden."""
    from rackprint.daemon.config import masked, shown, sources

    read, origins = sources(config)
    if form is Form.TOML:
        sys.stdout.write(shown(read, origins))
        return
    import json

    told = {key: {"value": value, "from": origins[key]} for key, value in masked(read).items()}
    print(json.dumps(told, indent=1))
