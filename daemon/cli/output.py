"""How answers look: aligned tables, JSON or CSV, one line a problem, and a progress bar on long work."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rackprint.daemon.cells import cell, csv_cell, printable
from rackprint.daemon.cli import streams

if TYPE_CHECKING:
    from rich.console import Console

    from rackprint.fingerprint.model import Problem


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"


CaseOption = Annotated[
    Path, typer.Option("--case", envvar="RACKPRINT_CASE", help="Folder of the case.", show_default="./case")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the answer.")]
CASE = Path("case")


def console(*, stderr: bool = False) -> Console:
    """A console that uses the terminal's width, and does not squeeze a table that goes to a file or a pipe."""
    from rich.console import Console

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # for the command to end as with any other output

    file = sys.stderr if stderr else sys.stdout
    return Ours(stderr=stderr, width=None if file.isatty() else 160, highlight=False, emoji=False, markup=False)


def show(rows: Sequence[dict[str, Any]], columns: dict[str, str], form: Format, title: str = "") -> None:
    """Prints ``rows``; ``columns`` maps their keys to headings, in order."""
    if form is Format.JSON:
        import msgspec

        data = msgspec.json.encode([{k: row.get(k) for k in columns} for row in rows])
        sys.stdout.write(msgspec.json.format(data, indent=1).decode() + "\n")
    elif form is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([csv_cell(row.get(key)) for key in columns] for row in rows)
    else:
        _table(rows, columns, title)


def _table(rows: Sequence[dict[str, Any]], columns: dict[str, str], title: str) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for key, heading in columns.items():
        numeric = any(isinstance(row.get(key), int | float) for row in rows)
        table.add_column(Text(heading), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("\n".join(map(printable, cell(row.get(key)).split("\n")))) for key in columns))
    console().print(table)


def told(count: int, thing: str) -> str:
    """A count with its noun."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


class Complaints:
    """Prints each problem as one line on stderr and remembers that there was one."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, problem: Problem) -> None:
        self.count += 1
        print(f"rackprint: {printable(str(problem))}", file=sys.stderr)

    def exit(self) -> None:
        """Ends the command with 1 if anything was said."""
        if self.count:
            raise typer.Exit(1)


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Any]:
    """Yields a function that takes the steps done; draws a bar on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda steps=1: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps=1: bar.advance(task, steps)


def write_lines(lines: Iterable[bytes]) -> None:
    """Binary lines to stdout, each with its line end."""
    for line in lines:
        streams.write(line + b"\n")
    streams.write(b"", at_once=True)
