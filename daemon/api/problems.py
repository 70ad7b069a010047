"""Errors as RFC 9457 has them: application/problem+json with what is wrong and what to do."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.reads import CursorError
from rackprint.daemon.store.records import StoreError

KIND = "application/problem+json"


class ProblemError(Exception):
    """An answer that is no success. ``more`` are further fields of it."""

    def __init__(self, status: int, detail: str, *, retry: int = 0, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry, self.more = status, detail, retry, more


def answer(status: int, detail: str, *, retry: int = 0, **more: Any) -> Response:
    """The answer; with ``retry``, when to try again, in seconds."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    headers = {"Retry-After": str(retry)} if retry else {}
    if status in {408, 413}:
        headers["Connection"] = "close"  # the rest of the body is not waited for
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="rackprint"'
    return Response(msgspec.json.encode(body), status, headers, KIND)


def install(app: FastAPI) -> None:
    """Has every error of ``app`` told so."""

    @app.exception_handler(ProblemError)
    async def _problem(request: Request, error: ProblemError) -> Response:
        return answer(error.status, error.detail, retry=error.retry, **error.more)

    @app.exception_handler(Exception)
    async def _unknown(request: Request, error: Exception) -> Response:
        return answer(500, f"internal error: {type(error).__name__}; the log says where, please report it")

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        found = answer(error.status_code, str(error.detail))
        found.headers.update(error.headers or {})
        return found

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        told = [{"where": ".".join(map(str, e["loc"])), "reason": e["msg"]} for e in error.errors()]
        return answer(422, "; ".join(f"{t['where']}: {t['reason']}" for t in told), errors=told)

    @app.exception_handler(CursorError)
    async def _cursor(request: Request, error: CursorError) -> Response:
        return answer(422, str(error))

    @app.exception_handler(StoreError)
    async def _store(request: Request, error: StoreError) -> Response:
        return answer(503, str(error), retry=5)

    @app.exception_handler(RackprintError)
    async def _known(request: Request, error: RackprintError) -> Response:
        return answer(404, str(error))
