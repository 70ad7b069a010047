"""The doctor: on a healthy, a damaged and an absent case, and on machines made of files."""

import os
import socket
import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest

from rackprint.daemon import tokens
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.operations import casework, disk, machine, phones
from rackprint.daemon.operations.databases import Known, database
from rackprint.daemon.operations.doctor import examine
from rackprint.daemon.operations.finding import size
from rackprint.daemon.store.repository import Store

ROWS = [
    "adb", "usb", "capture", "disk", "clock", "database", "custody", "queue", "tokens", "config", "limits",
    "packages", "kernel",
]  # fmt: skip


def look(case, config=None):
    return {finding.what: finding for finding in examine(case, config)}


def seen(case):
    return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in case.rglob("*")}


def test_a_healthy_case_has_a_row_for_each_thing_and_is_left_as_it_was(case):
    tokens.make(case, "ops", ["admin"])
    before = seen(case)
    found = look(case)
    assert list(found) == ROWS
    assert {f.what for f in found.values() if f.state == "fail"} == set()
    assert [found[what].state for what in ("database", "custody", "queue", "tokens")] == ["ok"] * 4
    assert "schema 0003, WAL" in found["database"].detail
    assert "0 artifacts not read" in found["queue"].detail
    assert seen(case) == before


def test_a_case_that_is_in_use_is_left_as_it_was(case):
    with Store.open(case) as store, store._engine.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM state")
        before = seen(case)
        assert look(case)["database"].state == "ok"
        assert seen(case).keys() == before.keys()


def test_an_absent_case_is_not_here_and_nothing_is_made(tmp_path):
    found = look(tmp_path / "nowhere")
    states = [found[what].state for what in ("disk", "database", "custody", "queue", "tokens")]
    assert states == ["not here"] * 5
    assert not list(tmp_path.iterdir())


def test_a_cut_log_fails(case):
    log = case / "custody.log"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    finding = look(case)["custody"]
    assert finding.state == "fail"
    assert "not in the log" in finding.detail
    log.write_bytes(log.read_bytes() + b"nonsense\n")
    assert "is no entry" in look(case)["custody"].detail
    log.unlink()
    assert look(case)["custody"].state == "fail"


@pytest.mark.parametrize("at", [0, 4096, 40_960])
def test_a_damaged_database_fails(case, at):
    with (case / "case.db").open("r+b") as file:
        file.seek(at)
        file.write(b"\xff" * 3000)
    finding = look(case)["database"]
    assert finding.state == "fail"
    assert "restore" in finding.remedy


def test_databases_of_other_times_and_programs(case, tmp_path):
    connection = sqlite3.connect(case / "case.db")
    for revision, state in (("0001", "warn"), ("9999", "fail"), ("0003", "ok")):
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.commit()
        assert database(case, "")[0].state == state
    connection.close()
    (tmp_path / "other").mkdir()
    connection = sqlite3.connect(tmp_path / "other/case.db")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    assert "no schema of rackprint's" in database(tmp_path / "other", "")[0].detail


def test_what_waits_is_counted(case, tmp_path):
    for name in ("incoming/a", "uploads/x/b", "uploads/x/c"):
        (case / name).parent.mkdir(parents=True, exist_ok=True)
        (case / name).touch()
    spool = tmp_path / "spool"
    (spool / "refused").mkdir(parents=True)
    (spool / "waits").touch()
    finding = casework.queue(case, Known(unread=0), spool)
    assert (finding.state, finding.detail.partition(f" in {spool}")[0]) == (
        "ok", "1 in incoming/, 2 in uploads/, 1 waiting and 0 refused",
    )  # fmt: skip
    (spool / "done").mkdir()
    (spool / "done/read.ndjson").touch()
    (spool / "refused/bad").touch()
    (spool / "refused/bad.reasons.txt").touch()
    finding = casework.queue(case, Known(), spool)
    assert finding.state == "warn"
    assert "1 waiting and 1 refused" in finding.detail
    assert casework.queue(case, Known(unread=2), None).state == "warn"


def test_tokens_that_end_or_that_others_may_read(case):
    now = datetime.now(UTC)
    tokens.make(case, "soon", ["read"], now + timedelta(days=3))
    finding = look(case)["tokens"]
    assert (finding.state, "soon" in finding.detail) == ("warn", True)
    assert casework.tokens(case, now + timedelta(days=4)).detail.startswith("0 live of 1")
    (case / "tokens.json").chmod(0o644)
    assert "chmod 600" in look(case)["tokens"].remedy
    (case / "tokens.json").write_text("{")
    assert look(case)["tokens"].state == "fail"


