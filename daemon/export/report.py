"""The report of a case: one HTML file that needs nothing else, for people and for print."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rackprint.daemon.atomic import whole
from rackprint.daemon.cells import cell, printable
from rackprint.daemon.export.charts import Bar, Slot, bars, rack_map
from rackprint.daemon.queries import IDENTITY, SIMS, Answers, DeviceSheet, SignalUse
from rackprint.fingerprint.identifiers import imsi


def write(case: Path, path: Path) -> None:
    """Writes the report of ``case`` to ``path``, whole or not at all."""
    text = render(case)
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def render(case: Path) -> str:
    """The report as HTML text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("rackprint.daemon.export", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"show": lambda value: printable(cell(value)), "size": _size}
    with Answers(case) as answers:
        return environment.get_template("report.html.j2").render(_context(answers))


def _context(answers: Answers) -> dict[str, Any]:
    sheets = answers.sheets()
    head, count = answers.custody_head()
    artifacts = answers.artifacts()
    linkage = answers.linkage()
    accounts = {link.account for sheet in sheets for link in sheet.links}
    sims = {u.signal.value for s in sheets for u in s.uses if u.name in {"iccid", "iccid_past"} and u.signal.valid}
    return {
        "case": answers.case.resolve().name,
        "made": datetime.now(UTC),
        "version": version("rackprint"),
        "simulated": sum("simulated" in sheet.device.flags for sheet in sheets),
        "head": head,
        "count": count,
        "tiles": [
            (len(sheets), "devices"),
            (len(accounts), "accounts"),
            (len(sims), "SIM cards"),
            (linkage.observations, "observations"),
            (len(artifacts), "artifacts"),
            (len(linkage.conflicts), "contested values"),
            (len(linkage.farms), "farms"),
        ],
        "rack": rack_map([_slot(s) for s in sheets if s.first("usb_path")]),
        "bars": bars([_bar(s) for s in sheets if s.links], "Accounts"),
        "sheets": [_sheet(s) for s in sheets],
        "conflicts": linkage.conflicts,
        "farms": linkage.farms,
        "transfers": linkage.transfers,
        "names": {s.device.id: _title(s) for s in sheets},
        "artifacts": artifacts,
        "problems": [str(problem) for problem in answers.problems()],
    }


def _title(sheet: DeviceSheet) -> str:
    return sheet.first("exhibit") or sheet.device.id


def _slot(sheet: DeviceSheet) -> Slot:
    # a key that phones share may be the lab's own, so that by itself it makes no phone of the rack stand out
    odd = tuple(flag for flag in sheet.device.flags if flag != "shared_adb_key")
    return Slot(sheet.first("usb_path"), _title(sheet), len(sheet.links), odd, sheet.device.id)


def _bar(sheet: DeviceSheet) -> Bar:
    platforms = Counter(link.account.partition(":")[0] for link in sheet.links)
    return Bar(_title(sheet), tuple(sorted(platforms.items())), sheet.device.id)


def _sheet(sheet: DeviceSheet) -> dict[str, Any]:
    return {
        "id": sheet.device.id,
        "title": _title(sheet),
        "model": sheet.model,
        "place": sheet.first("usb_path"),
        "device": sheet.device,
        "links": sheet.links,
        "sims": sheet.sims,
        "flags": list(zip(sheet.device.flags, sheet.device.notes, strict=True)),
        "identity": sheet.named(IDENTITY),
        "sim_rows": [(use, _sim_word(use), _operator(use)) for use in sheet.named(SIMS)],
    }


def _sim_word(use: SignalUse) -> str:
    return {"iccid": "in the phone", "imsi": "in the phone", "iccid_past": "earlier", "imsi_past": "earlier"}.get(
        use.name, ""
    )


def _operator(use: SignalUse) -> str:
    if use.name not in {"imsi", "imsi_past"} or not use.signal.valid:
        return ""
    found = imsi.operator(str(use.signal.value))
    return ", ".join(part for part in (found.get("operator", ""), found.get("country", "")) if part)


def _size(value: int) -> str:
    size = float(value)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
