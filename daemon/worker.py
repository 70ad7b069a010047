"""Runs parsers in a process of their own, which may be killed: a parser never takes rackprint down.

The parent writes one Job a line as JSON; the worker answers with length-prefixed MessagePack frames, the last of a
job marked ``done``. Captures get a worker of their own, because scapy (GPL-2.0-only) and Apache-2.0-only libraries
must not meet in one process (docs/licences.md).
"""

from __future__ import annotations

import io
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

import msgspec

from rackprint.daemon.acquire.files import open_evidence
from rackprint.daemon.acquire.packed import is_packed, unpack_errors, unpacked
from rackprint.daemon.acquire.parts import part
from rackprint.daemon.entries import Entry, taken_row, whole
from rackprint.fingerprint.ahead import ahead
from rackprint.fingerprint.model import ArtifactInfo, Observation, Problem
from rackprint.fingerprint.parsers import events as contract
from rackprint.fingerprint.parsers import find, parsers

BATCH = 500
ENTRIES = 4000  # of a frame that goes to the store
MEMORY_LIMIT = 4 << 30  # bytes of address space a worker may take
TIME_LIMIT = 900.0  # seconds one artifact may take


class Job(msgspec.Struct, frozen=True):
    """``size`` bytes to read follow the job where it has no path. ``form`` is what comes back: observations, ``wide``
    record batches, or ``entries`` for the store; with ``key`` the entries hold pseudonyms. ``events`` says that it is
    contract 1 whatever it looks like."""

    path: bytes  # as the file system has it: a name need not be text
    info: ArtifactInfo
    form: str = ""
    size: int = 0
    events: bool = False
    key: bytes = b""
    offset: int = 0


class Frame(msgspec.Struct):
    """Part of an answer: observations, or a record batch of them as bytes; problems; and, with ``done``, which parser
    read it ("" for none)."""

    observations: list[Observation] = []
    entries: list[Entry] = []
    problems: list[Problem] = []
    batch: bytes = b""
    parser: str = ""
    done: bool = False


