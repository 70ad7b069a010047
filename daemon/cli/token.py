"""``token``: who may speak to the daemon of a case."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from rackprint.daemon.cli.output import CASE, CaseOption, Format, FormatOption, show

NAME = Annotated[str, typer.Argument(help="Name of the token, as it stands in the access log.", show_default=False)]
COLUMNS = {
    "name": "token",
    "scopes": "scopes",
    "state": "state",
    "created": "created",
    "expires": "expires",
    "revoked": "revoked",
}


class Scope(StrEnum):
    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"


def register(app: typer.Typer) -> None:
    group = typer.Typer(name="token", help="Make, list and revoke the tokens of a case.", no_args_is_help=True)
    group.command()(make)
    group.command("list")(listing)
    group.command()(revoke)
    app.add_typer(group)


def make(
    name: NAME,
    scope: Annotated[list[Scope], typer.Option("--scope", help="What it may do; admin is all. May be repeated.")],
    days: Annotated[int | None, typer.Option("--days", min=1, max=36_500, help="Days until it expires.")] = None,
    case: CaseOption = CASE,
) -> None:
    """Make a token and print its secret, alone, on stdout; it is shown this once."""
    from datetime import UTC, datetime, timedelta

    from rackprint.daemon import tokens

    expires = None if days is None else datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    secret = tokens.make(case, name, [str(s) for s in scope], expires)
    may = ", ".join(s for s in tokens.SCOPES if s in scope)
    until = f"until {expires:%Y-%m-%d %H:%M} UTC" if expires else "until it is revoked"
    print(f"token {name}: {may}; {until}; only its hash is kept, so keep the secret now", file=sys.stderr)
    print(secret)


def listing(case: CaseOption = CASE, form: FormatOption = Format.TABLE) -> None:
    """List the tokens of a case, the revoked and expired ones too."""
    from rackprint.daemon.tokens import listed

    rows = [{key: getattr(t, key) for key in COLUMNS if key != "state"} | {"state": t.state()} for t in listed(case)]
    show(rows, COLUMNS, form)


def revoke(name: NAME, case: CaseOption = CASE) -> None:
    """Revoke a token; a daemon that runs stops taking it within a second or so."""
    from rackprint.daemon.tokens import revoke as end

    end(case, name)
    print(f"token {name}: revoked")