def test_a_disk_that_is_nearly_full_warns(case, monkeypatch):
    real = os.statvfs(case)

    class Full:
        f_bavail, f_frsize, f_blocks, f_files, f_favail = 1000, 4096, real.f_blocks, 100, 50

    monkeypatch.setattr(os, "statvfs", lambda path: Full)
    (finding,) = disk.disks(case)
    assert (finding.state, "3.9 MiB free" in finding.detail) == ("warn", True)
    monkeypatch.setattr(os, "fsync", lambda d: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    (finding,) = disk.disks(case)
    assert (finding.state, "no space left" in finding.detail) == ("fail", True)


def test_a_clock_before_the_newest_entry_fails(case):
    assert machine.clock(case, datetime(2026, 1, 1, tzinfo=UTC)).state == "fail"
    assert "no plausible year" in machine.clock(None, datetime(1970, 1, 1, tzinfo=UTC)).detail
    newest = datetime.fromisoformat(str([*CustodyLog(case / "custody.log").entries()][-1]["time"]))
    assert machine.clock(case, newest).state != "fail"


def test_usb_is_read_from_files(tmp_path):
    sys, dev = tmp_path / "sys", tmp_path / "dev"
    assert phones.usb(sys, dev).state == "not here"
    for name, kind in (("1-1", ("ff", "42")), ("1-2", ("03", "01"))):
        for file, text in (("idVendor", "18d1"), ("busnum", "1"), ("devnum", name[-1])):
            path = sys / "devices" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        interface = sys / "devices" / name / f"{name}:1.0"
        interface.mkdir()
        (interface / "bInterfaceClass").write_text(kind[0] + "\n")
        (interface / "bInterfaceSubClass").write_text(kind[1] + "\n")
    assert phones.usb(sys, dev).state == "warn"
    dev.mkdir()
    found = phones.usb(sys, dev)
    assert (found.state, "2 devices, 1 with ADB; 1 may not be opened" in found.detail) == ("fail", True)
    (dev / "001").mkdir()
    (dev / "001/001").touch()
    assert phones.usb(sys, dev).state == "ok"


@pytest.mark.parametrize(("mask", "state"), [("0000000000002000", "ok"), ("0000000000000000", "not here")])
def test_capture_takes_its_capability(tmp_path, mask, state):
    (tmp_path / "status").write_text(f"Name:\tx\nCapEff:\t{mask}\n")
    (tmp_path / "net/br-rack").mkdir(parents=True)
    (tmp_path / "net/br-rack/operstate").write_text("up\n")
    finding = phones.capture(tmp_path / "net", tmp_path / "status")
    assert (finding.state, "br-rack" in finding.detail) == (state, True)


@pytest.mark.parametrize(
    ("answer", "said"), [(b"OKAY00040029", "protocol 41"), (b"HTTP/1.1 400", "no adb server"), (b"OKAY", "unknown")]
)
def test_adbs_server_is_asked_and_not_started(tmp_path, answer, said):
    program = tmp_path / "adb"
    program.write_text(
        f"#!/bin/sh\n[ $1 = version ] || touch {tmp_path}/started\n"
        "echo Android Debug Bridge version 1.0.41\necho Version 35.0.2-1\n"
    )
    program.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve():
            connection, _ = server.accept()
            with connection:
                assert connection.recv(64) == b"000chost:version"
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        finding = phones.adb(port, program)
        thread.join()
    assert (said in finding.detail, finding.state) == (True, "warn")
    assert "35.0.2-1" in finding.detail
    assert phones.adb(port, program).state == "ok"
    assert not (tmp_path / "started").exists()
    program.write_text("#!/bin/sh\nexit 1\n")
    assert phones.adb(port, program).state == "fail"
    assert phones.adb(port, tmp_path / "nothing").state == "fail"


def test_the_adb_that_came_along_runs():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert phones.adb(port).state == "ok"


def test_a_config_that_is_off_fails(case, tmp_path):
    file = tmp_path / "c.toml"
    file.write_text(f'case = "{case}"\n[spool]\nfolder = "{tmp_path}/nowhere"\n')
    found = {f.what: f for f in examine(None, file)}
    assert (found["config"].state, found["database"].state) == ("fail", "ok")
    assert "does not exist" in found["config"].detail
    file.write_text("cas = 1\n")
    assert "unknown key" in look(case, file)["config"].detail
    (case / "case.json").write_text("{")
    assert "is no JSON" in look(case)["database"].detail


def test_postgresql_is_looked_at(case, postgresql):
    finding, known = database(case, postgresql)
    assert (finding.state, "schema none yet" in finding.detail, known.head) == ("ok", True, None)
    with Store.open(case, create=True, url=postgresql) as store:
        store.set_custody_head("a" * 64, 3)
    finding, known = database(case, postgresql)
    assert (finding.state, known.head, known.unread) == ("warn" if "off" in finding.detail else "ok", ("a" * 64, 3), 0)
    for rest in ("", "?connect_timeout", "?sslmode=frob"):
        finding, _ = database(case, f"postgresql+psycopg://u:geheim@127.0.0.1:1/x{rest}")
        assert (finding.state, "geheim" in str(finding)) == ("fail", False)


def test_sizes():
    assert [size(n) for n in (7, 2048, 5 << 30, 3 << 40)] == ["7 bytes", "2.0 KiB", "5.0 GiB", "3.0 TiB"]
