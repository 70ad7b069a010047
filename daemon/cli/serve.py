"""``serve``: the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rackprint.daemon.cli.config import ConfigOption


def register(app: typer.Typer) -> None:
    app.command()(serve)


def serve(
    config: ConfigOption = None,
    case: Annotated[
        Path | None, typer.Option("--case", help="Folder of the case; made where there is none.", show_default="./case")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen at.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 takes a free one.", show_default="8470")] = None,
    socket: Annotated[Path | None, typer.Option("--socket", help="Also listen at this Unix socket.")] = None,
) -> None:
    """Take evidence in all day, link it, and answer: the API, watched folders and live collectors."""
    import asyncio
    import sys

    from rackprint.daemon import journal
    from rackprint.daemon.config import load
    from rackprint.daemon.loading import leave, loading

    settings = load(config, {"case": case, "listen": {"host": host, "port": port, "socket": socket}})
    journal.begin(settings.log.level, settings.log.format)

    with loading():
        from rackprint.daemon.service import Service

    async def run() -> None:
        await Service(settings).run()

    import uvloop

    sys.setswitchinterval(0.0005)  # the loop waits for the GIL no longer than that; the work is in other processes
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    leave()