class Worker:
    """One killable parser process, started at its first job and again after a death."""

    def __init__(self, *, memory_limit: int = MEMORY_LIMIT, time_limit: float = TIME_LIMIT) -> None:
        self._memory_limit, self._time_limit = memory_limit, time_limit
        self._process: subprocess.Popen[bytes] | None = None
        self._decode = msgspec.msgpack.Decoder(Frame).decode

    def parse(self, path: Path, info: ArtifactInfo, *, wide: bool = False) -> Iterator[Frame]:
        """Frames for the artifact at ``path``; its last has ``done``. A death or a time-out ends in a Problem. With
        ``wide``, formats that can come as record batches."""
        return self.run(Job(os.fsencode(path), info, "wide" if wide else ""))

    def run(self, job: Job, data: bytes = b"") -> Iterator[Frame]:
        """As :meth:`parse`, for any job; ``data`` is what it reads where it has no path."""
        process = self.start()
        assert process.stdin and process.stdout
        deadline = time.monotonic() + self._time_limit
        try:
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            process.stdin.write(data)
            process.stdin.flush()
            while True:
                size = int.from_bytes(_exactly(process.stdout, 4, deadline), "big")
                frame = self._decode(_exactly(process.stdout, size, deadline))
                yield frame
                if frame.done:
                    return
        except TimeoutError:
            reason = f"reading it took over {self._time_limit:.0f} s and was ended"
        except (EOFError, BrokenPipeError):
            reason = f"its parser died ({_death(process)})"
        except GeneratorExit:
            self.close()  # the rest of this answer must not be taken for the next one
            raise
        self.close()
        yield Frame(problems=[Problem(reason, "what came before was kept; RACKPRINT_DEBUG=1 shows why")], done=True)

    def start(self) -> subprocess.Popen[bytes]:
        """The process, which a job starts by itself."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rackprint.daemon.worker", str(self._memory_limit)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if os.environ.get("RACKPRINT_DEBUG") else subprocess.DEVNULL,
            )
        return self._process

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    _close(pipe)
            self._process = None


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # unsent bytes of a job whose worker is gone


def _death(process: subprocess.Popen[bytes]) -> str:
    code = process.wait(timeout=10)
    return f"signal {-code}" if code < 0 else "out of memory" if code == 3 else f"exit {code}"


def _exactly(pipe: IO[bytes], size: int, deadline: float) -> bytes:
    chunks: list[bytes] = []
    ready = select.poll()
    ready.register(pipe, select.POLLIN)
    while size:
        left = deadline - time.monotonic()
        if left <= 0 or not ready.poll(left * 1000):
            raise TimeoutError
        chunk = os.read(pipe.fileno(), min(size, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


class Workers:
    """The workers by what they may load; use as a context manager."""

    def __init__(self, *, memory_limit: int = MEMORY_LIMIT, time_limit: float = TIME_LIMIT) -> None:
        self._capture = Worker(memory_limit=memory_limit, time_limit=time_limit)
        self._other = Worker(memory_limit=memory_limit, time_limit=time_limit)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm(self, path: Path | None = None) -> None:
        """Starts the process that will read ``path``, or reads most things, before its first job. Raises OSError when
        the file cannot be opened."""
        worker = self._other
        if path is not None:
            with open_evidence(path) as stream:
                worker = self._capture if _is_capture(stream) else self._other
        worker.start()

    def close(self) -> None:
        """Ends the processes; the next job starts them anew."""
        self._capture.close()
        self._other.close()

    def parse(self, path: Path, info: ArtifactInfo, *, wide: bool = False) -> Iterator[Frame]:
        """As Worker.parse; raises OSError when the file cannot be opened."""
        yield from self.run(Job(os.fsencode(path), info, "wide" if wide else ""))

    def run(self, job: Job, data: bytes = b"") -> Iterator[Frame]:
        """As Worker.run; raises OSError when the file cannot be opened."""
        worker = self._other
        if not job.events:
            with _opened(job, data) as stream:
                worker = self._capture if _is_capture(stream) else self._other
        yield from worker.run(job, data)


_CAPTURE_MAGICS = frozenset(
    bytes.fromhex(m) for m in ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "0a0d0d0a", "a1b2cd34", "34cdb2a1")
)


def _is_capture(stream: BinaryIO) -> bool:
    head = stream.read(4)
    if not is_packed(head):
        return head in _CAPTURE_MAGICS
    stream.seek(0)
    try:
        return unpacked(stream)[1][:4] in _CAPTURE_MAGICS
    except unpack_errors():
        return False  # the worker reads it again and says what is wrong


def _opened(job: Job, data: bytes) -> BinaryIO:
    """What a job reads: the bytes that came with it, a file, or a part of one."""
    if not job.path:
        return io.BytesIO(data)
    stream = open_evidence(Path(os.fsdecode(job.path)))
    return part(stream, job.offset, job.size) if job.size else stream


def read(stream: BinaryIO, info: ArtifactInfo, *, wide: bool = False) -> Iterator[tuple[str, Any]]:
    """(parser name/version, observation, problem, or with ``wide`` a record batch) of an opened file; nothing for a
    file that no parser knows."""
    try:
        content, head = unpacked(stream)
        parser = find(head, info.name)
        if parser is None:
            return
        label = f"{parser.name}/{parser.version}"
        parse = getattr(parser, "parse_wide", parser.parse) if wide else parser.parse
        for parsed in ahead(parse(content, info)) if wide else parse(content, info):
            yield label, parsed
    except unpack_errors() as error:
        yield "", Problem(f"cannot be unpacked on: {error}", "what came before was kept; fetch the file again")


def taken(stream: BinaryIO, job: Job) -> Iterator[tuple[str, Any]]:
    """(parser name/version, entry or problem) of an opened file. Lines of contract 1 stay as they were sent."""
    try:
        content, head = unpacked(stream)
        parser = contract.EVENTS if job.events else find(head, job.info.name)
        if parser is None:
            return
        label = f"{parser.name}/{parser.version}"
        if parser is contract.EVENTS and not job.info.exhibit and not job.key:
            for found in contract.rows(content):
                yield label, taken_row(found, job.info) if isinstance(found, contract.Found) else found
            return
        disguise = _disguise(job.key)
        for parsed in parser.parse(content, job.info):
            if isinstance(parsed, Problem):
                yield label, _unquoted(parsed) if job.key else parsed
            else:
                yield label, _whole(disguise(parsed))
    except unpack_errors() as error:
        yield "", Problem(f"cannot be unpacked on: {error}", "what came before was kept; fetch the file again")


def _unquoted(problem: Problem) -> Problem:
    from rackprint.fingerprint.pseudonym import unquoted

    return msgspec.structs.replace(problem, reason=unquoted(problem.reason))


def _whole(observation: Observation) -> Entry | Problem:
    try:
        return whole(observation)
    except ValueError as error:
        return Problem(f"id {observation.id} {error}", "mend the value at its source", observation.position)


def _disguise(key: bytes) -> Callable[[Observation], Observation]:
    if not key:
        return lambda observation: observation
    from rackprint.fingerprint.pseudonym import Key, pseudonymise

    prepared = Key(key)
    return lambda observation: pseudonymise(observation, prepared)


class _Answer:
    """Sends what a job yields in batches; what is pending goes out even when the parser fails."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._frame = out, Frame()
        self._encode = msgspec.msgpack.Encoder().encode

    def add(self, parsed: Any) -> None:
        if isinstance(parsed, Problem):
            self._frame.problems.append(parsed)
        elif isinstance(parsed, Observation):
            self._frame.observations.append(parsed)
        elif isinstance(parsed, Entry):
            self._frame.entries.append(parsed)
        else:
            from rackprint.fingerprint.parsers.batches import frozen

            self._frame.batch = frozen(parsed)
            self.send()
        frame = self._frame
        if len(frame.observations) + len(frame.problems) >= BATCH or len(frame.entries) >= ENTRIES:
            self.send()

    def _singled_out(self, frame: Frame) -> Frame:
        """The frame with each observation that has no MessagePack form replaced by a Problem."""
        kept = Frame(problems=list(frame.problems), batch=frame.batch, parser=frame.parser, done=frame.done)
        for observation in frame.observations:
            try:
                self._encode(observation)
                kept.observations.append(observation)
            except _CANNOT_TRAVEL as error:
                kept.problems.append(
                    Problem(f"a value cannot be kept: {error}", "mend the value", observation.position)
                )
        return kept

    def send(self, parser: str = "", *, done: bool = False) -> None:
        frame, self._frame = self._frame, Frame()
        frame.parser, frame.done = parser, done
        try:
            data = self._encode(frame)
        except _CANNOT_TRAVEL:
            data = self._encode(self._singled_out(frame))
        self._out.write(len(data).to_bytes(4, "big") + data)
        self._out.flush()


