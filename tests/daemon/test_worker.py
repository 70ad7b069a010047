"""Parsers run in a process that may die: a crash, a hang or a memory bomb is a Problem, and the next file is read."""

import gzip
import io
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import msgspec
import pytest
import zstandard

from rackprint.daemon.worker import Frame, Worker, Workers, _Answer, read
from rackprint.fingerprint.model import ArtifactInfo, Observation, Problem, Signal

INFO = ArtifactInfo("x.txt", "a" * 64, datetime(2026, 3, 1, tzinfo=UTC))
PROPS = b"[ro.serialno]: [A1B2C3]\n"


def parse(worker, path):
    observations, problems, parser = [], [], ""
    for frame in worker.parse(path, INFO):
        observations += frame.observations
        problems += frame.problems
        parser = frame.parser or parser
    return observations, problems, parser


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.txt"
    path.write_bytes(PROPS)
    return path


def test_a_file_is_read_and_its_reader_named(good, tmp_path):
    (tmp_path / "odd").write_bytes(b"\1\2\3")
    (tmp_path / "none").write_bytes(b"[ro.serialno]: [A1")
    with Workers() as workers:
        (found,), problems, parser = parse(workers, good)
        assert (found.signals[0].value, problems, parser) == ("A1B2C3", [], "getprop/1")
        assert parse(workers, tmp_path / "odd") == ([], [], "")
        assert parse(workers, tmp_path / "none")[2] == "getprop/1"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
def test_packed_files_are_unpacked_and_damage_is_said(pack, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(pack(PROPS))
    with Workers() as workers:
        assert len(parse(workers, path)[0]) == 1
        path.write_bytes(pack(PROPS * 50_000)[:-9])
        _, problems, _ = parse(workers, path)
        assert any("cannot be unpacked" in p.reason for p in problems)


def test_a_name_that_is_no_text_is_read(tmp_path):
    path = tmp_path / os.fsdecode(b"get\xffprop.txt")
    path.write_bytes(PROPS)
    with Workers() as workers:
        assert len(parse(workers, path)[0]) == 1


def test_a_hang_is_ended_and_the_next_file_is_read(good, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)  # opening it waits for a writer that never comes
    worker = Worker(time_limit=2)
    try:
        _, (problem,), _ = parse(worker, fifo)
        assert "took over 2 s" in problem.reason
        assert len(parse(worker, good)[0]) == 1
    finally:
        worker.close()


def test_a_death_is_said_and_the_next_file_is_read(good, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    worker = Worker()

    def kill():
        while worker._process is None:
            time.sleep(0.01)
        time.sleep(0.5)
        os.kill(worker._process.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        _, (problem,), _ = parse(worker, fifo)
        assert "died (signal 9)" in problem.reason
        assert len(parse(worker, good)[0]) == 1
    finally:
        thread.join()
        worker.close()


def test_too_much_memory_is_said_and_the_next_file_is_read(good, tmp_path):
    path = tmp_path / "wide.txt"
    path.write_bytes("[a]: [b]\n".encode("utf-16") + "x".encode("utf-16-le") * (60 << 20))
    worker = Worker(memory_limit=300 << 20)
    try:
        _, problems, _ = parse(worker, path)
        assert any("out of memory" in p.reason for p in problems)
        assert len(parse(worker, good)[0]) == 1
    finally:
        worker.close()


def test_an_answer_that_is_not_read_to_its_end_does_not_mix_with_the_next(good, tmp_path):
    many = tmp_path / "many.ndjson"
    many.write_text("".join(f'{{"time":"2026-03-01T08:30:00Z","source":"record:x","id":"{n}"}}\n' for n in range(5000)))
    worker = Worker()
    try:
        frames = worker.parse(many, INFO)
        assert len(next(frames).observations) == 500
        frames.close()
        assert len(parse(worker, good)[0]) == 1
    finally:
        worker.close()


CAPTURE = """
import sys
from rackprint.daemon.worker import read
from rackprint.fingerprint.model import ArtifactInfo
from datetime import UTC, datetime
with open(sys.argv[1], "rb") as stream:
    found = list(read(stream, ArtifactInfo("x", "a" * 64, datetime.now(UTC))))
print(len(found), "scapy" in sys.modules, "pyarrow" in sys.modules)
"""


def test_reading_a_capture_loads_neither_scapy_nor_pyarrow(request):
    path = request.config.rootpath / "fixtures/rack/capture/rack-ap.pcap"
    shown = subprocess.run([sys.executable, "-c", CAPTURE, str(path)], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["9", "False", "False"]


def test_read_gives_the_parsers_name_with_what_it_found():
    ((label, found),) = list(read(io.BytesIO(PROPS), INFO))
    assert (label, isinstance(found, Observation)) == ("getprop/1", True)
    ((label, problem),) = list(read(io.BytesIO(gzip.compress(PROPS)[:-4]), INFO))[-1:]
    assert isinstance(problem, Problem)


def test_one_observation_that_cannot_travel_costs_only_itself():
    out = io.BytesIO()
    answer = _Answer(out)
    for name, value in (("a", 1), ("b", 2**70), ("c", 3)):
        answer.add(Observation(name, INFO.taken_at, "record:x", signals=(Signal("n", value, str(value)),)))
    answer.send("x/1", done=True)
    frame = msgspec.msgpack.decode(out.getvalue()[4:], type=Frame)
    assert [o.id for o in frame.observations] == ["a", "c"]
    assert ("cannot be kept" in frame.problems[0].reason, frame.parser, frame.done) == (True, "x/1", True)
