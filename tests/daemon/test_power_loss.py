"""What was acknowledged is there after a power loss at any moment, and what fails on the disk is never acknowledged."""

import errno
import random
import shutil
import time

import pytest
from crashing import Killed, Load, check, notes
from failing_disk import Disk, build, environment, mark, records
from waiting import until

from rackprint.daemon.evidence.verify import verify_case
from rackprint.daemon.pipeline import artifacts_read, store_head

UNREAD = (
    "is kept, and not in the database", "is kept, and waits to be read",
    "holds bytes that the custody log does not know", "has no end", "is in the vault, but not in",
)  # fmt: skip


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return build(tmp_path_factory.mktemp("shim"))


class Noted(Load):
    """Load that notes each acknowledgement in the trace."""

    trace = None

    def deliver(self, body):
        known = body in self.acknowledged
        super().deliver(body)
        if body in self.acknowledged and not known:
            mark(self.trace, self.sent[body][0])


@pytest.mark.timeout(300)
def test_power_lost_at_any_moment_leaves_all_that_was_acknowledged(tmp_path, shim):
    case, start, trace = tmp_path / "case", tmp_path / "start", tmp_path / "trace"
    case.mkdir()
    daemon = Killed(case, **environment(shim, case, trace=trace), RACKPRINT_LIMITS__SMALL_KB="64")
    shutil.copytree(case, start)
    daemon.start()
    load = Noted(daemon, 5)
    load.trace = trace
    threads = load.run(1.5, threads=2)
    until(lambda: len(load.acknowledged) > 8)
    daemon.kill()
    load.over.set()
    for thread in threads:
        thread.join()
    found = list(records(trace))
    acknowledged = [n for n, record in enumerate(found) if record.op == "A"]
    assert len(acknowledged) > 5
    dice = random.Random(5)
    after = dice.sample(acknowledged, min(15, len(acknowledged)))
    places = sorted({*dice.sample(range(acknowledged[0], len(found)), 25), *after})
    disk = Disk(case, start)
    bodies = {ids[0]: ids for ids in load.sent.values()}
    wanted: set[str] = set()
    for n, record in enumerate(found):
        if record.op == "A":
            wanted |= set(bodies[record.data.decode()])
        else:
            disk.step(n, record)
        if n in places:
            left = tmp_path / f"left{n}"
            disk.lose_power(left, dice if n % 2 else None)
            there = notes(left)
            assert len(there) == len(set(there))
            assert wanted <= set(there), f"at {n}: {len(wanted - set(there))} acknowledged observations are lost"
            head, problem = store_head(left)
            assert not problem
            faults = verify_case(left, head, read=artifacts_read(left))
            assert all(any(text in fault.reason for text in UNREAD) for fault in faults), faults
            if n == places[-1]:
                taken_up(left, load, wanted)
            shutil.rmtree(left)


def taken_up(left, load, wanted):
    """The daemon starts on what is left, reads what was kept, and the case is sound again."""
    daemon = Killed(left, token=load.daemon.token)
    daemon.start()
    load.daemon, load.trace = daemon, left / "trace"
    load.acknowledged = {body for body in load.acknowledged if wanted.issuperset(load.sent[body])}
    for body in list(load.sent):
        while body not in load.acknowledged:
            load.deliver(body)
    daemon.stop()
    check(left, load)
    assert wanted <= set(notes(left))


def test_without_a_sync_the_test_above_would_fail(tmp_path, shim):
    """The rebuilt disk does lose what a program did not sync."""
    import subprocess
    import sys

    root, trace = tmp_path / "root", tmp_path / "trace"
    root.mkdir()
    program = (
        "import os,sys\nfd=os.open(sys.argv[1]+'/f',os.O_CREAT|os.O_WRONLY)\n"
        "os.write(fd,b'synced');os.fsync(fd);os.write(fd,b' not')"
    )
    subprocess.run(
        [sys.executable, "-c", program, str(root.resolve())], check=True,
        env={**__import__("os").environ, **environment(shim, root, trace=trace)},
    )  # fmt: skip
    disk = Disk(root, root / "nowhere")
    for n, record in enumerate(records(trace)):
        disk.step(n, record)
    disk.lose_power(tmp_path / "left")
    assert (tmp_path / "left" / "f").read_bytes() == b"synced"
    assert (root / "f").read_bytes() == b"synced not"


FAULTS = [
    ("ENOSPC", "write", "case.db", 0.5),
    ("ENOSPC", "write", ".pack", 0.5),
    ("ENOSPC", "write", "custody.log", 0.5),
    ("ENOSPC", "write", "incoming", 0.5),
    ("EIO", "fsync", "case.db", 0.4),
    ("EIO", "fsync", ".pack", 0.4),
    ("EIO", "fsync", "custody.log", 0.4),
    ("EIO", "write", "case.db-wal", 0.3),
    ("EMFILE", "open", "", 0.2),
]


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("what", "call", "where", "chance"), FAULTS, ids=str)
def test_what_fails_on_the_disk_is_never_acknowledged_and_passes_by_itself(tmp_path, shim, what, call, where, chance):
    case, control = tmp_path / "case", tmp_path / "control"
    case.mkdir()
    extra = {"RACKPRINT_LIMITS__SMALL_KB": "8"} if where == "incoming" else {}
    daemon = Killed(case, **environment(shim, case, control=control), **extra)
    daemon.start()
    load = Load(daemon, 9)
    load.refused = frozenset({429, 503, 507})
    threads = load.run(0.3, threads=2)
    control.write_text(f"{call} {getattr(errno, what)} {chance} {where}\n")
    end = time.monotonic() + 60  # a slow machine has sent little by then
    time.sleep(1.5)
    while what == "ENOSPC" and 507 not in load.seen and time.monotonic() < end:
        time.sleep(0.05)
    control.write_text("")
    deadline = time.monotonic() + 60
    count = len(load.acknowledged)
    while len(load.acknowledged) < count + 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(load.acknowledged) >= count + 3, "it does not recover"
    load.over.set()
    for thread in threads:
        thread.join()
    daemon.stop()
    check(case, load)
    if what == "ENOSPC":
        assert 507 in load.seen
