"""``rackprint token`` as an operator and their scripts run it."""

import csv
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rackprint.daemon.tokens import Keys

SCRIPT = Path(sys.executable).with_name("rackprint")


def run(*arguments, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(SCRIPT), "token", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_the_secret_alone_is_on_stdout_and_works(tmp_path):
    done = run("make", "ci", "--scope", "read", "--scope", "ingest", "--days", 30, "--case", tmp_path)
    (secret,) = done.stdout.splitlines()
    assert secret not in done.stderr
    assert "token ci: ingest, read; until 2" in done.stderr
    token = Keys(tmp_path).find(secret)
    assert token.scopes == ("ingest", "read")
    assert abs(token.expires - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=5)


def test_list_shows_all_and_revoke_ends_one(tmp_path):
    for name in ("one", "two"):
        run("make", name, "--scope", "admin", "--case", tmp_path)
    assert run("revoke", "one", "--case", tmp_path).stdout == "token one: revoked\n"
    rows = json.loads(run("list", "--case", tmp_path, "--format", "json").stdout)
    assert [(row["name"], row["state"], row["scopes"]) for row in rows] == [
        ("one", "revoked", ["admin"]),
        ("two", "live", ["admin"]),
    ]
    assert rows[0]["revoked"].endswith("Z")
    (first, _) = csv.DictReader(io.StringIO(run("list", "--case", tmp_path, "--format", "csv").stdout))
    assert first["state"] == "revoked"
    assert "two" in run("list", "--case", tmp_path).stdout


def test_errors_are_one_line_and_nothing_is_on_stdout(tmp_path):
    run("make", "ci", "--scope", "read", "--case", tmp_path)
    for arguments, why in (
        (("make", "ci", "--scope", "read", "--case", tmp_path), "is there already"),
        (("make", "a b", "--scope", "read", "--case", tmp_path), "is no name"),
        (("revoke", "cii", "--case", tmp_path), "did you mean ci?"),
        (("list", "--case", tmp_path / "none"), "no such case"),
    ):
        done = run(*arguments, code=1)
        (line,) = done.stderr.splitlines()
        assert line.startswith("rackprint: ")
        assert why in line
        assert done.stdout == ""
    assert not (tmp_path / "none").exists()


def test_wrong_usage_is_exit_2(tmp_path):
    for arguments in (("make", "x"), ("make", "x", "--scope", "all"), ("make", "x", "--scope", "read", "--days", "0")):
        assert run(*arguments, "--case", tmp_path / "case", code=2).stdout == ""
    assert not (tmp_path / "case").exists()
