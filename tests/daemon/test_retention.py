"""What a purge removes, what it leaves, and what proves it; on SQLite and on PostgreSQL."""

import hashlib
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rackprint.daemon import retention
from rackprint.daemon.entries import microseconds, whole
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.verify import verify_case
from rackprint.daemon.facts import Facts, settle
from rackprint.daemon.pipeline import relink
from rackprint.daemon.queries import Answers
from rackprint.daemon.reads import Reads
from rackprint.daemon.retention import purge
from rackprint.daemon.store.purging import Purging
from rackprint.daemon.store.records import Artifact
from rackprint.daemon.store.repository import Store
from rackprint.fingerprint.model import Observation, Problem
from rackprint.fingerprint.signals import read_signal

NOW = datetime.now(UTC).replace(microsecond=0)
BEFORE = NOW - timedelta(days=30)
OLD, NEW = BEFORE - timedelta(days=1), BEFORE + timedelta(days=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def case(request, tmp_path) -> Path:
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else ""
    settle(tmp_path / "case", Facts("platform", url, "0123456789abcdef"))
    with Store.open(tmp_path / "case", create=True):
        return tmp_path / "case"


def seen(name: str, account: str, phone: int, day: int = 0) -> Observation:
    """An account on a phone."""
    values = {"android_id": f"{phone:016x}", "drm_id": f"{phone:064x}", "model": "SM-G960F"}
    signals = tuple(read_signal(n, v, scope_key="app:p") for n, v in values.items())
    return Observation(
        name, datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day), "platform:p", (account,), signals=signals
    )


def arrive(store: Store, log: CustodyLog, added: datetime, observations: list[Observation], name: str = "") -> None:
    """As the writer of a daemon does it."""
    sha256 = hashlib.sha256(f"{added} {name}".encode()).hexdigest()
    head = log.append("received", sha256=sha256, size=1, name="POST /v1/observations")
    with store.transaction() as transaction:
        number = transaction.artifact(Artifact(sha256, "POST", 1, added, added))
        transaction.add([whole(o) for o in observations], number)
        transaction.problems([Problem("line is cut off", "mend it")], sha256)
        transaction.finish({sha256: "events/1"})
        transaction.set_reply(f"t\n{name}", b"x")
        transaction.custody_head(head.hash, head.count)


def fed(case: Path, old: int = 40, new: int = 40) -> tuple[Store, CustodyLog]:
    """A linked case with ``old`` phones that are to go, some accounts of which stay, and ``new`` ones."""
    store, log = Store.open(case), CustodyLog(case / CustodyLog.NAME)
    for n in range(0, old, 10):
        gone = [seen(f"old{n + m}-{k}", f"p:gone{n + m}-{k}", n + m) for m in range(10) for k in range(2)]
        arrive(store, log, OLD, gone, f"old{n}")
    both = [seen(f"was{m}", f"p:both{m}", 1000 + m) for m in range(10)]
    arrive(store, log, OLD, both, "both")
    stay = [seen(f"is{m}", f"p:both{m}", 1000 + m, 1) for m in range(10)]
    stay += [seen(f"new{m}-{k}", f"p:stays{m}-{k}", 2000 + m) for m in range(new) for k in range(2)]
    arrive(store, log, NEW, stay, "new")
    relink(store, log)
    return store, log


def holds(case: Path, store: Store) -> None:
    assert verify_case(case, store.custody_head()) == []


def devices(case: Path) -> set[frozenset[str]]:
    with Answers(case) as answers:
        return {frozenset(found) for found in answers.accounts_by_device().values()}


def test_what_arrived_before_is_gone_and_the_rest_stays(case):
    store, log = fed(case)
    kept = [o for o in store.observations() if o.id.startswith(("is", "new"))]
    last = store.last_number()
    done = purge(store, log, BEFORE)
    assert (done.observations, done.artifacts) == (90, 5)
    assert list(store.observations()) == kept
    assert len(list(store.artifacts())) == len(list(store.problems())) == 1
    assert not [a for a in store.accounts() if "gone" in a]
    assert len(store.accounts()) == 90
    assert not [link for link in store.links() if "gone" in link.account]
    assert {len(d.observations) for d in store.devices()} == {1, 2}
    with store.transaction() as transaction:
        assert transaction.reply("t\nnew") == b"x"
    reads = Reads(case)
    assert not [e for e in reads.events(0, 10_000) if "gone" in e.account]
    assert not [a for a in reads.accounts(1000, "", None).rows if "gone" in a["account"]]
    reads.close()
    holds(case, store)
    assert purge(store, log, BEFORE) == retention.Purged()

    relink(store, log)
    assert devices(case) == {frozenset({f"p:both{m}"}) for m in range(10)} | {
        frozenset({f"p:stays{m}-0", f"p:stays{m}-1"}) for m in range(40)
    }
    assert not [e for e in Reads(case).events(0, 10_000) if "gone" in e.account]
    with store.pages() as pages:  # nothing hangs on numbers that are gone
        rows = pages.connection.exec_driver_sql(
            "SELECT count(*) FROM device_observations WHERE observation NOT IN (SELECT number FROM observations)"
        )
        assert rows.scalar() == 0
    holds(case, store)
    assert store.last_number() == last
    store.close()


