"""``devices``, ``accounts`` and ``explain``: answers from a case."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rackprint.daemon.cli.output import CASE, CaseOption, Format, FormatOption, show

if TYPE_CHECKING:
    from rackprint.fingerprint.link.explain import Explanation

DEVICES = {
    "device": "device", "exhibit": "exhibit", "model": "model", "place": "USB place", "accounts": "accounts",
    "sims": "SIMs", "observations": "obs.", "first_seen": "first seen (UTC)", "last_seen": "last seen (UTC)",
    "flags": "flags",
}  # fmt: skip
ACCOUNTS = {
    "account": "account", "device": "device", "exhibit": "exhibit", "probability": "probability", "weight": "bits",
    "first_seen": "first seen (UTC)", "last_seen": "last seen (UTC)", "observations": "obs.", "reasons": "reasons",
}  # fmt: skip
FARMS = {
    "farm": "farm", "kind": "looks like", "probability": "probability", "devices": "devices", "accounts": "accounts",
    "why": "why", "shared": "shared", "targets": "served most",
}  # fmt: skip
STEPS = {
    "step": "step", "signal": "signal", "value": "value", "bits": "bits", "carriers": "seen in",
    "first": "stands at", "second": "and at",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    app.command()(devices)
    app.command()(accounts)
    app.command()(farms)
    app.command()(explain)


def farms(case: CaseOption = CASE, form: FormatOption = Format.TABLE) -> None:
    """List devices that are run together: what each farm looks like, why, and whom its accounts served."""
    from rackprint.daemon.queries import Answers

    with Answers(case) as answers:
        found, held = answers.farms(), answers.accounts_by_device()
    if form is Format.JSON:
        import sys

        import msgspec

        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n")
        return
    rows = [
        {
            "farm": farm.id,
            "kind": farm.kind,
            "probability": farm.probability,
            "devices": len(farm.devices),
            "accounts": len({account for device in farm.devices for account in held.get(device, ())}),
            "why": "\n".join(farm.notes),
            "shared": "\n".join(f"{s.value} ({s.devices})" for s in farm.shared),
            "targets": "\n".join(f"{target} ({count})" for target, count in farm.targets[:5]),
        }
        for farm in found
    ]
    if not rows and form is Format.TABLE:
        print("no devices of this case show to be run together")
        return
    show(rows, FARMS, form)


def devices(case: CaseOption = CASE, form: FormatOption = Format.TABLE) -> None:
    """List the devices of a case: what they are, how many accounts and SIMs they held, and what is odd about them."""
    from rackprint.daemon.queries import Answers

    with Answers(case) as answers:
        show(answers.devices(), DEVICES, form)


def accounts(
    beginning: Annotated[str, typer.Argument(help="Only accounts that start so, as photogram: does.")] = "",
    case: CaseOption = CASE,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the accounts of a case by the device they were on, with the weight of each link and why."""
    from rackprint.daemon.queries import Answers

    with Answers(case) as answers:
        # a screen has room for the reasons or for every column
        columns = {k: v for k, v in ACCOUNTS.items() if form is not Format.TABLE or k != "first_seen"}
        show(answers.accounts(beginning), columns, form)


def explain(
    a: Annotated[str, typer.Argument(help="An account, platform:handle.", show_default=False)],
    b: Annotated[str, typer.Argument(help="Another account.", show_default=False)] = "",
    case: CaseOption = CASE,
    form: FormatOption = Format.TABLE,
    chart: Annotated[
        Path | None, typer.Option("--chart", help="Also draw the bits as a waterfall, as SVG.", show_default=False)
    ] = None,
) -> None:
    """Say why an account is on its device, or what ties two accounts: signals, rarity, artifacts, places."""
    from rackprint.daemon.queries import Answers

    with Answers(case) as answers:
        found = answers.explain(a, b or None)
    if chart is not None:
        _draw(found, chart)
    if form is Format.JSON:
        import sys

        import msgspec

        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n")
        return
    rows: list[dict[str, Any]] = found.rows()
    if form is Format.TABLE:
        from rackprint.daemon.cells import printable

        for line in found.summary():
            print(printable(line))
    if rows or form is Format.CSV:
        show(rows, STEPS, form)
    if form is Format.TABLE:
        for line in found.remarks():
            print(printable(line))


def _draw(found: Explanation, path: Path) -> None:
    from rackprint.daemon.errors import RackprintError
    from rackprint.daemon.export.charts import Fall, alone, waterfall

    rows = [Fall(*row) for row in found.waterfall()]
    if not rows:
        raise RackprintError(f"{found.a} and {found.b}: no device in common, so there is no weight to draw")
    who = f"{found.a} and {found.b}" if found.b else found.a
    path.write_text(alone(waterfall(rows, f"Bits for {who} on {found.device}")), encoding="utf-8")
