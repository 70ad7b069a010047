"""The commands as a user runs them: the chain over the fixture rack, and what each command answers."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyarrow import parquet

ROOT = Path(__file__).resolve().parents[3]
RACK, TRUTH = ROOT / "fixtures/rack", ROOT / "fixtures/truth.csv"
SCRIPT = Path(sys.executable).with_name("rackprint")


def run(*arguments, code: int = 0, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=100, check=False
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases") / "rack"
    run("ingest", RACK, "--case", folder)
    return folder


def test_demo_ends_with_the_accounts_and_a_report(tmp_path):
    out = run("demo", "--fixtures", ROOT / "fixtures", "--out", tmp_path / "demo").stdout
    assert "RACK-A-01" in out
    assert "photogram: levi.home1376" in out
    assert (tmp_path / "demo/report.html").stat().st_size > 50_000
    run("demo", "--fixtures", ROOT / "fixtures", "--out", tmp_path / "demo")  # again, over its own
    (tmp_path / "mine").mkdir()
    assert "is no demo case" in run("demo", "--fixtures", ROOT / "fixtures", "--out", tmp_path / "mine", code=1).stderr
    assert "fixture rack is not here" in run("demo", "--fixtures", tmp_path, code=1, cwd=tmp_path).stderr


def test_link_and_evaluate_find_every_phone_of_the_rack_and_no_other(tmp_path):
    run("link", RACK, "--out", tmp_path)
    scores = json.loads(
        run("evaluate", "--truth", TRUTH, "--observations", tmp_path / "observations.csv", "--format", "json").stdout
    )
    found = {row["measure"]: row["value"] for row in scores}
    assert all(b["right"] == 1 and b["said"] > 0.99 for b in found["reliability"])
    assert {c["rate"] for c in found["collisions by model"]} == {0.0}
    assert found["pairwise precision"] == found["B-cubed precision"] == "1.0000"
    assert float(found["pairwise recall"]) >= 0.95
    assert found["largest false merge"] == "none"
    devices = list(csv.DictReader((tmp_path / "devices.csv").open()))
    assert sum("cloned_imei" in d["flags"] for d in devices) == 4
    assert sum("factory_reset" in d["flags"] for d in devices) == 3
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["observations"], summary["farms"]) == (854, {"SIM-pool rotation": 1})
    farms = list(csv.DictReader((tmp_path / "farms.csv").open()))
    family = {d["device"] for d in devices if d["accounts"] == "2"}
    assert (len(farms), {f["kind"] for f in farms}) == (16, {"SIM-pool rotation"})
    assert not family & {f["device"] for f in farms}


def test_the_familys_phone_stays_by_itself(case):
    rows = json.loads(run("accounts", "--case", case, "--format", "json").stdout)
    device = {row["account"]: row["device"] for row in rows}
    family = {a for a, d in device.items() if d == device["photogram:rui.pesca"]}
    assert family == {"photogram:rui.pesca", "clipclap:ines_danca12"}
    sheet = next(
        r for r in json.loads(run("devices", "--case", case, "--format", "json").stdout) if r["exhibit"] == "FAMILY-01"
    )
    assert (sheet["accounts"], sheet["flags"]) == (2, [])


def test_parquet_tables_say_what_the_csv_says(tmp_path):
    run("link", RACK / "platforms", "--out", tmp_path, "--format", "parquet")
    run("link", RACK / "platforms", "--out", tmp_path)
    for name in ("observations", "accounts", "devices"):
        rows = parquet.read_table(tmp_path / f"{name}.parquet").to_pylist()
        assert [str(next(iter(r.values()))) for r in rows] == [
            next(iter(r.values())) for r in csv.DictReader((tmp_path / f"{name}.csv").open())
        ]


def test_what_signals_prints_links_as_the_files_do(tmp_path):
    printed = run("signals", RACK).stdout
    (tmp_path / "all.ndjson").write_text(printed)
    run("link", tmp_path / "all.ndjson", "--out", tmp_path / "a")
    run("link", RACK, "--out", tmp_path / "b")
    for name in ("observations", "accounts", "devices"):
        assert (tmp_path / f"a/{name}.csv").read_bytes() == (tmp_path / f"b/{name}.csv").read_bytes()


def test_signals_can_tell_where_each_value_stands():
    line = json.loads(run("signals", RACK / "hub1-port01/getprop.txt", "--positions").stdout)
    assert line["positions"]["serial"][0].startswith("line ")
    assert line["exhibit"] == "RACK-A-01"


def test_explain_names_signals_and_places(case):
    text = run("explain", "photogram:levi.home1376", "chirper:toni_beats5404", "--case", case).stdout
    assert "share device" in text
    assert "both are listed in acquisition:bugreport_zip" in text
    assert "android_id" in text or "drm_id" in text
    assert "line " in text
    found = json.loads(
        run("explain", "photogram:levi.home1376", "photogram:rui.pesca", "--case", case, "--format", "json").stdout
    )
    assert (found["device"], found["steps"]) == ("", [])
    assert "no such account" in run("explain", "photogram:nobody", "--case", case, code=1).stderr


def test_ingest_again_changes_nothing(case, tmp_path):
    before = (case / "custody.log").read_bytes().count(b'"kind":"artifact"')
    text = run("ingest", RACK, "--case", case).stdout
    assert "0 files taken in, 123 known already" in text
    assert (case / "custody.log").read_bytes().count(b'"kind":"artifact"') == before
    run("verify", "--case", case)


def test_verify_tells_a_changed_byte_and_a_cut_tail(case, tmp_path):
    copy = tmp_path / "case"
    shutil.copytree(case, copy)
    head = run("verify", "--case", copy).stdout.split()[-1]
    run("verify", "--case", copy, "--head", head)
    assert "tail is cut" in run("verify", "--case", copy, "--head", "0" * 64, code=1).stderr
    path = next(p for p in sorted((copy / "vault").rglob("*")) if p.is_file() and p.stat().st_size)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert str(path) in run("verify", "--case", copy, code=1).stderr


def test_a_report_is_written_where_it_is_wanted(case, tmp_path):
    run("report", "--case", case, "--out", tmp_path / "r.html")
    assert run("report", "--case", case, "--out", "-").stdout.startswith("<!doctype html>")
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")


def test_events_of_the_racks_capture():
    events = [json.loads(line) for line in run("events", RACK / "capture/rack-ap.pcap").stdout.splitlines()]
    assert {"tls_client_hello", "dhcp", "dns", "tcp_syn"} <= {e["kind"] for e in events}
    folder = run("events", RACK)  # what is no capture there is passed over, and said where it is named
    assert len(folder.stdout.splitlines()) == len(events)
    assert "not a pcap" in run("events", TRUTH, code=1).stderr


def test_the_version_is_that_of_the_package():
    assert run("--version").stdout.startswith("rackprint 0.")


def test_an_ingest_that_is_killed_is_taken_up_again(tmp_path):
    process = subprocess.Popen(
        [str(SCRIPT), "ingest", str(RACK), "--case", str(tmp_path / "case")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    log = tmp_path / "case/custody.log"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not log.exists() or log.read_bytes().count(b"\n") < 40):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert log.read_bytes().count(b"\n") < 229, "it was done before it could be killed"
    run("ingest", RACK, "--case", tmp_path / "case")
    run("verify", "--case", tmp_path / "case")
    rows = json.loads(run("devices", "--case", tmp_path / "case", "--format", "json").stdout)
    assert (len(rows), sum(r["observations"] for r in rows)) == (20, 854)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["accounts", "--case", "nowhere"], 1, "is no case; make one with rackprint ingest"),
        (["verify", "--case", "nowhere"], 1, "custody log is missing"),
        (["signals", "nowhere"], 1, "nowhere: no such file or directory"),
        (["signals"], 2, "Missing argument"),
        (["link", "x"], 2, "Missing option"),
        (["evaluate", "--truth", "nowhere", "--observations", "nowhere"], 1, "no such file"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_mistakes_are_one_clear_line(arguments, code, said, tmp_path):
    done = run(*arguments, code=code, cwd=tmp_path)
    assert said in done.stderr
    if code == 1:
        assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "line 1: the columns id and device are missing"),
        ("id,device\no1,d1,x\n", "line 2: not two columns"),
        ("id,device\no1,d1\no1,d2\n", "line 3: o1 has two devices"),
        ("id,device\no1,\xff\n", "no CSV that can be read"),
    ],
)
def test_a_truth_that_is_none_is_said(tmp_path, text, said):
    (tmp_path / "t.csv").write_bytes(text.encode("latin-1"))
    assert said in run("evaluate", "--truth", tmp_path / "t.csv", "--observations", TRUTH, code=1).stderr


HELP = """
import sys
sys.argv = ["rackprint", "--help"]
from rackprint.daemon.cli import main
try:
    main()
