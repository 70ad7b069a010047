"""The daemon's life: what systemd is told, reload, a stop that drains, and who may have the case."""

import json
import os
import signal
import socket
import subprocess
import time

import pytest
from crashing import COMMAND, Killed, Load, check
from waiting import until


@pytest.fixture
def daemon(tmp_path):
    found = Killed(tmp_path / "case")
    yield found
    if found.process and found.process.poll() is None:
        found.process.kill()
        found.process.wait()


def test_systemd_is_told_ready_watchdog_reloading_and_stopping(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        daemon = Killed(tmp_path / "case", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="300000")
        daemon.start()

        def told(fact: str) -> str:
            while fact not in (said := manager.recv(4096).decode()):
                continue
            return said

        assert "STATUS=http://127.0.0.1" in told("READY=1")
        began = time.monotonic()
        for _ in range(3):
            told("WATCHDOG=1")
        assert time.monotonic() - began < 2
        (tmp_path / "case" / "audit.log").rename(tmp_path / "case" / "audit.log.1")
        daemon.process.send_signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in told("RELOADING=1")
        told("READY=1")
        daemon.ask("GET", "/v1/status")
        until(lambda: (tmp_path / "case" / "audit.log").stat().st_size > 0)
        daemon.process.send_signal(signal.SIGTERM)
        told("STOPPING=1")
        assert daemon.process.wait(30) == 0


def test_a_stop_answers_what_was_sent(daemon, tmp_path):
    daemon.start()
    load = Load(daemon, 3)
    threads = load.run(0.3)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(30) == 0
    load.over.set()
    for thread in threads:
        thread.join()
    assert load.acknowledged
    check(tmp_path / "case", load)


def test_a_second_daemon_and_an_ingest_are_told_that_the_case_is_taken(daemon, tmp_path):
    daemon.start()
    case = str(tmp_path / "case")
    for arguments in (["ingest", case, "--case", case], ["serve", "--case", case, "--port", "0"]):
        found = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert found.returncode == 1
        (line,) = found.stderr.strip().splitlines()
        assert "another rackprint is writing to it" in line
    daemon.stop()


def test_a_taken_port_and_an_unknown_key_are_one_line_each(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        found = subprocess.run(
            [*COMMAND, "serve", "--case", str(tmp_path / "case"), "--port", port],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert found.returncode == 1
        assert "cannot listen" in found.stderr.splitlines()[-1]
    environment = {**os.environ, "RACKPRINT_LISTEN__PROT": "1"}
    found = subprocess.run(
        [*COMMAND, "serve"], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert (found.returncode, len(found.stderr.strip().splitlines())) == (1, 1)


def test_a_case_whose_custody_log_was_cut_is_read_and_takes_nothing_in(daemon, tmp_path):
    daemon.start()
    line = b'{"id":"a1","time":"2026-03-01T08:00:00Z","source":"platform:p","account":"p:1","signals":{}}\n'
    assert daemon.ask("POST", "/v1/observations", line)[0] == 200
    daemon.stop()
    log = tmp_path / "case" / "custody.log"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    environment = {**daemon._environment}
    command = [*COMMAND, "serve", "--case", str(tmp_path / "case"), "--port", str(daemon.port)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 90
        status, body = 0, {}
        while time.monotonic() < deadline:
            try:
                status, body = daemon.ask("GET", "/readyz")
            except OSError:
                time.sleep(0.05)
                continue
            if "cut or rewritten" in json.dumps(body):
                break
        assert status == 503
        assert daemon.ask("GET", "/v1/observations/a1")[0] == 200
        status, body = daemon.ask("POST", "/v1/observations", line.replace(b"a1", b"a2"))
        assert (status, "cut or rewritten" in body["detail"]) == (503, True)
        process.terminate()


def test_the_writer_that_dies_is_started_again(daemon, tmp_path):
    daemon.start()
    load = Load(daemon, 4)
    threads = load.run(0.2)
    for _ in range(3):
        daemon.kill("rackprint.daemon.intake.writer")
        time.sleep(0.7)
    count = len(load.acknowledged)
    deadline = time.monotonic() + 90
    while len(load.acknowledged) < count + 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(load.acknowledged) >= count + 5
    load.over.set()
    for thread in threads:
        thread.join()
    daemon.stop()
    check(tmp_path / "case", load)


def test_a_part_that_fails_ends_the_daemon_as_a_failure(tmp_path):
    """So that systemd starts it again."""
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "done").write_text("in the way")
    environment = {**os.environ, "RACKPRINT_SPOOL__FOLDER": str(spool)}
    command = [*COMMAND, "serve", "--case", str(tmp_path / "case"), "--port", "0"]
    found = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)
    assert found.returncode == 1
    assert "spool" in found.stderr.splitlines()[-1]
