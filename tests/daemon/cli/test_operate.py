"""``backup``, ``restore`` and ``doctor`` as an operator runs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(sys.executable).with_name("rackprint")


def run(*arguments, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def case(tmp_path):
    (tmp_path / "getprop.txt").write_text("[ro.serialno]: [SERIAL1]\n[ro.product.model]: [M1]\n")
    run("ingest", tmp_path / "getprop.txt", "--case", tmp_path / "case")
    return tmp_path / "case"


def test_there_and_back(case, tmp_path):
    (line,) = run("backup", tmp_path / "b", "--case", case).stdout.splitlines()
    assert "1 artifact; 1 file of the vault new or longer" in line
    head = line.rpartition(" ")[2]
    run("verify", "--case", tmp_path / "b", "--head", head)
    assert "0 files of the vault new" in run("backup", tmp_path / "b", "--case", case).stdout
    (line,) = run("restore", tmp_path / "b", "--case", tmp_path / "again").stdout.splitlines()
    assert "restored and verified: 1 artifact" in line
    run("verify", "--case", tmp_path / "again", "--head", head)
    assert run("accounts", "--case", case).stdout == run("accounts", "--case", tmp_path / "again").stdout


def test_a_changed_backup_is_not_restored(case, tmp_path):
    run("backup", tmp_path / "b", "--case", case)
    path = next(p for p in (tmp_path / "b/vault").rglob("*") if p.is_file())
    path.chmod(0o644)
    path.write_bytes(b"x" * path.stat().st_size)
    said = run("restore", tmp_path / "b", "--case", tmp_path / "again", code=1).stderr
    assert path.name in said
    assert "nothing was restored" in said
    assert not (tmp_path / "again").exists()


def test_what_was_damaged_already_is_said(case, tmp_path):
    path = next(p for p in (case / "vault").rglob("*") if p.is_file())
    path.unlink()
    assert "is missing" in run("backup", tmp_path / "b", "--case", case, code=1).stderr
    said = run("restore", tmp_path / "b", "--case", tmp_path / "again", code=1)
    assert "was so in the case when it was backed up" in said.stderr
    assert "restored" in said.stdout
    assert (tmp_path / "again/case.db").exists()


def test_a_case_in_postgresql_says_what_is_missing(case, tmp_path):
    (case / "case.json").write_text('{"store": "postgresql+psycopg://u@/none"}')
    assert "pg_dump it before" in run("backup", tmp_path / "b", "--case", case).stdout
    assert "pg_restore it" in run("restore", tmp_path / "b", "--case", tmp_path / "again").stdout


def test_the_doctors_rows_and_exit_code(case):
    rows = json.loads(run("doctor", "--case", case, "--format", "json").stdout)
    assert {row["what"] for row in rows} >= {"adb", "usb", "disk", "clock", "database", "custody", "tokens"}
    assert {row["state"] for row in rows} <= {"ok", "warn", "not here"}
    assert "custody" in run("doctor", "--case", case).stdout
    (case / "custody.log").write_bytes(b"")
    rows = json.loads(run("doctor", "--case", case, "--format", "json", code=1).stdout)
    (custody,) = (row for row in rows if row["what"] == "custody")
    assert (custody["state"], "cut or rewritten" in custody["remedy"]) == ("fail", True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["backup"], 2, "Missing argument"),
        (["backup", "b", "--case", "nowhere"], 1, "is no case with evidence in it"),
        (["restore", "nowhere", "--case", "nowhere2"], 1, "has no backup.json"),
        (["doctor", "--format", "csv"], 2, "Invalid value"),
    ],
)
def test_mistakes_are_one_clear_line(arguments, code, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in run(*arguments, code=code).stderr
    assert not list(tmp_path.iterdir())