except SystemExit:
    print({"sqlalchemy", "pyarrow", "scapy", "alembic", "jinja2", "stdnum"} & set(sys.modules))
"""


def test_help_loads_nothing_heavy():
    shown = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "set()"


def test_farms_are_told_with_why_and_whom_they_served(case):
    (farm,) = json.loads(run("farms", "--case", case, "--format", "json").stdout)
    assert (farm["kind"], len(farm["devices"])) == ("SIM-pool rotation", 16)
    assert any("USB hub" in note for note in farm["notes"])
    assert {shared["kind"] for shared in farm["shared"]} >= {"place", "hub", "controller"}
    assert farm["targets"][0][1] > 10
    table = run("farms", "--case", case).stdout
    assert "SIM-pool rotation" in table
    assert "complicit" not in table
    assert run("farms", "--case", case, "--format", "csv").stdout.startswith("farm,kind,probability,devices,accounts,")


def test_explain_draws_a_waterfall(case, tmp_path):
    chart = tmp_path / "fall.svg"
    run("explain", "photogram:rui.pesca", "clipclap:ines_danca12", "--case", case, "--chart", chart)
    assert "before any evidence" in chart.read_text()
    apart = run("explain", "photogram:rui.pesca", "chirper:toni_bakes800", "--case", case, "--chart", chart, code=1)
    assert "no device in common" in apart.stderr
