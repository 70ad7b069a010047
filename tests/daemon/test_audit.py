"""The access log: a line is whole and decodes whatever it holds, and a log that cannot be written stops no request."""

import errno
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rackprint.daemon.audit import AuditLog

ONE = {"who": "ci", "peer": "10.0.0.7", "method": "POST", "path": "/api/v1/observations", "status": 202}
REST = {"bytes_in": 123, "ms": 4.5678, "request_id": "r-1"}


def write(log: AuditLog, **changes) -> None:
    log.write(**{**ONE, **REST, **changes})


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def test_a_line_says_who_did_what_and_when(tmp_path):
    log = AuditLog(tmp_path / "audit.log")
    write(log, time=datetime(2026, 3, 1, 8, 30, 0, 7000, tzinfo=UTC))
    assert lines(tmp_path / "audit.log") == [
        {
            "time": "2026-03-01T08:30:00.007Z", "who": "ci", "from": "10.0.0.7", "method": "POST",
            "path": "/api/v1/observations", "status": 202, "bytes_in": 123, "ms": 4.6, "request_id": "r-1",
        }
    ]  # fmt: skip
    assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o600
    assert (log.lost, log.problem) == (0, None)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/a\nb\r\x1b[2J\0", "/a\\x0ab\\x0d\\x1b[2J\\x00"),
        ("/\udc80\ud800", "/\\xdc80\\xd800"),
        ("/\\x0a", "/\\\\x0a"),  # what was typed so, and not escaped here
        ("/\u202e\u2028\x85", "/\\x202e\\x2028\\x85"),
        ("/Telefónica/😀", "/Telefónica/😀"),
    ],
)
@pytest.mark.parametrize("field", ["who", "peer", "method", "path", "request_id"])
def test_hostile_text_is_one_line_that_every_reader_decodes(tmp_path, text, kept, field):
    write(AuditLog(tmp_path / "audit.log"), **{field: text})
    raw = (tmp_path / "audit.log").read_bytes()
    assert raw.isascii()
    assert raw.count(b"\n") == 1
    assert json.loads(raw)["from" if field == "peer" else field] == kept
    json.loads(raw)["path"].encode()  # no lone surrogates


def test_a_long_path_is_cut_and_says_so(tmp_path):
    write(AuditLog(tmp_path / "audit.log"), path="/" + "é" * 70_000)
    (entry,) = lines(tmp_path / "audit.log")
    assert len(entry["path"]) < 2100
    assert entry["path"].endswith("… (70001 characters)")


def test_a_full_disk_costs_the_line_and_nothing_else(tmp_path):
    (tmp_path / "audit.log").symlink_to("/dev/full")
    log = AuditLog(tmp_path / "audit.log")
    write(log)
    write(log)
    assert log.lost == 2
    assert "no space left" in log.problem
    (tmp_path / "audit.log").unlink()
    log.reopen()
    write(log)
    assert (log.lost, log.problem) == (2, None)
    assert len(lines(tmp_path / "audit.log")) == 1


def test_half_a_line_does_not_spoil_the_next(tmp_path, monkeypatch):
    log = AuditLog(tmp_path / "audit.log")
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:20]))
    write(log, request_id="cut")
    assert log.lost == 1
    assert "cut off" in log.problem
    monkeypatch.setattr(os, "write", real)
    write(log, request_id="after")
    last = (tmp_path / "audit.log").read_bytes().split(b"\n")[-2]
    assert json.loads(last)["request_id"] == "after"


def test_a_file_that_a_power_cut_tore_is_gone_on_with_on_a_new_line(tmp_path):
    (tmp_path / "audit.log").write_bytes(b'{"time":"2026-')
    write(AuditLog(tmp_path / "audit.log"))
    torn, whole, _ = (tmp_path / "audit.log").read_bytes().split(b"\n")
    assert torn == b'{"time":"2026-'
    assert json.loads(whole)["who"] == "ci"


def test_a_file_closed_under_it_is_opened_again(tmp_path, monkeypatch):
    log = AuditLog(tmp_path / "audit.log")
    real = os.write

    def closed(file, data):
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(os, "write", closed)
    write(log)
    assert log.lost == 1
    monkeypatch.setattr(os, "write", real)
    write(log)
    log.close()
    write(log)
    assert log.lost == 1
    assert len(lines(tmp_path / "audit.log")) == 2


def test_a_folder_that_is_missing_is_found_once_it_is_there(tmp_path):
    log = AuditLog(tmp_path / "logs/audit.log")
    write(log)
    assert log.lost == 1
    assert "no such file" in log.problem
    (tmp_path / "logs").mkdir()
    write(log)
    assert log.lost == 1
    assert len(lines(tmp_path / "logs/audit.log")) == 1


def test_rotation_goes_on_in_a_new_file(tmp_path):
    path = tmp_path / "audit.log"
    log = AuditLog(path)
    write(log, request_id="old")
    path.rename(tmp_path / "audit.log.1")
    write(log, request_id="late")
    log.reopen()
    write(log, request_id="new")
    assert [e["request_id"] for e in lines(tmp_path / "audit.log.1")] == ["old", "late"]
    assert [e["request_id"] for e in lines(path)] == ["new"]


def test_rotation_into_nowhere_keeps_the_old_file(tmp_path):
    (tmp_path / "logs").mkdir()
    log = AuditLog(tmp_path / "logs/audit.log")
    (tmp_path / "logs").rename(tmp_path / "moved")
    log.reopen()
    write(log)
    assert log.lost == 0
    assert len(lines(tmp_path / "moved/audit.log")) == 1


def test_a_pipe_that_nobody_reads_holds_up_nothing(tmp_path):
    os.mkfifo(tmp_path / "audit.log")
    log = AuditLog(tmp_path / "audit.log")
    write(log)
    assert log.lost == 1


def test_many_threads_and_rotations_write_whole_lines(tmp_path):
    path = tmp_path / "audit.log"
    log = AuditLog(path)

    def work(thread: int) -> None:
        for number in range(200):
            write(log, request_id=f"{thread}-{number}")
            if number % 50 == 0:
                log.reopen()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({e["request_id"] for e in lines(path)}) == 800
    assert log.lost == 0
