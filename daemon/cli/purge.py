"""``purge``: removes what a platform's case may no longer keep."""

from __future__ import annotations

from typing import Annotated

import typer

from rackprint.daemon.cli.output import CASE, CaseOption, told


def register(app: typer.Typer) -> None:
    app.command()(purge)


def purge(
    older_than: Annotated[
        int, typer.Option("--older-than", min=0, max=36_500, help="Days since it arrived.", show_default=False)
    ],
    case: CaseOption = CASE,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove for good what arrived in a platform's case so long ago, and link the rest anew."""
    from datetime import UTC, datetime, timedelta

    from rackprint.daemon.evidence.custody import CustodyLog
    from rackprint.daemon.pipeline import alone, relink
    from rackprint.daemon.retention import purge as run
    from rackprint.daemon.retention import purgeable
    from rackprint.daemon.store.repository import Store

    before = datetime.now(UTC) - timedelta(days=older_than)
    with Store.open(case) as store:
        purgeable(case)
        with alone(case):
            if not yes:
                what = f"{case}: remove for good what arrived before {before:%Y-%m-%d %H:%M} UTC?"
                typer.confirm(what, abort=True, err=True)
            log = CustodyLog(case / CustodyLog.NAME)
            done = run(store, log, before)
            if done.tombstone:
                relink(store, log)
            store.scrub(whole=True)
    if not done.tombstone:
        print(f"{case}: nothing arrived before {before:%Y-%m-%d %H:%M} UTC")
        return
    what = f"{told(done.observations, 'observation')} of {told(done.artifacts, 'artifact')}"
    print(f"{case}: {what} removed; custody entry {done.tombstone}")
