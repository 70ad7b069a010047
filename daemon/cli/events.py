"""``events``: what captures show, as it stands in them or as it comes through a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from rackprint.daemon.cli.output import Complaints
from rackprint.daemon.cli.streams import until_stopped, write

KEPT = "what came before was kept"
TOGETHER = 256  # events written at a time: one by one takes twice as long
CAPTURES = Annotated[list[Path], typer.Argument(help="Files, folders or pipes; - is stdin.", show_default=False)]


def register(app: typer.Typer) -> None:
    app.command()(events)


def events(files: CAPTURES) -> None:
    """Print the protocol events of captures, packed or not, one NDJSON line each: ClientHellos with JA4, DHCP, DNS,
    SYNs, HTTP and probe requests; of a pipe each at once. Clocks and counts come at the end, or when Ctrl-C ends a
    pipe."""
    from rackprint.daemon.acquire.files import find, open_evidence
    from rackprint.daemon.acquire.packed import piped, unpacked
    from rackprint.fingerprint.capture.records import is_capture
    from rackprint.fingerprint.model import Problem

    complain = Complaints()
    for path in files:
        if str(path) == "-" or path.is_fifo():
            with _told(str(path), complain), _pipe(path) as stream:
                _print(piped(stream), str(path), complain, at_once=True)
            continue
        for found in find([path]):
            if isinstance(found, Problem):
                complain(found)
                continue
            with _told(found.name, complain), open_evidence(found.path) as stream:
                content, head = unpacked(stream)
                if found.named or is_capture(head):  # a folder may hold other evidence beside captures
                    _print(content, found.name, complain)
    write(b"", at_once=True)
    complain.exit()


@contextmanager
def _pipe(path: Path) -> Iterator[BinaryIO]:
    opened = nullcontext(sys.stdin.buffer) if str(path) == "-" else path.open("rb", buffering=0)
    with opened as stream, until_stopped(stream.fileno()) as pipe:
        yield pipe


@contextmanager
def _told(name: str, complain: Complaints) -> Iterator[None]:
    """Where reading on fails, says so and ends it; what came before stands."""
    from rackprint.daemon.acquire.packed import unpack_errors
    from rackprint.fingerprint.model import Problem

    try:
        yield
    except BrokenPipeError:
        raise
    except unpack_errors() as error:
        why = getattr(error, "strerror", None) or str(error)
        complain(Problem(f"cannot be read on: {why}", f"fetch it again; {KEPT}", file=name))


def _print(content: BinaryIO, name: str, complain: Complaints, *, at_once: bool = False) -> None:
    """``at_once``: who sends may pause, and what was seen is not to wait for what comes."""
    import msgspec

    from rackprint.fingerprint.capture.packets_kernel import read_packets
    from rackprint.fingerprint.model import Problem

    packets = read_packets(content)  # begins to read, beside what there is to load
    from rackprint.fingerprint.capture.events import Event, events

    encode, found = msgspec.json.Encoder().encode_lines, list[Event]()
    limit = 1 if at_once else TOGETHER

    def tell() -> None:
        lines = encode(found)
        found.clear()  # before it is written: Ctrl-C in there must not have them written twice
        write(lines, at_once=at_once)

    try:
        for event in events(packets):
            if isinstance(event, Problem):
                complain(msgspec.structs.replace(event, file=name))
                continue
            found.append(event)
            if len(found) == limit:
                tell()
    except Exception:  # where reading on fails, what was found before stands
        tell()
        raise
    tell()
