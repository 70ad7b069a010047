"""A daemon of its own for tests of what it serves: a case, a free port, and a token for each scope."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from rackprint.daemon.tokens import SCOPES, make

COMMAND = [sys.executable, "-c", "from rackprint.daemon.cli import main; main()"]
RACK = Path(__file__).parents[1] / "fixtures/rack"
EVENTS = sorted((RACK / "platforms").glob("*.ndjson"))
_QUICK = {"RACKPRINT_LINK__IDLE_SECONDS": "0.1", "RACKPRINT_LINK__EVERY_SECONDS": "1"}
_PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used; by itself each client would read all authorities
START = 60.0  # seconds; a machine that is busy is slow


class Daemon:
    """``settings`` are keys of the configuration: ``limits__body_mb="1"``."""

    def __init__(self, case: Path, **settings: str) -> None:
        self.case, self.port, self.log = case, 0, case / "daemon.log"
        case.mkdir(parents=True, exist_ok=True)
        self.tokens = {scope: make(case, scope, [scope]) for scope in SCOPES}
        own = {f"RACKPRINT_{key.upper()}": value for key, value in settings.items()}
        self._environment = {**os.environ, **_QUICK, **own}
        self.tls = "listen__tls_cert" in settings
        self.process: subprocess.Popen[bytes] | None = None
        self._clients: list[httpx.Client] = []

    def start(self) -> Daemon:
        """Starts it and waits until evidence is taken in."""
        begins = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            command = [*COMMAND, "serve", "--case", str(self.case), "--port", "0"]
            self.process = subprocess.Popen(command, env=self._environment, stderr=log, stdout=log)
        end = time.monotonic() + START
        while not (found := re.search(rb"serving .* at https?://127\.0\.0\.1:(\d+)", self.log.read_bytes()[begins:])):
            assert self.process.poll() is None, self.told()
            assert time.monotonic() < end, self.told()
            time.sleep(0.02)
        self.port = int(found[1])
        with self.client("") as client:
            while client.get("/readyz").status_code != 200:
                assert time.monotonic() < end, self.told()
                time.sleep(0.02)
        return self

    def stop(self, seconds: float = 40.0) -> float:
        """SIGTERM, and a clean end; how long it took."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        assert self.process is not None
        assert self.process.poll() is None, self.told()
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"it does not end: {self.told()}") from None
        assert code == 0, self.told()
        log = self.log.read_text(errors="replace")
        at = log.find("Traceback")
        assert at < 0, log[max(at - 500, 0) : at + 4000]
        return time.monotonic() - began

    def told(self) -> str:
        """The end of what it logged."""
        return self.log.read_text(errors="replace")[-4000:]

    def client(self, scope: str = "admin", **more: Any) -> httpx.Client:
        """A client with the token of ``scope``; empty: without."""
        headers = {"Authorization": f"Bearer {self.tokens[scope]}"} if scope else {}
        base = f"http{'s' * self.tls}://127.0.0.1:{self.port}"
        client = httpx.Client(base_url=base, headers=headers, timeout=30, verify=self.tls or _PLAIN, **more)
        self._clients.append(client)
        return client

    def connect(self, context: ssl.SSLContext | None = None) -> socket.socket:
        """A bare connection, for what no client would send."""
        found = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return context.wrap_socket(found, server_hostname="localhost") if context else found

    def raw(self, data: bytes, *, half: bool = False) -> bytes:
        """All that it answers to these bytes until it closes; ``half`` closes our side after them."""
        with self.connect() as connection:
            try:
                connection.sendall(data)
                if half:
                    connection.shutdown(socket.SHUT_WR)
                return everything(connection)
            except ConnectionError:
                return b""

    def linked(self) -> dict[str, Any]:
        """Waits until the linkage and the index know all."""
        end = time.monotonic() + START
        with self.client() as client:
            while time.monotonic() < end:
                found = client.get("/v1/status").raise_for_status().json()
                linker, resolver = found["linker"], found["resolver"]
                if not (linker["lag"] or linker["running"] or resolver["lag"]) and resolver["whole"]:
                    return found
                time.sleep(0.05)
        raise AssertionError(found)

    def fed(self) -> Daemon:
        """Takes in the rack's platform events, and links."""
        with self.client("ingest") as client:
            for path in EVENTS:
                client.post("/v1/observations", content=path.read_bytes()).raise_for_status()
        self.linked()
        return self


def everything(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    found = bytearray()
    try:
        while piece := connection.recv(1 << 16):
            found += piece
    except ConnectionError:
        pass
    return bytes(found)
