"""Restoring: verified under its name, or nothing."""

import json
import subprocess
import sys
import time

import pytest

from rackprint.daemon import tokens
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.verify import verify_case
from rackprint.daemon.operations.backup import backup
from rackprint.daemon.operations.restore import restore
from rackprint.daemon.pipeline import ingest, store_head
from rackprint.daemon.queries import Answers

RUN = "import sys;from pathlib import Path;from rackprint.daemon.operations.restore import restore;"
RUN += "restore(Path(sys.argv[1]), Path(sys.argv[2]))"


@pytest.fixture
def target(case, tmp_path):
    tokens.make(case, "ops", ["admin"])
    backup(case, tmp_path / "b")
    return tmp_path / "b"


def test_what_is_restored_is_the_case_and_goes_on(case, target, tmp_path):
    back = tmp_path / "deep/down/again"
    done = restore(target, back)
    assert (done.faults, done.known) == ([], [])
    assert verify_case(back, store_head(back)[0], done.manifest.head) == []
    for path in (p for p in (case / "vault").rglob("*") if p.is_file()):
        copy = back / path.relative_to(case)
        assert (copy.read_bytes(), copy.stat().st_mode) == (path.read_bytes(), path.stat().st_mode)
    with Answers(case) as old, Answers(back) as new:
        assert old.sheets() == new.sheets()
    assert sorted(p.name for p in back.iterdir()) == ["audit.log", "case.db", "custody.log", "vault"]
    assert [p.name for p in back.parent.iterdir()] == ["again"]
    (tmp_path / "more.txt").write_text("[ro.serialno]: [SERIAL9]\n")
    assert ingest([tmp_path / "more.txt"], back, print).observations == 1


def test_tokens_come_only_when_asked_for(target, tmp_path):
    restore(target, tmp_path / "with", with_tokens=True)
    assert [t.name for t in tokens.listed(tmp_path / "with")] == ["ops"]
    assert (tmp_path / "with/tokens.json").stat().st_mode & 0o777 == 0o600


def test_an_empty_folder_is_taken_and_a_full_one_is_not(target, tmp_path):
    (tmp_path / "empty").mkdir()
    assert not restore(target, tmp_path / "empty").faults
    with pytest.raises(RackprintError, match="is not empty"):
        restore(target, tmp_path / "empty")
    (tmp_path / "x.partial").mkdir()
    with pytest.raises(RackprintError, match="is in the way"):
        restore(target, tmp_path / "x")
    assert (tmp_path / "x.partial").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(RackprintError, match="is no folder"):
        restore(target, tmp_path / "file")


def _byte(path):
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_changed_artifact_is_named_and_nothing_is_restored(target, tmp_path):
    path = next(p for p in sorted((target / "vault/sha256").rglob("*")) if p.is_file())
    _byte(path)
    (fault,) = restore(target, tmp_path / "again").faults
    assert path.name in fault.place
    assert not list(tmp_path.glob("again*"))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda t: (t / "backup.json").unlink(), "no whole backup"),
        (lambda t: (t / "backup.json").write_text("{"), "is no manifest"),
        (lambda t: (t / "case.db").unlink(), "is missing"),
        (lambda t: _byte(t / "case.db"), "is not the one that was backed up"),
        (lambda t: (t / "custody.log").unlink(), "no such file"),
        (lambda t: _byte(t / "custody.log"), "is no entry"),
    ],
)
def test_a_backup_that_was_harmed_is_one_line(target, tmp_path, harm, said):
    harm(target)
    try:
        done = restore(target, tmp_path / "again")
    except RackprintError as error:
        assert said in str(error)
    else:
        assert done.faults
        assert said == "is no entry"
    assert not list(tmp_path.glob("again*"))


def test_a_newer_backup_is_refused(target, tmp_path):
    made = json.loads((target / "backup.json").read_bytes())
    (target / "backup.json").write_text(json.dumps({**made, "form": 2}))
    with pytest.raises(RackprintError, match="which is newer"):
        restore(target, tmp_path / "again")


@pytest.mark.parametrize("wait", [0.0, 0.02, 0.1])
def test_a_restore_that_was_killed_left_no_case_and_is_done_again(target, tmp_path, wait):
    process = subprocess.Popen([sys.executable, "-c", RUN, str(target), str(tmp_path / "again")])
    while not (tmp_path / "again.partial/.restore").exists() and process.poll() is None:
        time.sleep(0.001)
    time.sleep(wait)
    process.kill()
    process.wait()
    if not (tmp_path / "again").exists():
        assert not restore(target, tmp_path / "again").faults
    assert verify_case(tmp_path / "again", store_head(tmp_path / "again")[0]) == []
