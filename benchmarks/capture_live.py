"""``python -m benchmarks.capture_live [RATE…]``: packets a second that ``rackprint capture`` takes without a drop.

A veth pair in a namespace of its own; the sender hands the kernel 64 frames of 600 bytes a call (sendmmsg), paced, for
ten seconds a rate. Sender, capture, hashing, reading and linking share this machine, as they do at work. Needs root.
"""

from __future__ import annotations

import ctypes
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS, SIZE, BATCH = 10.0, 600, 64
RATES = (25_000, 50_000, 100_000, 200_000, 400_000)


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """struct mmsghdr with its msghdr (sendmmsg(2))."""

    _fields_ = (
        ("name", ctypes.c_void_p), ("name_size", ctypes.c_uint), ("iov", ctypes.POINTER(_Iovec)),
        ("count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("sent", ctypes.c_uint),
    )  # fmt: skip


def send(interface: str, rate: int) -> int:
    """Sends UDP frames at ``rate`` for SECONDS; how many went out."""
    udp = (SIZE - 34).to_bytes(2, "big")
    ip = b"\x45\0" + (SIZE - 14).to_bytes(2, "big") + b"\0\0\x40\0\x40\x11\0\0\x0a\x4d\0\2\x0a\x4d\0\1"
    frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + b"\x13\x88\x13\x89" + udp + b"\0\0"
    buffer = ctypes.create_string_buffer(frame.ljust(SIZE, b"x"), SIZE)
    iovec = _Iovec(ctypes.addressof(buffer), SIZE)
    messages = (_Message * BATCH)(*(_Message(iov=ctypes.pointer(iovec), count=1) for _ in range(BATCH)))
    libc = ctypes.CDLL(None, use_errno=True)
    sent, began = 0, time.perf_counter()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((interface, 0))
        while (spent := time.perf_counter() - began) < SECONDS:
            if sent > spent * rate:
                time.sleep(BATCH / rate)
                continue
            sent += max(libc.sendmmsg(out.fileno(), messages, BATCH, 0), 0)
    return sent


def _spent(command: int) -> float:
    """CPU seconds of the process that captures for ``command``."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
            module = stat.with_name("cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        if int(words[1]) == command and b"acquire.capture.process" in module:
            return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def measure(rate: int) -> str:
    """One rate, as a line."""
    program = Path(sys.executable).with_name("rackprint")
    with tempfile.TemporaryDirectory() as folder:
        command = [
            program,
            "capture",
            "vb",
            "--case",
            f"{folder}/case",
            "--seconds",
            str(SECONDS + 3),
            "--host",
            "bench",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr
            process.stderr.readline()
            before = _spent(process.pid)
            sent = send("va", rate)
            time.sleep(0.5)
            cpu = _spent(process.pid) - before
            said = process.communicate()[0]
    found = re.search(r"([\d,]+) packets.* ([\d,]+) dropped", said)
    if not found:
        return f"{rate:9,}/s: {said.strip()}"
    taken, dropped = (int(text.replace(",", "")) for text in found.groups())
    return (
        f"{rate:9,}/s wanted, {sent / SECONDS:9,.0f}/s sent: {taken:,} of {sent:,} written, {dropped:,} dropped; "
        f"the capturing process took {cpu / max(taken, 1) * 1e6:.1f} us CPU a packet"
    )


def main() -> None:
    """Every rate in a namespace that ends with this process."""
    os.unshare(os.CLONE_NEWNET) if hasattr(os, "unshare") else ctypes.CDLL(None).unshare(0x40000000)
    subprocess.run(
        "ip link add va type veth peer name vb && ip link set va up && ip link set vb up", shell=True, check=True
    )
    for rate in [int(text) for text in sys.argv[1:]] or RATES:
        print(measure(rate), flush=True)


if __name__ == "__main__":
    main()
