"""A case of which bytes are gone that were on the disk already: it opens at a moment that was, and verify names what is
missing; nothing is mended in silence."""

import hashlib
import random
import shutil
from pathlib import Path

import pytest
from crashing import Killed, Load, notes

from rackprint.daemon.evidence.verify import verify_case
from rackprint.daemon.pipeline import artifacts_read, store_head

TIMES = 200
LARGE = 300  # lines of a file of its own in the vault; what is small is in a pack


class Dice(random.Random):
    """Bodies of few lines, each of which is one commit."""

    def choice(self, seq):
        return random.Random.choice(self, [1, 5, 20])


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cut") / "case"
    quiet = {"RACKPRINT_LINK__EVERY_SECONDS": "3600", "RACKPRINT_LINK__IDLE_SECONDS": "3600"}
    daemon = Killed(folder, **quiet, RACKPRINT_LIMITS__SMALL_KB="16")
    daemon.start()
    load, dice = Load(daemon, 11), Dice(11)
    for _ in range(60):
        load.deliver(load.body(dice))
    file = "".join(
        f'{{"id":"large-{n}","time":"2026-03-01T08:00:00Z","source":"platform:p","account":"p:9","signals":{{"note":"large-{n}"}}}}\n'
        for n in range(LARGE)
    ).encode()
    assert daemon.ask("POST", "/v1/observations", file)[0] == 200
    load.sent[file] = [f"large-{n}" for n in range(LARGE)]
    load.acknowledged.add(file)
    daemon.kill()  # so that the write-ahead log stays
    assert len(load.acknowledged) == 61
    return folder, load


def digests(case: Path) -> dict[str, str]:
    found = [case / "custody.log", *(p for p in (case / "vault").rglob("*") if p.is_file())]
    return {str(p.relative_to(case)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def faults(case: Path) -> list[str]:
    head, problem = store_head(case)
    read = None if problem else artifacts_read(case)
    return [f"{f.place}: {f.reason}" for f in verify_case(case, head, read=read)] + ([problem] if problem else [])


def test_cut_200_times_it_opens_at_a_moment_that_was_and_what_is_missing_is_named(case, tmp_path):
    source, load = case
    dice = random.Random(13)
    small = {body: ids for body, ids in load.sent.items() if len(ids) < LARGE}
    lost_something = {"case.db-wal": 0, "custody.log": 0, "pack": 0, "vault": 0}
    for n in range(TIMES):
        copy = tmp_path / f"{n}"
        shutil.copytree(source, copy)
        kind = dice.choice(list(lost_something))
        path = {
            "case.db-wal": copy / "case.db-wal",
            "custody.log": copy / "custody.log",
            "pack": next((copy / "vault" / "packs").iterdir()),
            "vault": next(p for p in (copy / "vault" / "sha256").rglob("*") if p.is_file()),
        }[kind]
        size = path.stat().st_size
        gone = min(size, dice.choice([1, 17, 512, 4096, dice.randrange(1, size + 1)]))
        path.chmod(0o644)
        with path.open("r+b") as file:
            file.truncate(size - gone)
        before = digests(copy)
        there, told = set(notes(copy)), faults(copy)
        for body, ids in small.items():
            held = there.intersection(ids)
            assert held in (set(), set(ids)), "half a commit is there"
            if not held:
                sha256 = hashlib.sha256(body).hexdigest()
                assert any(sha256 in line or "database knows" in line for line in told), f"{n}: {kind} -{gone}: {told}"
        if kind != "case.db-wal":
            assert told, f"{n}: {kind} -{gone} bytes, and verify found nothing"
            assert len(there) == sum(map(len, load.sent.values()))
            place = {"custody.log": "custody.log", "pack": ".pack", "vault": path.name}[kind]
            assert any(place in line for line in told)
        lost_something[kind] += bool(told)
        assert digests(copy) == before, "something was mended in silence"
        shutil.rmtree(copy)
    assert all(lost_something.values()), lost_something


def test_after_a_cut_log_of_the_database_the_daemon_reads_again_what_is_kept(case, tmp_path):
    source, load = case
    copy = tmp_path / "case"
    shutil.copytree(source, copy)
    with (copy / "case.db-wal").open("r+b") as file:
        file.truncate((copy / "case.db-wal").stat().st_size // 2)
    assert len(notes(copy)) < sum(map(len, load.sent.values()))
    assert faults(copy)
    daemon = Killed(copy, token=load.daemon.token)
    daemon.start()
    deadline = 200
    while daemon.ask("GET", "/v1/status")[1]["counts"]["observations"] < sum(map(len, load.sent.values())) and deadline:
        deadline -= 1
    daemon.stop()
    assert set(notes(copy)) == {note for ids in load.sent.values() for note in ids}
    assert faults(copy) == []
