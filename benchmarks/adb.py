"""``python -m benchmarks.adb [PHONES…]``: many phones over ADB at once, against adbutils one by one, in the same run.

The phones are emulated (``rackprint simulate-rack``) behind the real adb server, so every command goes over the wire
twice. "asked and kept" is from the first list of phones to the last answer that is on the disk, in the custody log and
read; "whole" is with the start of every process and the linking.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from rackprint.daemon.acquisition import run as acquisition
from rackprint.daemon.acquisition.board import Board, Phase
from rackprint.daemon.acquisition.recorder import Recorder
from rackprint.daemon.acquisition.run import Plan
from rackprint.daemon.simulated import rendezvous
from rackprint.fingerprint.commands import table
from rackprint.fingerprint.commands.model import Command, Phone

COMMANDS = 20
_READY = 120.0


@contextmanager
def rack(phones: int, delay: int) -> Iterator[rendezvous.Rack]:
    """A simulated rack in a process of its own, all of it over TCP."""
    program = Path(sys.executable).with_name("rackprint")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        command = [program, "simulate-rack", str(phones), "--equal", "0", "--delay", str(delay)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            try:
                end = time.monotonic() + _READY
                while (found := rendezvous.find()) is None and time.monotonic() < end:
                    time.sleep(0.05)
                ready = found.wait(_READY) if found else None
                if ready is None:
                    raise SystemExit("the simulated rack does not start")
                yield ready
            finally:
                process.terminate()


def ours(found: rendezvous.Rack, phones: int) -> tuple[float, float]:
    """Seconds in which all is asked and kept, and of the whole run."""
    times: dict[str, float] = {}

    def watch(board: Board) -> None:
        if board.all():
            times.setdefault("first", time.perf_counter())

    whole, drain = table.commands, Recorder.drain

    def drained(recorder: Recorder) -> None:
        drain(recorder)
        times["kept"] = time.perf_counter()

    def few(phone: Phone, *, slow: bool = False) -> tuple[Command, ...]:
        return whole(phone, slow=slow)[: COMMANDS - len(table.FIRST)]

    with (
        mock.patch.object(Recorder, "drain", drained),
        mock.patch.object(table, "commands", few),
        tempfile.TemporaryDirectory() as folder,
    ):
        began = time.perf_counter()
        plan = Plan(Path(folder) / "case", servers=found.servers, host="bench", simulated=True)
        report = acquisition.acquire(plan, watch=watch)
    ended = time.perf_counter()
    done = [seen for seen in report.board.all() if seen.phase is Phase.DONE]
    if (len(done), report.records, report.refused) != (phones, phones * COMMANDS, []):
        raise SystemExit(f"{len(done)} of {phones} phones, {report.records} records, {report.refused[:3]}")
    return times["kept"] - times["first"], ended - began


def one_by_one(found: rendezvous.Rack) -> float:
    """The same commands with adbutils, as its documentation has them."""
    import adbutils

    began = time.perf_counter()
    for where in found.servers:
        client = adbutils.AdbClient(where.host, where.port)
        for info in client.list():
            device = client.device(info.serial)
            said = {command.name: device.shell(command.line) for command in table.FIRST}
            phone = table.phone_of(said["getprop"].encode())
            for command in table.commands(phone)[: COMMANDS - len(table.FIRST)]:
                device.shell(command.line)
    return time.perf_counter() - began


def run(phones: int, delay: int, *, peer: bool) -> None:
    """One row."""
    with rack(phones, delay) as found:
        asked, whole = ours(found, phones)
        other = one_by_one(found) if peer else 0.0
    told = f"{phones:5} phones x {COMMANDS}, {delay:2} ms a command, {len(found.servers)} adb server(s): "
    told += f"asked and kept {asked:6.2f} s, whole {whole:6.2f} s"
    if peer:
        told += f"; adbutils one by one {other:6.1f} s, {other / asked:.0f} times as long"
    print(told, flush=True)


if __name__ == "__main__":
    counts = [int(text) for text in sys.argv[1:]] or [100, 500, 1000]
    for count in counts:
        for each in (0, 50):
            run(count, each, peer=count <= 100)
