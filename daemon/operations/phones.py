"""Whether phones could be read here: adb and its server, USB, and packet sockets. Nothing is started."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

from rackprint.daemon.acquire.adb.server import COMMON_PORT, binary
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.operations.finding import ABSENT, FAIL, OK, WARN, Finding

_NET_RAW = 13  # CAP_NET_RAW


def adb(port: int = COMMON_PORT, program: Path | None = None) -> Finding:
    """The adb that ``acquire`` uses, which is the one that adbutils brings, and whether somebody's server is beside."""
    try:
        path = program or binary()
        done = subprocess.run([path, "version"], capture_output=True, text=True, timeout=10, check=False)
    except RackprintError as error:
        return Finding("adb", ABSENT, str(error))
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("adb", FAIL, f"{program or 'adb'}: does not run ({error})", "reinstall adbutils")
    found = re.search(r"^Version (\S+)", done.stdout, re.MULTILINE) or re.search(r"version (\S+)", done.stdout)
    if done.returncode or not found:
        return Finding("adb", FAIL, f"{path}: gives no version", "reinstall adbutils")
    server = _server(port)
    if server is None:
        return Finding("adb", OK, f"{found[1]}; no other server on port {port}")
    told = f"{found[1]}; another server on port {port}: {server}"
    return Finding("adb", WARN, told, f"it may hold the phones: stop it, or acquire --adb 127.0.0.1:{port}")


def _server(port: int) -> str | None:
    """What answers on the port; asked in adb's own protocol, which starts nothing."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"000chost:version")
            answer = connection.recv(64)
    except OSError:
        return None
    if answer[:4] != b"OKAY":
        return "something that is no adb server"
    try:
        return f"protocol {int(answer[8:12], 16)}"
    except ValueError:
        return "protocol unknown"


def usb(sys: Path = Path("/sys/bus/usb"), dev: Path = Path("/dev/bus/usb")) -> Finding:
    """The devices, those that show ADB (interface class ff, subclass 42), and whether this user may open them."""
    if not sys.is_dir():
        return Finding("usb", ABSENT, f"{sys} is not there: no USB, or it is hidden from here")
    devices = [p for p in (sys / "devices").glob("*") if (p / "idVendor").is_file()]
    phones = [p for p in devices if any(_class(i) == ("ff", "42") for i in p.glob(f"{p.name}:*"))]
    told = f"{_count(len(devices), 'device')}, {len(phones)} with ADB"
    if not dev.is_dir():
        return Finding("usb", WARN, f"{told}; {dev} is not there", "give the container or service /dev/bus/usb")
    closed = [node for node in (_node(p, dev) for p in phones) if not os.access(node, os.R_OK | os.W_OK)]
    if closed:
        remedy = "install packaging/udev/70-rackprint.rules and be in group rackprint; docs/operate.md, USB phones"
        return Finding("usb", FAIL, f"{told}; {len(closed)} may not be opened, such as {closed[0]}", remedy)
    return Finding("usb", OK, told)


def _class(interface: Path) -> tuple[str, str]:
    return _text(interface / "bInterfaceClass"), _text(interface / "bInterfaceSubClass")


def _node(device: Path, dev: Path) -> Path:
    bus, number = (_text(device / name) for name in ("busnum", "devnum"))
    return dev / bus.zfill(3) / number.zfill(3)


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def capture(sys: Path = Path("/sys/class/net"), status: Path = Path("/proc/self/status")) -> Finding:
    """Whether packets could be read here, and on what interfaces."""
    up = sorted(p.name for p in sys.glob("*") if _text(p / "operstate") in {"up", "unknown"} and p.name != "lo")
    told = f"interfaces up: {', '.join(up) or 'none but lo'}"
    held = re.search(r"^CapEff:\s*([0-9a-f]+)", _text(status), re.MULTILINE)
    if not held or not int(held[1], 16) >> _NET_RAW & 1:
        remedy = "use rackprint-capture@.service, or run rackprint capture as root"
        return Finding("capture", ABSENT, f"no CAP_NET_RAW; {told}", remedy)
    return Finding("capture", OK, f"CAP_NET_RAW; {told}")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
