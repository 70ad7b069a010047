"""Purges by a daemon and by hand: while evidence comes in, and where there is no daemon."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from crashing import COMMAND, Killed
from waiting import until

from rackprint.daemon.entries import microseconds
from rackprint.daemon.store.repository import Store

KEY = "00112233445566778899aabbccddeeff"
OLD = datetime.now(UTC) - timedelta(days=31)


@pytest.fixture(params=["sqlite", "postgresql"])
def daemon(request, tmp_path) -> Iterator[Killed]:
    """A platform's daemon, not started; ended whatever becomes of the test."""
    (tmp_path / "key").write_text(KEY)
    more = {"RACKPRINT_STORE__URL": request.getfixturevalue("postgresql")} if request.param == "postgresql" else {}
    found = Killed(
        tmp_path / "case", RACKPRINT_MODE="platform", RACKPRINT_PLATFORM__KEY_FILE=str(tmp_path / "key"),
        RACKPRINT_PLATFORM__RETENTION_DAYS="30", RACKPRINT_LINK__IDLE_SECONDS="0.2", **more,
    )  # fmt: skip
    yield found
    if found.process is not None:
        found.kill()


def lines(first: int, count: int, who: str, phones: int = 50) -> bytes:
    rows = (
        {
            "id": f"{who}{n}", "time": "2026-02-05T10:00:00Z", "source": "platform:p", "account": f"p:{who}{n % 200}",
            "signals": {"android_id": f"{n % phones + 1:016x}", "drm_id": f"{n % phones + 1:064x}"},
        }
        for n in range(first, first + count)
    )  # fmt: skip
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def sent(daemon: Killed, body: bytes) -> None:
    status, answer = daemon.ask("POST", "/v1/observations", body)
    assert (status, answer["accepted"]) == (200, body.count(b"\n")), answer


def status(daemon: Killed) -> dict:
    return daemon.ask("GET", "/v1/status")[1]


def settled(daemon: Killed) -> bool:
    found = status(daemon)
    return not found["linker"]["lag"] and found["resolver"]["whole"] and not found["resolver"]["lag"]


def aged(case: Path, **where: str) -> None:
    """Makes all that is there as old as if it had arrived on OLD."""
    with Store.open(case) as store, store.transaction() as transaction:
        for column in ("artifacts SET added_at", "runs SET at", "events SET at", "replies SET at"):
            transaction._connection.exec_driver_sql(f"UPDATE {column} = {microseconds(OLD)}")


def command(*arguments: str, code: int = 0, typed: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *arguments], env=os.environ, input=typed, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    return done


def begun(daemon: Killed) -> None:
    """Served, fed, linked and ended; what it was fed with is old."""
    daemon.start()
    for n in range(4):
        sent(daemon, lines(n * 1000, 1000, "gone"))
    until(lambda: settled(daemon))
    daemon.stop()
    aged(daemon.case)


@pytest.mark.timeout(180)
def test_a_daemon_purges_while_evidence_comes_in(daemon):
    begun(daemon)
    daemon.start()
    over, slowest, count = threading.Event(), 0.0, 0
    while not over.is_set():
        began = time.monotonic()
        sent(daemon, lines(count, 10, "fresh"))
        slowest, count = max(slowest, time.monotonic() - began), count + 10
        if "purged 4000 observations of 4 bodies" in (daemon.case / "daemon.log").read_text():
            over.set()
        assert count < 100_000
    print(f"\n{count // 10} bodies meanwhile; the slowest took {slowest * 1000:.0f} ms")
    assert slowest < 3.0
    until(lambda: settled(daemon) and status(daemon)["resolver"]["observations"] == count)
    assert status(daemon)["counts"]["observations"] == count
    _, answer = daemon.ask("GET", "/v1/accounts?limit=1000")
    assert {a["account"][:7] for a in answer["items"]} == {"p:fresh"}
    for path in ("/v1/accounts/p:gone1", "/v1/observations/gone1"):
        assert daemon.ask("GET", path)[0] == 404
    _, answer = daemon.ask("GET", "/v1/events?after=0")
    assert not [e for e in answer["items"] if "gone" in e["account"]]
    text = (daemon.case / "daemon.log").read_text()
    assert "ended with" not in text
    assert " error " not in text.lower()
    daemon.stop()
    assert "custody entries hold" in command("verify", "--case", str(daemon.case)).stdout
    with Store.open(daemon.case) as store:
        assert sorted(o.id for o in store.observations()) == sorted(f"fresh{n}" for n in range(count))


def test_a_daemon_that_is_killed_while_it_purges_goes_on_with_it(daemon):
    begun(daemon)
    daemon.start()
    time.sleep(0.4)
    sent(daemon, lines(0, 10, "fresh"))
    daemon.kill()
    daemon.start()
    until(lambda: status(daemon)["counts"]["observations"] == 10)
    until(lambda: any('"kind":"purged"' in e for e in (daemon.case / "custody.log").read_text().splitlines()))
    daemon.stop()
    told = [json.loads(e) for e in (daemon.case / "custody.log").read_text().splitlines() if '"kind":"purged"' in e]
    assert [(e["observations"], e["artifacts"]) for e in told] == [(4000, 4)]
    command("verify", "--case", str(daemon.case))


def test_purge_by_hand(daemon):
    begun(daemon)
    case = str(daemon.case)
    assert "nothing arrived before" in command("purge", "--case", case, "--older-than", "40", "--yes").stdout
    done = command("purge", "--case", case, "--older-than", "30", code=1, typed="n\n")
    assert "remove for good" in done.stderr
    done = command("purge", "--case", case, "--older-than", "30", typed="y\n")
    assert "4000 observations of 4 artifacts removed; custody entry " in done.stdout
    command("verify", "--case", case, "--head", done.stdout.split()[-1])
    assert "gone" not in command("accounts", "--case", case).stdout
    if (daemon.case / "case.db").exists():
        assert b"p:gone" not in b"".join(p.read_bytes() for p in daemon.case.glob("case.db*"))
    daemon.start()
    done = command("purge", "--case", case, "--older-than", "0", "--yes", code=1)
    assert "another rackprint is writing" in done.stderr
    sent(daemon, lines(0, 10, "gone"))  # its ids are free again
    daemon.stop()


def test_purge_refuses_evidence(tmp_path):
    (tmp_path / "getprop.txt").write_text("[ro.serialno]: [SERIAL1]\n")
    command("ingest", str(tmp_path / "getprop.txt"), "--case", str(tmp_path / "case"))
    done = command("purge", "--case", str(tmp_path / "case"), "--older-than", "0", "--yes", code=1)
    (told,) = done.stderr.splitlines()
    assert "evidence is never removed" in told
    done = command("purge", "--case", str(tmp_path / "none"), "--older-than", "0", "--yes", code=1)
    assert "is no case" in done.stderr
    assert not (tmp_path / "none").exists()
