"""What goes in: observations, whole files, and large files in parts."""

from __future__ import annotations

import time
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from rackprint.daemon.api import models
from rackprint.daemon.api.access import needs, service
from rackprint.daemon.api.blocks import blocks
from rackprint.daemon.api.problems import KIND, ProblemError
from rackprint.daemon.api.receiving import Body, encoding, expected, pieces, receive
from rackprint.daemon.intake.client import BusyError
from rackprint.daemon.intake.committing import incoming
from rackprint.daemon.intake.messages import OBSERVATIONS, Outcome, Take
from rackprint.daemon.service import Service

router = APIRouter(prefix="/v1", tags=["ingest"], dependencies=[needs("ingest")])
ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"content": {KIND: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for code in (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503, 507)
}
ERRORS[400]["model"] = models.Problem  # one tells what it is; FastAPI would build each of them anew for each route
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200, description="Answers a repeat as the first time")]
Text = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_LINES = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
        },
    }
}
_BYTES = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("/observations", response_model=models.Taken, responses=ERRORS, openapi_extra=_LINES)
async def observations(request: Request, key: Key = "") -> Response:
    """Takes in observations, one JSON object a line or an array of them, also packed with gzip or zstd. The answer
    comes when they are committed; sending again is harmless."""
    found = service(request)
    packed = encoding(request)
    limit = found.config.limits.body_mb << 20
    length = expected(request, limit)
    _room(found, min(length or 0, found.config.limits.small_kb << 10))
    if found.key:
        return await _in_blocks(request, found, packed, limit, key)
    body = await receive(request, incoming(found.case), found.config.limits.small_kb << 10, limit)
    return await taken(request, body, OBSERVATIONS, events=True, key=key)


@router.post("/artifacts", response_model=models.Taken, responses=ERRORS, openapi_extra=_BYTES)
async def artifacts(request: Request, name: Text = "artifact", exhibit: Text = "", key: Key = "") -> Response:
    """Takes in one file of any supported format: kept as it is, read, and its observations committed."""
    found = service(request)
    if found.key:
        raise ProblemError(409, "a platform's case keeps no files; send observations")
    limit = found.config.limits.artifact_mb << 20
    length = expected(request, limit)
    _room(found, min(length or 0, found.config.limits.small_kb << 10))
    body = await receive(request, incoming(found.case), found.config.limits.small_kb << 10, limit)
    return await taken(request, body, name, events=False, key=key, exhibit=exhibit)


async def taken(request: Request, body: Body, name: str, *, events: bool, key: str, exhibit: str = "") -> Response:
    """Hands a body to the writer and says what became of it."""
    found = service(request)
    who = request.scope["state"]["token"].name
    take = Take(
        0, name, body.data, str(body.path or ""), body.sha256, body.size, events, time.time(),
        {"exhibit": exhibit} if exhibit else {}, who, f"{who}\n{key}" if key else "",
    )  # fmt: skip
    began = time.monotonic()
    return told(found, [await hand(found, take)], began)


async def _in_blocks(request: Request, found: Service, packed: str, limit: int, key: str) -> Response:
    who = request.scope["state"]["token"].name
    began = time.monotonic()
    outcomes: list[Outcome] = []
    async for block in blocks(pieces(request, limit), packed):
        number = len(outcomes)
        kept = f"{who}\n{key}\n{number}" if key else ""
        take = Take(0, OBSERVATIONS, block, events=True, taken_at=time.time(), who=who, key=kept)
        outcomes.append(await hand(found, take))
        if outcomes[-1].error:
            break
    if not outcomes:
        take = Take(0, OBSERVATIONS, b"", events=True, taken_at=time.time(), who=who)
        outcomes.append(await hand(found, take))
    return told(found, outcomes, began)


async def hand(found: Service, take: Take) -> Outcome:
    """The writer's word. Raises ProblemError when it has too much to do."""
    try:
        outcome = await found.writer.take(take)
    except BusyError:
        found.metrics.failed("busy")
        raise _busy() from None
    if outcome.accepted:
        await found.touched()
    return outcome


def _room(found: Service, size: int) -> None:
    if not found.writer.room(size):
        found.metrics.failed("busy")
        raise _busy()


def _busy() -> ProblemError:
    return ProblemError(429, "more waits to be written than may; send it again", retry=1)


def told(found: Service, outcomes: list[Outcome], began: float) -> Response:
    """The answer to what was handed over in one or more parts."""
    for outcome in outcomes:
        if outcome.error:
            found.metrics.failed(outcome.error)
            raise _failure(outcome)
    refusals = [refusal for outcome in outcomes for refusal in outcome.refusals][:100]
    counts = [sum(getattr(o, name) for o in outcomes) for name in ("accepted", "duplicates", "rejected")]
    if not all(outcome.replayed for outcome in outcomes):
        found.metrics.ingested(counts, (r.reason for r in refusals), time.monotonic() - began)
    body = {
        "accepted": counts[0], "duplicate": counts[1], "rejected": counts[2],
        "errors": refusals, "artifact": outcomes[0].artifact if len(outcomes) == 1 else "",
        "parser": outcomes[0].parser, "replayed": outcomes[0].replayed,
    }  # fmt: skip
    if counts[2] and not counts[0] and not counts[1]:
        first = refusals[0].reason if refusals else "it cannot be read"
        raise ProblemError(422, f"nothing of it could be taken in: {first}", **body)
    return Response(msgspec.json.encode(body), media_type="application/json")


def _failure(outcome: Outcome) -> ProblemError:
    if outcome.error == "full":
        return ProblemError(507, f"no room: {outcome.reason}; nothing was acknowledged, send it again", retry=30)
    if outcome.error == "refused":
        return ProblemError(422, outcome.reason)
    return ProblemError(503, f"{outcome.reason}; nothing was acknowledged, send it again", retry=2)
