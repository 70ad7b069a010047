"""Label files: CSV with the columns id and device, as a truth or as ``link`` writes it."""

from __future__ import annotations

import csv
from pathlib import Path

from rackprint.daemon.errors import RackprintError


def read_evidence(path: Path) -> tuple[dict[str, float], dict[str, str]]:
    """(id -> probability, id -> model) of an evidence.csv as ``link`` writes it. Raises RackprintError where it is
    none."""
    probability: dict[str, float] = {}
    model: dict[str, str] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream, strict=True)
            if not {"id", "probability", "model"} <= set(rows.fieldnames or ()):
                raise RackprintError(f"{path}, line 1: no evidence table; give the evidence.csv that link wrote")
            for row in rows:
                name = row["id"].removeprefix("'")
                probability[name], model[name] = float(row["probability"]), row["model"]
    except (csv.Error, UnicodeDecodeError, ValueError, TypeError) as error:
        raise RackprintError(f"{path}: cannot be read ({error}); link writes it anew") from error
    return probability, model


def read_labels(path: Path) -> dict[str, str]:
    """id -> device, an empty device for unknown. Raises RackprintError with the place of what does not fit."""
    labels: dict[str, str] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream, strict=True)
            if not {"id", "device"} <= set(rows.fieldnames or ()):
                raise RackprintError(f"{path}, line 1: the columns id and device are missing; write id,device first")
            for row in rows:
                if None in row or row["device"] is None:
                    raise RackprintError(f"{path}, line {rows.line_num}: not two columns; write id,device")
                name = row["id"].removeprefix("'")  # the mark that keeps spreadsheets from taking text for a formula
                if labels.setdefault(name, row["device"]) != row["device"]:
                    raise RackprintError(f"{path}, line {rows.line_num}: {name} has two devices; leave one")
    except (csv.Error, UnicodeDecodeError) as error:
        raise RackprintError(f"{path}: no CSV that can be read ({error}); write it as UTF-8 with id,device") from error
    return labels
