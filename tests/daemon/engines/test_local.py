"""The tables of a batch: fixed columns, fixed order, no formulas, whole files."""

import csv
import json

import pytest
from linking import drm, imei, seen

from rackprint.daemon.engines.local import COLUMNS, batch_of, write
from rackprint.fingerprint.link.records import records

PHOTO = "platform:photogram"


def rack():
    return [
        seen("b", PHOTO, 2, "photogram:u", drm_id=drm(1)),
        seen("a", PHOTO, 1, "photogram:v", drm_id=drm(1)),
        seen("=cmd()", exhibit="E1", imei=imei(1), accounts="@evil"),
        seen("-2", exhibit="E2", imei=imei(1)),
    ]


def read(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def test_csv_tables_have_the_columns_of_the_contract_in_a_fixed_order(tmp_path):
    write(batch_of(rack()), tmp_path / "one")
    write(batch_of(rack()[::-1]), tmp_path / "two")
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert names == sorted([*(f"{name}.csv" for name in COLUMNS), "summary.json"])
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    for name, columns in COLUMNS.items():
        assert read(tmp_path / "one" / f"{name}.csv")[0] == list(columns)
    accounts = {r[0]: r for r in read(tmp_path / "one" / "accounts.csv")}
    assert accounts["photogram:u"][4:] == ["2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z", "1"]
    assert 0 < float(accounts["photogram:u"][2]) < 1
    devices = read(tmp_path / "one" / "devices.csv")
    assert [r[-1] for r in devices[1:]].count("cloned_imei") == 2
    assert read(tmp_path / "one" / "farms.csv") == [list(COLUMNS["farms"])]


def test_no_cell_is_a_formula_and_numbers_stay_numbers(tmp_path):
    write(batch_of(rack()), tmp_path)
    assert [r[0] for r in read(tmp_path / "observations.csv")[1:]] == ["-2", "'=cmd()", "a", "b"]
    assert "'@evil" in {r[0] for r in read(tmp_path / "accounts.csv")}


def test_the_summary_counts(tmp_path):
    write(batch_of(rack()), tmp_path)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["farms"], summary["unknown_signals"], summary["transfers"]) == ({}, {}, 0)
    assert (summary["observations"], summary["devices"], summary["accounts"]) == (4, 3, 3)
    assert summary["contested_values"] == 1
    assert summary["flags"] == {"cloned_imei": 2}


def test_parquet_holds_the_same_rows_with_types(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    linkage = records(batch_of(rack()))
    write(batch_of(rack()), tmp_path, "parquet")
    accounts = parquet.read_table(tmp_path / "accounts.parquet")
    assert tuple(accounts.column_names) == COLUMNS["accounts"]
    assert accounts.column("account").to_pylist() == [x.account for x in linkage.links]
    assert accounts.column("first_seen").to_pylist()[0] == linkage.links[0].first_seen
    assert parquet.read_table(tmp_path / "farms.parquet").num_rows == 0


def test_writing_again_replaces_and_leaves_nothing_half(tmp_path):
    write(batch_of(rack()), tmp_path)
    write(batch_of([]), tmp_path)
    assert read(tmp_path / "observations.csv") == [["id", "device"]]
    assert len(list(tmp_path.iterdir())) == len(COLUMNS) + 1