def test_the_linkage_is_as_if_what_is_gone_had_never_come(case, tmp_path):
    store, log = fed(case)
    purge(store, log, BEFORE)
    relink(store, log)
    settle(tmp_path / "other", Facts("platform", "", "0123456789abcdef"))
    with Store.open(tmp_path / "other", create=True) as other:
        log = CustodyLog(tmp_path / "other" / CustodyLog.NAME)
        arrive(other, log, NEW, list(store.observations()))
        relink(other, log)
        assert other.devices() == store.devices()
        assert [(x.account, x.device, x.observations) for x in other.links()] == [
            (x.account, x.device, x.observations) for x in store.links()
        ]
        assert other.ties() == store.ties()
    store.close()


def test_the_tombstone_proves_what_was_removed(case):
    store, log = fed(case)
    copy = [row for batch in store.bodies() for row in batch if row[1].startswith(("old", "was"))]
    done = purge(store, log, BEFORE)
    (told,) = [e for e in log.entries() if e["kind"] == "purged"]
    link = "0" * 64
    for number, name, _, body in copy:
        link = hashlib.sha256(f"{link}\n{number} {hashlib.sha256(body).hexdigest()} {name}\n".encode()).hexdigest()
    assert told["sha256"] == link
    assert (told["observations"], told["artifacts"], told["first"], told["last"]) == (90, 5, 1, 90)
    assert datetime.fromisoformat(told["before"]) == BEFORE
    assert told["hash"] == done.tombstone == store.custody_head()[0]
    assert set(told) == {
        "before", "observations", "artifacts", "first", "last", "sha256", "hash", "prev", "seq", "time", "kind",
    }  # fmt: skip
    store.close()


def test_no_number_is_given_twice(case):
    store, log = fed(case, 10, 1)
    last, events = store.last_number(), Reads(case).last_event()
    purge(store, log, NOW)
    assert store.counts() == {"artifacts": 0, "observations": 0, "devices": 0, "links": 0}
    relink(store, log)
    arrive(store, log, NOW, [seen("again", "p:gone0-0", 1)], "again")
    assert [number for number, _ in store.since(0)] == [last + 1]
    assert store.artifact(next(iter(store.artifacts())).sha256) is not None
    relink(store, log)
    assert devices(case) == {frozenset({"p:gone0-0"})}
    assert min(e.number for e in Reads(case).events(0, 10)) > events
    with store.pages() as pages:
        assert pages.connection.exec_driver_sql("SELECT number FROM artifacts").scalar() == 4
    holds(case, store)
    store.close()


def test_an_ended_purge_goes_on_and_leaves_one_tombstone(case, monkeypatch):
    monkeypatch.setattr("rackprint.daemon.store.purging._AIM", 0.0)  # the smallest transactions, on any machine
    store, log = fed(case, 400)
    steps = iter(range(2))

    def pause() -> None:
        next(steps)

    with pytest.raises(StopIteration):
        purge(store, log, BEFORE, pause=pause)
    assert 90 < sum(1 for _ in store.observations()) < 900
    assert not [e for e in log.entries() if e["kind"] == "purged"]
    relink(store, log)  # what is left can be linked
    holds(case, store)
    assert purge(store, log, BEFORE).observations == 810
    (told,) = [e for e in log.entries() if e["kind"] == "purged"]
    assert (told["observations"], told["artifacts"], told["first"], told["last"]) == (810, 41, 1, 810)
    holds(case, store)
    store.close()


