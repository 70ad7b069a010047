"""``signals`` and ``events``: look into files without keeping anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rackprint.daemon.cli.output import Complaints, write_lines

FILES = Annotated[list[Path], typer.Argument(help="Files or folders.", show_default=False)]


def register(app: typer.Typer) -> None:
    app.command()(signals)
    app.command()(events)


def signals(
    files: FILES,
    positions: Annotated[bool, typer.Option("--positions", help="Add where in the file each value stands.")] = False,
) -> None:
    """Print what any supported file says, as NDJSON observations; store nothing."""
    from rackprint.daemon.survey import read_all
    from rackprint.fingerprint.ndjson import line

    complain = Complaints()
    write_lines(line(o, positions=positions) for o in read_all(files, complain))
    complain.exit()


def events(files: FILES) -> None:
    """Print the protocol events of captures, one NDJSON line each: ClientHellos with JA4, DHCP, DNS, SYNs,
    HTTP and probe requests, clocks."""
    import msgspec

    from rackprint.daemon.acquire.files import find, open_evidence
    from rackprint.daemon.acquire.packed import unpack_errors, unpacked
    from rackprint.fingerprint.capture.events import read_events
    from rackprint.fingerprint.capture.records import is_capture
    from rackprint.fingerprint.model import Problem

    complain, encode, write = Complaints(), msgspec.json.Encoder().encode, sys.stdout.buffer.write
    for found in find(files):
        if isinstance(found, Problem):
            complain(found)
            continue
        try:
            with open_evidence(found.path) as stream:
                content, head = unpacked(stream)
                if not (found.named or is_capture(head)):
                    continue  # a folder may hold other evidence beside captures
                for event in read_events(content):
                    if isinstance(event, Problem):
                        complain(msgspec.structs.replace(event, file=found.name))
                    else:
                        write(encode(event) + b"\n")
        except BrokenPipeError:
            raise
        except unpack_errors() as error:
            complain(Problem(f"cannot be read on: {error}", "what came before was kept", file=found.name))
    sys.stdout.buffer.flush()
    complain.exit()
