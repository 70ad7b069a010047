"""The gate before every route: who asks, how much and how often; and the line in the audit log."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rackprint.daemon.api.problems import ProblemError, answer
from rackprint.daemon.audit import AuditLog
from rackprint.daemon.config import Config
from rackprint.daemon.metrics import Metrics
from rackprint.daemon.tokens import Keys, Token

OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})
_BURST = 2.0  # seconds of its rate that a token may use at once
_STREAMS = "/v1/events"
LOCAL = "unix"


class _Bucket:
    """So many a second, with a little saved up."""

    __slots__ = ("at", "left")

    def __init__(self, rate: float) -> None:
        self.left, self.at = rate * _BURST, time.monotonic()

    def take(self, rate: float) -> float:
        """0 where one may go; else the seconds until one may."""
        now = time.monotonic()
        self.left = min(rate * _BURST, self.left + (now - self.at) * rate)
        self.at = now
        if self.left >= 1:
            self.left -= 1
            return 0.0
        return (1 - self.left) / rate


class Gate:
    """An ASGI application around another. On a Unix socket the rights of the file say who may ask; over TCP a token."""

    def __init__(self, app: ASGIApp, config: Config, keys: Keys, audit: AuditLog, metrics: Metrics) -> None:
        self._app, self._config, self._keys = app, config, keys
        self._audit, self._metrics = audit, metrics
        self._buckets: dict[str, _Bucket] = {}
        self._busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        request_id = secrets.token_hex(8)
        token = self._token(scope)
        state = scope.setdefault("state", {})
        state.update(token=token, request_id=request_id)
        read, status = 0, 0
        path: str = scope["path"]
        stream = path == _STREAMS

        async def receiving() -> Message:
            nonlocal read
            try:
                message = await asyncio.wait_for(receive(), None if status else self._config.limits.idle_seconds)
            except TimeoutError:
                seconds = self._config.limits.idle_seconds
                raise ProblemError(408, f"nothing came for {seconds:g} s; send faster") from None
            read += len(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        self._busy += not stream
        try:
            refused = self._refused(scope, token)
            if refused is not None:
                await refused(scope, receiving, sending)
            else:
                await self._app(scope, receiving, sending)
        finally:
            self._busy -= not stream
            seconds = time.monotonic() - began
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.request(scope["method"], route, status, seconds)
            self._audit.write(
                who=token.name if token else "-", peer=_peer(scope), method=scope["method"], path=_path(scope),
                status=status, bytes_in=read, ms=seconds * 1000, request_id=request_id,
            )  # fmt: skip

    def _token(self, scope: Scope) -> Token | None:
        if scope.get("client") is None or not self._config.auth.required:
            return _everyone(LOCAL if scope.get("client") is None else "local")
        given = HTTPConnection(scope).headers.getlist("authorization")
        kind, _, secret = given[0].partition(" ") if len(given) == 1 else ("", "", "")  # of two, who knows which counts
        return self._keys.find(secret.strip()) if kind.lower() == "bearer" else None

    def _refused(self, scope: Scope, token: Token | None) -> Any:
        """The answer to who may not go on; None for who may."""
        limits = self._config.limits
        if scope["path"] in OPEN:
            return None
        if self._busy > limits.requests_at_once:
            return answer(429, f"more than {limits.requests_at_once} requests at once; try again", retry=1)
        if token is None:
            return answer(401, "give a token: Authorization: Bearer …; rackprint token make NAME makes one")
        if limits.requests_per_second:
            bucket = self._buckets.setdefault(token.name, _Bucket(limits.requests_per_second))
            if wait := bucket.take(limits.requests_per_second):
                return answer(429, f"more than {limits.requests_per_second:g} requests a second", retry=int(wait) + 1)
        return None


def _everyone(name: str) -> Token:
    from datetime import UTC, datetime

    return Token(name=name, sha256="0" * 64, scopes=("admin",), created=datetime.now(UTC))


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else LOCAL


def _path(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    path: str = scope["path"]
    return f"{path}?{query}" if query else path
