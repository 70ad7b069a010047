"""``python -m benchmarks.capture [--packets N] [--runs N] [--without PEER…]``: a capture to events, beside its peers.

The capture is the one that the targets describe (``capture_maker``). Everything is a process of its own, from its start
to its end, and they take turns, so that none has the machine for itself. A raw read of the file is the limit; QUIC's
share is seen on the same capture without its datagrams' Initials, which are then plain datagrams.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import capture_maker

PEER_PACKETS = 50_000  # of those that take minutes for the whole; they get the head of the capture
_PROGRAM = str(Path(sys.executable).with_name("rackprint"))
# What makes each start compile anew, and each line a write of its own, is no user's setting.
_ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}}
_RAW = "import sys\nwith open(sys.argv[1], 'rb', buffering=0) as f:\n    while f.read(1 << 20): pass\n"
_SCAPY = """
import sys
from scapy.utils import PcapReader
from scapy.layers import inet, l2
n = 0
with PcapReader(sys.argv[1]) as packets:
    for packet in packets:
        n += packet.haslayer(inet.TCP) or packet.haslayer(inet.UDP)
print(n)
"""
_DPKT = """
import sys, dpkt
n = 0
with open(sys.argv[1], 'rb') as file:
    for _, data in dpkt.pcap.Reader(file):
        ip = dpkt.ethernet.Ethernet(data).data
        n += isinstance(ip, dpkt.ip.IP) and isinstance(ip.data, (dpkt.tcp.TCP, dpkt.udp.UDP))
print(n)
"""
_NFSTREAM = """
import sys
from nfstream import NFStreamer
if __name__ == '__main__':
    print(sum(1 for _ in NFStreamer(source=sys.argv[1], n_dissections=20)))
"""


@dataclass(slots=True)
class Tool:
    """One that is measured; ``whole``: on all packets, else on the first PEER_PACKETS."""

    name: str
    command: list[str]
    whole: bool = True
    absent: str = ""
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: float = 0.0
    packets: int = 0
    failed: str = ""


def tools(left_out: set[str]) -> list[Tool]:
    """Ours, then the peers that are there; of the others, why not."""
    python = sys.executable
    found = [
        Tool("raw read", [python, "-c", _RAW]),
        Tool("rackprint events", [_PROGRAM, "events"]),
        Tool("rackprint signals", [_PROGRAM, "signals"]),
        Tool("scapy", [python, "-c", _SCAPY], whole=False),
        Tool("dpkt", [python, "-c", _DPKT], absent=_module("dpkt")),
        Tool("nfstream", [python, "-c", _NFSTREAM], absent=_module("nfstream")),
        Tool(
            "tshark",
            ["tshark", "-n", "-T", "fields", "-e", "tls.handshake.extensions_server_name", "-r"],
            False,
            _program("tshark"),
        ),
        Tool("p0f", ["p0f", "-r"], absent=_program("p0f")),
        Tool("ndpiReader", ["ndpiReader", "-q", "-i"], absent=_program("ndpiReader")),
    ]
    return [tool for tool in found if tool.name not in left_out]


def _module(name: str) -> str:
    return "" if importlib.util.find_spec(name) else "not installed (make bench-capture installs the bench extra)"


def _program(name: str) -> str:
    return "" if shutil.which(name) else "not installed"


def measure(tool: Tool, path: Path, packets: int) -> None:
    """Runs it once. A peer that fails is told of, and the rest goes on."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        command = [*tool.command, str(path)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=_ENVIRONMENT)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()
            tool.failed = f"failed with {process.returncode}: {said[-1] if said else ''}"
    tool.packets = packets
    tool.rates.append(packets / seconds)
    tool.cpu.append(used.ru_utime + used.ru_stime)
    tool.peak = max(tool.peak, used.ru_maxrss / 1024)


def head(source: Path, target: Path, packets: int) -> int:
    """The first ``packets`` of a pcap; how many there are."""
    with source.open("rb") as whole, target.open("wb") as part:
        part.write(whole.read(24))
        for number in range(packets):
            record = whole.read(16)
            if len(record) < 16:
                return number
            part.write(record + whole.read(int.from_bytes(record[8:12], "little")))
    return packets


