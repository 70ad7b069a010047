"""A daemon that is killed again and again under load, and what must be true of its case afterwards.

``python tests/crashing.py 300`` (``make soak``) does it that often and says how long a start took."""

from __future__ import annotations

import atexit
import http.client
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from rackprint.daemon.evidence.verify import verify_case
from rackprint.daemon.pipeline import artifacts_read, store_head
from rackprint.daemon.store.repository import Store
from rackprint.daemon.tokens import make

COMMAND = [sys.executable, "-c", "from rackprint.daemon.cli import main; main()"]
START = 5.0  # seconds until it serves again


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Killed:
    """A case with a daemon that may be killed and started again."""

    def __init__(self, case: Path, *, token: str = "", **environment: str) -> None:
        self.case, self.port = case, free_port()
        self.token = token or make(case, "test", ["admin"])
        self._environment = {**os.environ, "RACKPRINT_LINK__EVERY_SECONDS": "1", **environment}
        self.process: subprocess.Popen[bytes] | None = None
        self.starts: list[float] = []

    def start(self) -> float:
        """Starts it; the seconds until evidence was taken in."""
        began = time.monotonic()
        log = (self.case / "daemon.log").open("ab")
        command = [*COMMAND, "serve", "--case", str(self.case), "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=self._environment, stderr=log, start_new_session=True)
        atexit.register(self.process.kill)  # of a test that failed before it came to that
        log.close()
        while not self.ready():
            assert self.process.poll() is None, (self.case / "daemon.log").read_text()[-2000:]
            assert time.monotonic() - began < 60, "it does not start"
            time.sleep(0.02)
        self.starts.append(time.monotonic() - began)
        return self.starts[-1]

    def ready(self) -> bool:
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"Authorization": f"Bearer {self.token}", **headers})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()

    def children(self) -> list[tuple[int, str]]:
        """(pid, what it runs) of its processes."""
        assert self.process is not None
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = stat.read_text().rpartition(")")[2].split()[1]
                command = (stat.parent / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if int(parent) == self.process.pid:
                found.append((int(stat.parent.name), command))
        return found

    def kill(self, what: str = "") -> None:
        """SIGKILL for the daemon, or for the child of it that runs ``what``."""
        assert self.process is not None
        if not what:
            self.process.kill()
            self.process.wait()
            return
        for pid, command in self.children():
            if what in command:
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, (self.case / "daemon.log").read_text()[-2000:]


@dataclass
class Load:
    """Threads that send bodies until they are told to stop, and remember what was acknowledged."""

    daemon: Killed
    seed: int
    sent: dict[bytes, list[str]] = field(default_factory=dict)
    acknowledged: set[bytes] = field(default_factory=set)
    numbers: itertools.count = field(default_factory=itertools.count)
    refused: frozenset[int] = frozenset({429, 503})  # what a client that tries again may be told
    seen: set[int] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    def body(self, dice: random.Random) -> bytes:
        """A body of some lines; every third has lines without an id."""
        number = next(self.numbers)
        lines, ids = [], []
        for n in range(dice.choice((1, 20, 200, 3000))):
            name = f"{self.seed}-{number}-{n}"
            key = "" if number % 3 == 0 else f'"id":"{name}",'
            lines.append(
                f'{{{key}"time":"2026-03-01T08:{n % 60:02}:00Z","source":"platform:p","account":"p:{n % 50}",'
                f'"signals":{{"android_id":"{number % 40:016x}","model":"SM-G960F","note":"{name}"}}}}'
            )
            ids.append(name)
        body = ("\n".join(lines) + "\n").encode()
        self.sent[body] = ids
        return body

    def work(self, which: int) -> None:
        dice = random.Random(f"{self.seed} {which}")
        while not self.over.is_set():
            self.deliver(self.body(dice))

    def deliver(self, body: bytes) -> None:
        """One try; an acknowledgement is remembered."""
        try:
            status, answer = self.daemon.ask("POST", "/v1/observations", body)
        except (OSError, http.client.HTTPException):
            time.sleep(0.01)
            return
        self.seen.add(status)
        if status == 200:
            assert answer["accepted"] + answer["duplicate"] == len(self.sent[body])
            self.acknowledged.add(body)
        else:
            assert status in self.refused, (status, answer)
            time.sleep(0.01)

    def run(self, seconds: float, threads: int = 3) -> list[threading.Thread]:
        self.over.clear()
        found = [threading.Thread(target=self.work, args=(n,)) for n in range(threads)]
        for thread in found:
            thread.start()
        time.sleep(seconds)
        return found


def notes(case: Path) -> list[str]:
    """The note of every observation in the case."""
    with Store.open(case) as store:
        return [str(next(s.value for s in o.signals if s.name == "note")) for o in store.observations()]


def check(case: Path, load: Load) -> None:
    """Nothing acknowledged is lost, nothing is there twice, and the case verifies."""
    there = notes(case)
    assert len(there) == len(set(there)), "something is there twice"
    wanted = {note for body in load.acknowledged for note in load.sent[body]}
    assert wanted <= set(there), f"{len(wanted - set(there))} acknowledged observations are lost"
    assert set(there) <= {note for ids in load.sent.values() for note in ids}
    head, problem = store_head(case)
    assert not problem
    faults = verify_case(case, head, read=artifacts_read(case))
    assert not faults, faults


def torture(case: Path, times: int, seed: int, **environment: str) -> Killed:
    """Kills the daemon so often at random; every fourth time only its writer."""
    daemon = Killed(case, **environment)
    load, dice = Load(daemon, seed), random.Random(seed)
    daemon.start()
    for n in range(times):
        threads = load.run(dice.uniform(0.02, 0.35))
        if n % 4 == 3:
            daemon.kill("rackprint.daemon.intake.writer")
            time.sleep(0.05)
        else:
            daemon.kill()
        load.over.set()
        for thread in threads:
            thread.join()
        if n % 4 != 3:
            daemon.start()
        load.numbers = itertools.count((n + 1) * 1_000_000)
    for body in list(load.sent):  # what was not acknowledged is sent again, as a client would
        while body not in load.acknowledged:
            load.deliver(body)
    daemon.stop()
    check(case, load)
    assert load.acknowledged
    return daemon


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with tempfile.TemporaryDirectory() as folder:
        seed = random.randrange(1 << 30)
        daemon = torture(Path(folder), times, seed)
        starts = sorted(daemon.starts)
        print(
            f"{times} kills (seed {seed}): nothing acknowledged lost, nothing twice, custody verifies; serving again "
            f"after {starts[len(starts) // 2]:.1f} s, at most {starts[-1]:.1f} s"
        )
        assert starts[-1] <= START, "a start took too long"


if __name__ == "__main__":
    main()