_CANNOT_TRAVEL = (OverflowError, UnicodeEncodeError, ValueError)


def _run(job: Job, data: bytes, answer: _Answer) -> None:
    label = ""
    with _opened(job, data) as stream:
        try:
            read_it = taken(stream, job) if job.form == "entries" else read(stream, job.info, wide=job.form == "wide")
            for found, parsed in read_it:
                label = found or label
                answer.add(parsed)
        except BaseException:
            answer.send()
            raise
        if not label:
            stream.seek(0)
            label = _parser_of(stream, job.info)
    answer.send(label, done=True)


def _parser_of(stream: BinaryIO, info: ArtifactInfo) -> str:
    """The parser that knows a file which gave nothing; "" when none does."""
    try:
        parser = find(unpacked(stream)[1], info.name)
    except unpack_errors():
        return ""
    return f"{parser.name}/{parser.version}" if parser else ""


def main() -> None:
    """The worker's loop: jobs on stdin, frames on stdout, until stdin closes."""
    import resource

    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not break the frames
    parsers()  # loaded before the first job comes
    for line in sys.stdin.buffer:
        job = msgspec.json.decode(line, type=Job)
        try:
            _run(job, b"" if job.path else sys.stdin.buffer.read(job.size), _Answer(out))
        except MemoryError:
            sys.exit(3)


if __name__ == "__main__":
    main()
