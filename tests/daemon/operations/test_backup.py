"""Backups: whole while somebody writes, incremental, of one case only, and never less than they were."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.verify import verify_case
from rackprint.daemon.operations.backup import backup
from rackprint.daemon.operations.restore import restore
from rackprint.daemon.pipeline import store_head
from rackprint.daemon.store.repository import Store

from .conftest import add_packed

RUN = "import sys;from pathlib import Path;from rackprint.daemon.operations.backup import backup;"
RUN += "backup(Path(sys.argv[1]), Path(sys.argv[2]))"


def faults(case):
    head, problem = store_head(case)
    assert not problem
    return verify_case(case, head)


def files(folder):
    return {p: p.stat().st_mtime_ns for p in sorted((folder / "vault").rglob("*")) if p.is_file()}


def test_a_backup_is_a_case_that_verifies(case, tmp_path):
    done = backup(case, tmp_path / "b")
    assert not done.faults
    assert faults(tmp_path / "b") == []
    made = json.loads((tmp_path / "b/backup.json").read_bytes())
    head = CustodyLog(case / "custody.log").head()
    assert (made["head"], made["entries"], made["artifacts"]) == (head.hash, head.count, 52)
    assert all(p.stat().st_mode & 0o777 == 0o444 for p in files(tmp_path / "b"))
    assert not list(tmp_path.rglob("*.new"))


def test_backups_while_another_process_keeps_adding(case, tmp_path, adding):
    counts = []
    for _ in range(4):
        done = backup(case, tmp_path / "b")
        assert not done.faults
        assert faults(tmp_path / "b") == []
        with Store.open(tmp_path / "b") as store:
            counts.append((store.counts()["observations"], done.manifest.entries))
            assert store.custody_head()[1] <= done.manifest.entries
    assert counts == sorted(set(counts)), "nothing was added between them"
    assert not restore(tmp_path / "b", tmp_path / "again").faults


def test_a_second_backup_copies_only_what_is_new(case, tmp_path):
    target = tmp_path / "b"
    backup(case, target)
    before = files(target)
    again = backup(case, target)
    assert (again.files, files(target)) == (0, before)
    add_packed(case, [b"one more"])
    more = backup(case, target)
    new = files(target)
    assert more.files == 1
    assert {p.name for p in new.keys() - before.keys()} == {"00000002.pack"}
    assert all(new[p] == before[p] for p in before)
    assert faults(target) == []


def test_the_tail_of_a_pack_is_added_and_what_was_torn_is_copied_anew(case, tmp_path):
    target = tmp_path / "b"
    backup(case, target)
    pack = case / "vault/packs/00000001.pack"
    from rackprint.daemon.evidence import packs
    from rackprint.daemon.evidence.vault import Vault

    packer = packs.Packer(Vault(case))
    log = CustodyLog(case / "custody.log")
    log.append_many([("artifact", {**p._asdict(), "name": "a"}) for p in packer.add([b"a" * 1000, b"b" * 1000])])
    backup(case, target)
    log.append_many([("artifact", {**p._asdict(), "name": "a"}) for p in packer.add([b"c" * 1000, b"d" * 1000])])
    copied = target / "vault/packs/00000002.pack"
    copied.chmod(0o644)
    with copied.open("ab") as file:  # as after a loss of power: the length is right and the bytes are not
        file.write(bytes(2000))
    assert backup(case, target).bytes >= 2000
    assert copied.read_bytes() == (case / "vault/packs/00000002.pack").read_bytes()
    assert (target / "vault/packs/00000001.pack").read_bytes() == pack.read_bytes()
    assert faults(target) == []


def test_links_share_the_artifacts_and_not_the_packs(case, tmp_path):
    backup(case, tmp_path / "b", link=True)
    backup(case, tmp_path / "b", link=True)
    for path in files(tmp_path / "b"):
        same = path.samefile(case / path.relative_to(tmp_path / "b"))
        assert same == (path.suffix != ".pack")
    assert faults(tmp_path / "b") == []


@pytest.mark.parametrize("wait", [0.0, 0.01, 0.03, 0.06, 0.1])
def test_a_backup_that_was_killed_is_none_and_is_taken_up_again(case, tmp_path, wait):
    add_packed(case, [os.urandom(2 << 20) for _ in range(10)])
    target = tmp_path / "b"
    process = subprocess.Popen([sys.executable, "-c", RUN, str(case), str(target)])
    while not (target / ".backup.lock").exists() and process.poll() is None:
        time.sleep(0.001)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if not (target / "backup.json").exists():
        with pytest.raises(RackprintError, match=r"no backup\.json"):
            restore(target, tmp_path / "again")
    backup(case, target)
    assert faults(target) == []
    assert not restore(target, tmp_path / "again").faults


@pytest.mark.parametrize("at", ["prepare", "finish"])
def test_an_earlier_backup_outlives_the_end_of_a_later_one(case, tmp_path, monkeypatch, at):
    from rackprint.daemon.operations import manifest

    target = tmp_path / "b"
    first = backup(case, target).manifest
    add_packed(case, [b"later"])

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(manifest, at, killed)
    with pytest.raises(KeyboardInterrupt):
        backup(case, target)
    monkeypatch.undo()
    done = restore(target, tmp_path / "again")
    assert not done.faults
    assert (done.manifest.entries > first.entries) == (at == "finish")
    assert faults(tmp_path / "again") == []


def test_a_target_that_is_not_for_this_case_is_left_alone(case, make_case, tmp_path):
    other = make_case("other", "SERIAL2")
    backup(other, tmp_path / "b")
    before = {p: p.read_bytes() for p in (tmp_path / "b").rglob("*") if p.is_file()}
    with pytest.raises(RackprintError, match="backup of another case"):
        backup(case, tmp_path / "b")
    assert {p: p.read_bytes() for p in (tmp_path / "b").rglob("*") if p.is_file()} == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").touch()
    with pytest.raises(RackprintError, match="is not empty and no backup"):
        backup(case, tmp_path / "mine")
    with pytest.raises(RackprintError, match="is in the case"):
        backup(case, case / "backup")
    with pytest.raises(RackprintError, match="is no case with evidence"):
        backup(tmp_path / "nowhere", tmp_path / "c")
    (tmp_path / "file").touch()
    with pytest.raises(RackprintError, match="file exists"):
        backup(case, tmp_path / "file")


def test_a_log_that_was_rewritten_does_not_replace_the_good_one(case, tmp_path):
    target = tmp_path / "b"
    backup(case, target)
    log = case / "custody.log"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(RackprintError, match="is not the beginning of"):
        backup(case, target)
    assert not restore(target, tmp_path / "again").faults


def test_what_was_damaged_in_the_case_is_said_and_the_rest_is_kept(case, tmp_path):
    photo = next(p for p in files(case) if p.stat().st_size > 100_000)
    good = photo.read_bytes()
    photo.chmod(0o644)
    photo.write_bytes(b"x" * len(good))
    gone = next(p for p in files(case) if p.stat().st_size < 100)
    gone.rename(tmp_path / "gone")
    target = tmp_path / "b"
    done = backup(case, target)
    assert sorted(f.reason.partition(",")[0] for f in done.faults) == ["is missing", "was changed"]
    back = restore(target, tmp_path / "again")
    assert (back.faults, len(back.known)) == ([], 2)
    photo.write_bytes(good)
    (tmp_path / "gone").rename(gone)
    assert not backup(case, target).faults
    assert faults(target) == []


def test_a_changed_pack_is_said(case, tmp_path):
    pack = case / "vault/packs/00000001.pack"
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    for _ in range(2):
        (fault,) = backup(case, tmp_path / "b").faults
        assert fault.place == str(pack)
    assert (tmp_path / "b/vault/packs/00000001.pack").read_bytes() == data


def test_a_full_disk_is_one_line_and_no_backup(case, tmp_path):
    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    target = tmp_path / "b"
    command = [shutil.which("rackprint", path=os.path.dirname(sys.executable)), "backup", str(target), "--case"]  # noqa: PTH120
    done = subprocess.run([*command, str(case)], capture_output=True, text=True, preexec_fn=small, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "run it again" in done.stderr
    assert not (target / "backup.json").exists()
    backup(case, target)
    assert faults(target) == []


def test_evidence_that_does_not_fit_is_one_line(case, tmp_path, monkeypatch):
    real = os.fsync
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > 3:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RackprintError, match=r"no space left on device; .* run it again"):
        backup(case, tmp_path / "b")
    monkeypatch.undo()
    backup(case, tmp_path / "b")
    assert faults(tmp_path / "b") == []


def test_two_backups_do_not_write_to_one_place(case, tmp_path):
    import fcntl

    backup(case, tmp_path / "b")
    with (tmp_path / "b/.backup.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RackprintError, match="another backup is writing"):
            backup(case, tmp_path / "b")


def test_a_case_in_postgresql_gives_its_files(case, tmp_path):
    (case / "case.json").write_text('{"store": "postgresql+psycopg://u@/none"}')
    done = backup(case, tmp_path / "b")
    assert done.manifest.database is None
    assert not (tmp_path / "b/case.db").exists()
    assert not restore(tmp_path / "b", tmp_path / "again").faults
    assert verify_case(tmp_path / "again", None, done.manifest.head) == []
