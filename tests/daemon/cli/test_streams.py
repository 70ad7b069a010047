"""What becomes of a command whose standard streams are closed, full, or read by nobody."""

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from rackprint.daemon.cli import application
from tests.fingerprint.capture import build
from tests.waiting import until

COMMAND = [sys.executable, "-c", "from rackprint.daemon.cli import main; main()"]
# whoever runs the tests may have SIGINT ignored
STOPPABLE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
QUESTION = build.pcap(
    build.ether(build.ip4(build.udp(b"\0\7\1\0\0\1" + bytes(6) + b"\1a\3net\0\0\1\0\1", 4000, 53), 17))
)
RECORD = QUESTION[24:]
INTERRUPTED = [*COMMAND[:2], STOPPABLE + COMMAND[2], "events"]


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    path = tmp_path_factory.mktemp("captures") / "a.pcap"
    path.write_bytes(QUESTION + RECORD * 20_000)
    return path


def unread():
    """The end to write to of a pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def waiting(pipe):
    """Bytes in a pipe that nobody has read."""
    return int.from_bytes(fcntl.ioctl(pipe.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)


def run(*arguments, **streams):
    return subprocess.run([*COMMAND, *arguments], timeout=120, check=False, **streams)


@pytest.mark.parametrize("arguments", [["events"], ["signals"], ["events", "no such file"]])
def test_a_command_whose_reader_left_ends_as_other_programs_do(capture, arguments):
    writing = unread()
    done = run(*arguments, capture, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr.count(b"\n") == len(arguments) - 1


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["events", "--help"], ["doctor"], ["accounts"]])
def test_no_command_says_that_it_is_done_where_nobody_read_it(arguments, tmp_path):
    writing = unread()
    done = run(*arguments, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path)
    os.close(writing)
    assert done.returncode != 0
    assert b"Exception" not in done.stderr


def test_work_goes_on_where_nobody_reads_the_complaints(capture, tmp_path):
    writing = unread()
    with (tmp_path / "out").open("wb") as out:
        done = run("events", *["none"] * 9, capture, "none", stdout=out, stderr=writing)
    os.close(writing)
    assert done.returncode == 1
    assert (tmp_path / "out").read_bytes().count(b"\n") == 20_001


@pytest.mark.parametrize("command", ["events", "signals"])
def test_a_full_disk_is_one_line(capture, command):
    with Path("/dev/full").open("wb") as full:
        done = run(command, capture, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"no space left on device" in done.stderr
    assert b"internal" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_is_cut_off_is_a_failure(capture, unbuffered, tmp_path):
    """A limit on the size of files stands for a disk that fills up in the middle of a write."""

    def small():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    with (tmp_path / "out").open("wb") as out:
        environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
        done = run("events", capture, stdout=out, stderr=subprocess.PIPE, preexec_fn=small, env=environment)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"the output cannot be written: file too large" in done.stderr


def test_an_interrupted_write_is_not_written_twice(capture):
    with subprocess.Popen([*INTERRUPTED, capture], stdout=subprocess.PIPE, bufsize=0) as process:
        said = process.stdout.read(1000)
        until(lambda: waiting(process.stdout) > 32_768)  # its next write has to wait for room in the pipe
        process.send_signal(signal.SIGINT)
        while more := process.stdout.read(4000):
            said += more
        assert process.wait(60) == 130
    offsets = [json.loads(line)["offset"] for line in said.splitlines()]
    assert offsets == sorted(set(offsets))
    assert len(offsets) < 20_001


def test_a_second_interrupt_ends_the_wait_for_a_reader_that_does_not_read(capture):
    with subprocess.Popen([*INTERRUPTED, capture], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.peek(1)
        until(lambda: waiting(process.stdout) > 32_768)

        def ended():
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                return process.wait(0.5) == 130
            return False

        until(ended)
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize(("shell", "code"), [("events x >&-", 1), ("events - <&-", 1), ("events x 2>&-", 1)])
def test_closed_streams_are_empty_ones(shell, code, capture, tmp_path):
    line = f'"$0" -c "from rackprint.daemon.cli import main; main()" {shell}'
    done = subprocess.run(["sh", "-c", line, sys.executable], capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == code
    assert done.stdout == b""
    assert b"internal" not in done.stderr


def test_a_pipe_of_our_own_that_breaks_is_a_failure(monkeypatch):
    app = application("events")

    @app.command()
    def breaks() -> None:
        raise BrokenPipeError

    with pytest.raises(RuntimeError, match="has ended"):
        app(["breaks"])
