"""``link`` and ``evaluate``: batch linking without a case, and how good it was against a truth."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rackprint.daemon.cli.output import Complaints, Format, FormatOption, progress, show, told

if TYPE_CHECKING:
    from rackprint.fingerprint.link.calibration import Bin, Collisions

MODELS = 10  # that the table of collisions shows
RELIABILITY = {"bin": "probability", "observations": "observations", "said": "said on average", "right": "share right"}
COLLISIONS = {"model": "model", "devices": "devices", "mixed": "mixed", "rate": "share of pairs"}


class Tables(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"


class Engine(StrEnum):
    LOCAL = "local"


def register(app: typer.Typer) -> None:
    app.command()(link)
    app.command()(evaluate)


def link(
    files: Annotated[list[Path], typer.Argument(help="Files or folders.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="Folder for the tables.", show_default=False)],
    tables: Annotated[Tables, typer.Option("--format", help="Form of the tables.")] = Tables.CSV,
    strict: Annotated[bool, typer.Option("--strict", help="Write nothing if anything is wrong.")] = False,
    engine: Annotated[Engine, typer.Option("--engine", help="What does the work.")] = Engine.LOCAL,
) -> None:
    """Link the accounts in files without a case; write observations, accounts, devices and a summary."""
    from rackprint.daemon.acquire.files import count
    from rackprint.daemon.engines import local
    from rackprint.daemon.errors import RackprintError
    from rackprint.daemon.survey import gather

    complain = Complaints()
    with progress("reading", count(files)) as step:
        columns = gather(files, complain, step=step)
    if strict and complain.count:
        raise RackprintError(
            f"nothing was written: {complain.count} problem(s) and --strict; mend them, or leave it out"
        )
    found = local.batch(columns)
    local.write(found, out, tables.value)
    accounts = told(columns.accounts.size, "account")
    print(f"{out}: {told(columns.n, 'observation')}, {accounts} on {told(len(found.ids), 'device')}")
    for name, times in columns.unknown.items():
        print(f"not linked by {name}: {told(times, 'value')} of a signal that rackprint does not know")
    complain.exit()


def evaluate(
    truth: Annotated[Path, typer.Option("--truth", help="CSV with id,device.", show_default=False)],
    observations: Annotated[Path, typer.Option("--observations", help="CSV that link wrote.", show_default=False)],
    evidence: Annotated[
        Path | None,
        typer.Option("--evidence", help="CSV of probabilities.", show_default="evidence.csv beside --observations"),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compare a linking with the truth: precision, recall and F1 over pairs and B-cubed, the worst false merge, whether
    the probabilities hold, and which models are taken for each other."""
    from rackprint.daemon.engines.truth import read_evidence, read_labels
    from rackprint.fingerprint.link.calibration import collisions, reliability
    from rackprint.fingerprint.link.evaluate import evaluate as run

    true, found = read_labels(truth), read_labels(observations)
    beside = evidence or observations.with_name("evidence.csv")
    probability, model = read_evidence(beside) if evidence or beside.is_file() else ({}, {})
    result = run(true, found)
    bins, models = reliability(true, found, probability), collisions(true, found, model)
    rows = result.rows()
    if form is Format.JSON:
        rows += [{"measure": "reliability", "value": bins}, {"measure": "collisions by model", "value": models}]
    show(rows, {"measure": "measure", "value": "value"}, form, "linking against the truth")
    if form is Format.TABLE and bins:
        show([_bin(b) for b in bins], RELIABILITY, form, "reliability: what a probability says, and what is right")
    if form is Format.TABLE and model:
        worst = [_collision(c) for c in models[:MODELS]]
        show(worst, COLLISIONS, form, f"phones of a model taken for one ({len(worst)} of {len(models)} models)")


def _bin(found: Bin) -> dict[str, Any]:
    return {
        "bin": f"{found.low:g} to {found.high:g}",
        "observations": found.observations,
        "said": f"{found.said:.6f}",
        "right": f"{found.right:.6f}",
    }


def _collision(found: Collisions) -> dict[str, Any]:
    return {"model": found.model, "devices": found.devices, "mixed": found.mixed, "rate": f"{found.rate:.5f}"}
