"""The adb server: started by us on a port of its own, from the binary that adbutils brings, and ended by us.

Nobody else's server is killed or used unasked: an analysis host may have one that other people work through.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from rackprint.daemon.errors import RackprintError

MOST = 500  # phones a server: adb aborts near 1,000 descriptors, and each phone takes two of them
COMMON_PORT = 5037  # where everyone's own adb server listens
_START = 10.0  # seconds that a server has to begin to answer
_QUIET = {  # nothing is looked for on the network, nor on the ports of emulators
    "ADB_MDNS": "0",
    "ADB_MDNS_OPENSCREEN": "0",
    "ADB_MDNS_AUTO_CONNECT": "0",
    "ADB_LOCAL_TRANSPORT_MAX_PORT": "0",
}


@dataclass(frozen=True, slots=True)
class Address:
    """Where an adb server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """``HOST:PORT`` as an address. Raises RackprintError for anything else."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise RackprintError(f"{text}: is no HOST:PORT; 127.0.0.1:{COMMON_PORT} is where adb servers mostly listen")
    return Address(host.strip("[]"), int(port))


def binary() -> Path:
    """The adb that came with adbutils, whatever is on the PATH. Raises RackprintError where this platform has none."""
    from importlib.util import find_spec

    found = find_spec("adbutils")
    path = Path(found.origin or "").parent / "binaries" / "adb" if found else Path()
    if not path.is_file():
        raise RackprintError("adbutils brought no adb for this platform; give a server that runs with --adb HOST:PORT")
    return path


def version() -> str:
    """What that adb says of itself, in one line."""
    told = subprocess.run([binary(), "version"], capture_output=True, text=True, timeout=_START, check=False).stdout
    return next((line.removeprefix("Version ").strip() for line in told.splitlines() if line.startswith("Version")), "")


def listens(where: Address) -> bool:
    """Whether anyone answers there."""
    try:
        with socket.create_connection((where.host, where.port), timeout=1):
            return True
    except OSError:
        return False


class Server:
    """An adb server of our own, in the foreground as our child; a context manager. Without ``usb`` it leaves the phones
    on this host's USB alone."""

    def __init__(self, *, home: Path | None = None, usb: bool = True) -> None:
        self.address = Address("127.0.0.1", _free_port())
        environment = {**os.environ, **_QUIET}
        environment.pop("ANDROID_ADB_SERVER_ADDRESS", None)
        if not usb:
            environment["ADB_USB"] = "0"
        if home is not None:
            environment["HOME"] = str(home)
            environment.pop("ADB_VENDOR_KEYS", None)
        launch = [sys.executable, "-m", "rackprint.daemon.acquire.adb.launch", str(os.getpid())]
        command = [*launch, str(binary()), "-L", f"tcp:localhost:{self.address.port}", "server", "nodaemon"]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us; it is ended when the phones are left
        )  # fmt: skip
        self._await()

    def _await(self) -> None:
        end = time.monotonic() + _START
        while not listens(self.address):
            if self._process.poll() is not None or time.monotonic() > end:
                self.close()
                raise RackprintError(f"adb does not start ({self._process.returncode}); run {binary()} server nodaemon")
            time.sleep(0.02)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
