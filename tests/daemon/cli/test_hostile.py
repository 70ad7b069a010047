"""Every hostile file: one line that names file, position and reason; what could be read is kept; exit 1."""

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rackprint.daemon.acquire.files import Found, find

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "fixtures"))
make = importlib.import_module("make_hostile").make

SCRIPT = Path(sys.executable).with_name("rackprint")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    found = make(tmp_path_factory.mktemp("hostile"))
    yield found
    found["unreadable"].chmod(0o755)


def run(*arguments):
    return subprocess.run([str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize(
    ("name", "where", "why", "kept"),
    [
        ("truncated.zip", "", "zip is cut off", "HOSTILE01"),
        ("bomb.zip", "bugreport-m1.txt, byte ", "a zip bomb", "HOSTILE01"),
        ("outside.zip", "../../outside.txt", "name leads out of the archive", "HOSTILE01"),
        ("link.zip", "bugreport-l.txt", "symbolic link", "HOSTILE01"),
        ("nuls.txt", "line 3", "NUL bytes", "HOSTILE01"),
        ("claim.pcap", "byte 94", "record claims 2147483648 bytes", "8C:F5:A3:31:0B:61"),
        ("half.ndjson", "line 2", "line is cut off", "whole"),
        ("latin1.txt", "line 3", "not UTF-8", "Telefónica"),
        ("utf16.txt", "line 1", "UTF-16", "HOSTILE01"),
        ("empty.txt", "", "is empty", ""),
        ("noise.bin", "", "no parser knows this format", ""),
    ],
)
def test_one_line_and_the_rest_is_kept(hostile, name, where, why, kept):
    done = run("signals", hostile[name])
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"rackprint: {hostile[name]}{f', {where}' if where else ''}")
    assert why in line
    assert "; " in line, "what to do about it is missing"
    assert kept in done.stdout


def test_a_whole_folder_of_them_costs_nothing_else(hostile, tmp_path):
    done = run("ingest", hostile["empty.txt"].parent, ROOT / "fixtures/rack/hub1-port01", "--case", tmp_path / "case")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert all(line.startswith("rackprint: ") for line in done.stderr.splitlines())
    rows = json.loads(run("devices", "--case", tmp_path / "case", "--format", "json").stdout)
    assert next(r for r in rows if r["exhibit"] == "RACK-A-01")["accounts"] == 9
    assert run("verify", "--case", tmp_path / "case").returncode == 0


def test_strict_takes_in_nothing(hostile, tmp_path):
    done = run("ingest", hostile["half.ndjson"], "--case", tmp_path / "case", "--strict")
    assert done.returncode == 1
    assert "nothing was taken in" in done.stderr
    assert not (tmp_path / "case").exists()
    done = run("link", hostile["half.ndjson"], "--out", tmp_path / "out", "--strict")
    assert done.returncode == 1
    assert not (tmp_path / "out").exists()


def test_names_that_are_markup_or_formulas_stay_text(hostile, tmp_path):
    case = tmp_path / "case"
    assert run("ingest", hostile["markup.ndjson"], hostile["formula.ndjson"], "--case", case).returncode == 0
    accounts = run("accounts", "--case", case, "--format", "csv").stdout.splitlines()[1:]
    assert sorted(line.split(",")[0] for line in accounts) == [
        "'=photogram:=cmd()",
        "photogram:<script>alert(1)</script>",
    ]
    report = run("report", "--case", case, "--out", "-").stdout
    assert "<script" not in report
    assert "&lt;script&gt;alert(1)" in report
    assert run("link", hostile["formula.ndjson"], "--out", tmp_path / "out").returncode == 0
    assert (tmp_path / "out/observations.csv").read_text().splitlines()[1].startswith("'=cmd(),")


def test_a_folder_that_may_not_be_read_is_said():
    with tempfile.TemporaryDirectory() as name:
        folder, closed = Path(name), Path(name) / "closed"
        folder.chmod(0o755)
        closed.mkdir()
        (closed / "getprop.txt").write_text("x")
        (folder / "a.txt").write_text("x")
        closed.chmod(0)
        was = os.geteuid()
        if was == 0:
            os.seteuid(65534)  # root may read anything
        try:
            found = list(find([folder]))
        finally:
            os.seteuid(was)
            closed.chmod(0o755)
    assert [f.path.name for f in found if isinstance(f, Found)] == ["a.txt"]
    (problem,) = [f for f in found if not isinstance(f, Found)]
    assert (problem.file, problem.reason) == (str(closed), "permission denied")
