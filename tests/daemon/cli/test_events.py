"""``rackprint events`` on files and pipes."""

import gzip
import os
import signal
import subprocess
import sys
import threading

import pytest
import zstandard

from tests.fingerprint.capture import build

COMMAND = [sys.executable, "-c", "from rackprint.daemon.cli import main; main()", "events"]
QUESTION = build.pcap(
    build.ether(build.ip4(build.udp(b"\0\7\1\0\0\1" + bytes(6) + b"\1a\3net\0\0\1\0\1", 4000, 53), 17))
)
RECORD = QUESTION[24:]


def run(*arguments, data=b"", code=0):
    done = subprocess.run([*COMMAND, *arguments], input=data, capture_output=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_a_pipe_gives_what_the_file_gives(pack, tmp_path):
    data = QUESTION + RECORD * 500
    (tmp_path / "a.pcap").write_bytes(pack(data))
    of_file, _ = run(tmp_path / "a.pcap")
    assert of_file.count(b"\n") == 501
    assert run("-", data=pack(data))[0] == of_file
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    sender = threading.Thread(target=fifo.write_bytes, args=(pack(data),))
    sender.start()
    assert run(fifo)[0] == of_file
    sender.join()


def test_a_packed_file_that_is_cut_gives_what_came_before(tmp_path):
    (tmp_path / "a.pcap.gz").write_bytes(gzip.compress(QUESTION + RECORD * 99)[:-9])
    out, said = run(tmp_path / "a.pcap.gz", code=1)
    assert out.count(b"\n") == 100
    assert b"a.pcap.gz: cannot be read on: Compressed file ended" in said
    assert b"fetch it again; what came before was kept" in said


def test_an_event_is_there_as_soon_as_its_packet_has_come():
    with subprocess.Popen([*COMMAND, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(QUESTION)
        process.stdin.flush()
        assert b"a.net" in process.stdout.readline()
        process.stdin.write(RECORD)
        process.stdin.flush()
        assert b"a.net" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("data", "lines", "said"),
    [
        (QUESTION[:-3], 0, b"-, byte 24: record claims"),
        (gzip.compress(QUESTION + RECORD * 99)[:-9], 100, b"-: cannot be read on:"),
        (zstandard.compress(QUESTION)[:-3], 0, b"-: cannot be read on:"),
        (b"", 0, b"-, byte 0: capture is empty"),
        (b"no", 0, b"-, byte 0: not a pcap"),
    ],
    ids=["cut", "gzip cut", "zstd cut", "empty", "noise"],
)
def test_a_pipe_that_ends_early_gives_what_came_and_one_line(data, lines, said):
    out, err = run("-", data=data, code=1)
    assert err.startswith(b"rackprint: " + said)
    assert err.count(b"\n") == 1
    assert out.count(b"\n") <= lines


def test_ctrl_c_ends_a_pipe_and_what_comes_at_the_end_is_told():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    stoppable = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "  # whoever runs the tests
    command = [sys.executable, "-c", stoppable + COMMAND[2], "events", "-"]
    with subprocess.Popen(command, **pipes) as running:
        running.stdin.write(QUESTION + build.pcap(build.ether(b"\x45\0\0\x28"))[24:] + RECORD)
        running.stdin.flush()
        told = [running.stdout.readline() for _ in range(2)]
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 1
        assert [line[:13] for line in told] == [b'{"kind":"dns"'] * 2
        assert b"packet is cut off" in running.stderr.read()