def without_quic(source: Path, target: Path) -> None:
    """The same packets with the Initials' first byte turned into that of a short header: nothing is left to decrypt."""
    with source.open("rb") as whole, target.open("wb", buffering=1 << 20) as part:
        part.write(whole.read(24))
        while len(record := whole.read(16)) == 16:
            data = bytearray(whole.read(int.from_bytes(record[8:12], "little")))
            if data[23] == 17 and len(data) > 42 and data[42] & 0xC0 == 0xC0 and 443 in _ports(data):
                data[42] = 0x41
            part.write(record + data)


def _ports(data: bytearray) -> tuple[int, int]:
    return int.from_bytes(data[34:36], "big"), int.from_bytes(data[36:38], "big")


def rows(measured: list[Tool]) -> Iterator[str]:
    """The table: medians, and how many times as fast ``rackprint events`` is, by the clock and by CPU time, which a
    busy machine leaves as it is."""
    ours = next((t for t in measured if t.name == "rackprint events" and t.rates), None)
    yield f"{'':26}{'packets/s':>12} {'spread':>8} {'a CPU s':>12} {'events is':>19} {'peak RSS':>10}"
    for tool in measured:
        if tool.absent or not tool.rates:
            yield f"{tool.name:26}{tool.absent or 'not run'}"
            continue
        rate = _median(tool.rates)
        spread = (max(tool.rates) - min(tool.rates)) / rate
        each = tool.packets / max(_median(tool.cpu), 0.01)
        ratio = ""
        if ours:
            ratio = f"{_median(ours.rates) / rate:7.2f} x, {ours.packets / _median(ours.cpu) / each:7.2f} x"
        note = "" if tool.whole else f"  (first {PEER_PACKETS:,} packets)"
        yield (
            f"{tool.name:26}{rate:12,.0f} {spread:8.0%} {each:12,.0f} {ratio:>19} {tool.peak:6,.0f} MiB"
            f"{note}{'  ' + tool.failed if tool.failed else ''}"
        )


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def run(packets: int, runs: int, left_out: set[str], folder: Path) -> None:
    """Makes the captures, measures in turns, prints."""
    path, part, plain = folder / "whole.pcap", folder / "part.pcap", folder / "without-quic.pcap"
    empty = folder / "empty.pcap"
    began = time.perf_counter()
    size = capture_maker.write(path, packets)
    few = head(path, part, PEER_PACKETS)
    without_quic(path, plain)
    head(path, empty, 0)
    print(
        f"{packets:,} packets, {size / 1e6:.0f} MB, made in {time.perf_counter() - began:.0f} s; {runs} runs in turns"
    )
    measured = tools(left_out)
    bare = Tool("  events, without QUIC", [_PROGRAM, "events"])
    start = Tool("its start", [_PROGRAM, "events"])
    present = [tool for tool in (*measured, bare, start) if not tool.absent]
    for number in range(runs):
        for tool in present[number % len(present) :] + present[: number % len(present)]:
            if tool in (bare, start):
                measure(tool, plain if tool is bare else empty, packets)
            elif number == 0 or tool.whole:  # once is enough for what takes minutes
                measure(tool, path if tool.whole else part, packets if tool.whole else few)
    measured.insert(2, bare)
    for line in rows(measured):
        print(line)
    events = next((tool for tool in measured if tool.name == "rackprint events"), bare)
    cost = _median(events.cpu) - _median(bare.cpu)
    began, whole = (packets / _median(tool.rates) for tool in (start, events))
    print(
        f"rackprint events takes {whole:.2f} s, of which {began:.2f} s are the start of the program (a capture without "
        f"packets); without it {packets / (whole - began):,.0f} packets/s"
    )
    print(f"QUIC decryption: {cost:.2f} CPU s of {_median(events.cpu):.2f}, {cost / packets * 1e9:.0f} ns a packet")


def main() -> None:
    """Reads the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--packets", type=int, default=500_000, help="300 MB; 5,000,000 are 3 GB")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--without", nargs="*", default=[], help="peers to leave out, by name")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-capture-") as folder:
        run(given.packets, given.runs, set(given.without), Path(folder))


if __name__ == "__main__":
    main()