def test_one_that_ended_after_its_tombstone_is_told_once(case, monkeypatch):
    store, log = fed(case)
    with monkeypatch.context() as patch:
        patch.setattr(Purging, "told", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            purge(store, log, BEFORE)
    holds(case, store)
    assert purge(store, log, BEFORE + timedelta(hours=1)).observations == 0
    assert sum(e["kind"] == "purged" for e in log.entries()) == 1
    assert purge(store, log, NOW).observations == 90
    assert sum(e["kind"] == "purged" for e in log.entries()) == 2
    holds(case, store)
    store.close()


def test_what_runs_said_before_goes_with_it(case):
    store, log = fed(case)
    with store.transaction() as transaction:
        transaction._connection.exec_driver_sql(f"UPDATE runs SET at = {microseconds(OLD)}")
        transaction._connection.exec_driver_sql(f"UPDATE replies SET at = {microseconds(OLD)}")
    arrive(store, log, NEW, [seen("more", "p:stays0-0", 3000)], "more")
    arrive(store, log, NEW, [seen("joins", "p:stays0-0", 2001)], "joins")
    relink(store, log)
    arrive(store, log, NEW, [seen("later", "p:later", 2001)], "later")
    relink(store, log)
    with store.transaction() as transaction:
        transaction._connection.exec_driver_sql(f"UPDATE runs SET at = {microseconds(OLD)} WHERE number = 2")
    assert store.run(OLD) is not None
    purge(store, log, BEFORE)
    with store.pages() as pages:
        ask = pages.connection.exec_driver_sql
        assert ask("SELECT min(number) FROM runs").scalar() == 2  # it held at BEFORE
        for table in ("devices", "device_observations", "links", "conflicts", "transfers", "farms", "farm_devices"):
            assert ask(f"SELECT count(*) FROM {table} WHERE until <= 2").scalar() == 0
        assert ask("SELECT min(run) FROM events").scalar() == 3
        assert ask(f"SELECT count(*) FROM replies WHERE at <= {microseconds(OLD)}").scalar() == 0
    relink(store, log)
    assert store.run().number == 4
    store.close()


def test_the_bytes_leave_the_files(tmp_path):
    settle(tmp_path, Facts("platform", "", "0123456789abcdef"))
    with Store.open(tmp_path, create=True):
        pass
    store, log = fed(tmp_path, 400, 100)
    assert b"p:gone7-0" in everything(tmp_path)
    assert everything(tmp_path).count(b"p:gone") > 3000
    purge(store, log, BEFORE)
    assert everything(tmp_path).count(b"p:gone") < 30  # SQLite leaves copies in gaps of pages that it split
    assert store.scrub(whole=True)
    assert b"p:gone" not in everything(tmp_path)
    assert b"old7-0" not in everything(tmp_path)
    relink(store, log)
    assert b"p:gone" not in everything(tmp_path)
    assert b"p:stays7-0" in everything(tmp_path)
    store.close()


def everything(folder: Path) -> bytes:
    return b"\0".join(p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file())


def test_an_evidence_case_is_left_alone(tmp_path):
    with Store.open(tmp_path, create=True) as store:
        with pytest.raises(RackprintError, match="evidence is never removed"):
            purge(store, CustodyLog(tmp_path / CustodyLog.NAME), NOW)
        assert store.counts()["observations"] == 0


def test_a_cut_log_is_not_covered_up(case):
    store, log = fed(case)
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(lines[:-2]))
    with pytest.raises(RackprintError, match="cut or rewritten"):
        purge(store, log, BEFORE)
    assert sum(1 for _ in store.observations()) == 180
    store.close()


def test_who_takes_in_meanwhile_loses_nothing_and_does_not_wait_long(case):
    store, log = Store.open(case), CustodyLog(case / CustodyLog.NAME)
    for n in range(5):
        old = [seen(f"old{n}-{m}", f"p:gone{m % 700}", m % 400) for m in range(1000)]
        arrive(store, log, OLD, old, f"old{n}")
    relink(store, log)
    over, waits, sent = threading.Event(), [], []

    def write() -> None:
        with Store.open(case) as mine:
            while not over.is_set() or len(sent) < 20:
                name = f"fresh{len(sent)}"
                began = time.monotonic()
                arrive(mine, log, NOW, [seen(name, "p:gone1", 5000)], name)
                waits.append(time.monotonic() - began)
                sent.append(name)
                time.sleep(0.005)  # the next body is on its way

    thread = threading.Thread(target=write)
    thread.start()
    began = time.monotonic()
    try:
        done = purge(store, log, BEFORE, pause=lambda: time.sleep(0.02))
    finally:
        took = time.monotonic() - began
        over.set()
        thread.join()
    assert done.observations == 5000
    assert [o.id for o in store.observations()] == sent
    assert store.accounts() == ["p:gone1"]
    print(f"\n{len(waits)} commits in the {took:.1f} s meanwhile; the longest took {max(waits) * 1000:.0f} ms")
    assert max(waits) < took / 4  # about a twentieth, on a slow machine too; without the pieces it would be all
    relink(store, log)
    assert devices(case) == {frozenset({"p:gone1"})}
    holds(case, store)
    store.close()
