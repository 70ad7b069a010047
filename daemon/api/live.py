"""What happens now: whose phone an observation is of, and what the linker changes."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from rackprint.daemon import entries
from rackprint.daemon.api import models
from rackprint.daemon.api.access import needs, service
from rackprint.daemon.api.answers import Plain
from rackprint.daemon.api.ingest import ERRORS, hand
from rackprint.daemon.api.problems import ProblemError
from rackprint.daemon.api.receiving import pieces
from rackprint.daemon.intake.messages import OBSERVATIONS, Take
from rackprint.daemon.service import Service
from rackprint.daemon.store.records import Event
from rackprint.fingerprint.model import ArtifactInfo, Observation, Position
from rackprint.fingerprint.parsers.events import EVENTS, LINE_LIMIT, Row
from rackprint.fingerprint.parsers.events import observation as read_row

router = APIRouter(prefix="/v1", tags=["live"], dependencies=[needs("read")], responses=ERRORS)
_ROW = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["time", "source"],
                    "properties": {
                        "time": {"type": "string", "format": "date-time"},
                        "source": {"type": "string"},
                        "account": {"type": "string"},
                        "app": {"type": "string"},
                        "signals": {"type": "object"},
                    },
                }
            }
        },
    }
}
_decode = msgspec.json.Decoder(Row).decode
_QUIET = 15.0  # seconds after which a stream says that it is alive
_STREAMS = 64
_EVENTS = 500


@router.post("/resolve", response_model=models.Resolved, openapi_extra=_ROW)
async def resolve(request: Request, store: bool = False) -> Response:
    """Which device an observation (contract 1) is of, how surely and why, and what to look at. With ``store`` it is
    taken in too, which needs the scope ingest."""
    found = service(request)
    token = request.scope["state"]["token"]
    if store and not token.may("ingest"):
        raise ProblemError(403, f"token {token.name} has not the scope ingest")
    body = b"".join([piece async for piece in pieces(request, LINE_LIMIT)])
    observation = _observation(found, body)
    placed = await _placed(found, observation)
    stored = None
    if store:
        take = Take(0, OBSERVATIONS, body + b"\n", taken_at=time.time(), who=token.name)
        outcome = await hand(found, take)
        if outcome.error:
            raise ProblemError(503, f"{outcome.reason}; nothing was acknowledged, send it again", retry=2)
        stored = {
            "accepted": outcome.accepted, "duplicate": outcome.duplicates, "rejected": outcome.rejected,
            "errors": outcome.refusals, "artifact": outcome.artifact,
        }  # fmt: skip
    shared = await asyncio.to_thread(found.reads.around, placed.observations) if placed.observations else None
    if shared is not None and not shared["devices"]:
        shared = None
    device = shared["devices"][0]["device"] if shared else placed.device or None
    answer = {
        "device": device, "probability": placed.probability, "weight": placed.weight, "fresh": placed.fresh,
        "reasons": placed.reasons, "risk": _risk(shared, observation), "shared": shared, "stored": stored,
    }  # fmt: skip
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _observation(found: Service, body: bytes) -> Observation:
    try:
        row = _decode(body)
        row.id = row.id or f"asked-{secrets.token_hex(8)}"
        parser = f"{EVENTS.name}/{EVENTS.version}"
        observation = read_row(row, ArtifactInfo("", "", entries.moment(0)), 1, Position(), parser)
        entries.named(observation.id, observation.accounts)
        entries.microseconds(observation.time)
    except (ValueError, OverflowError, RecursionError) as error:
        raise ProblemError(422, f"no observation of contract 1: {error}") from None
    return found.disguised(observation)


async def _placed(found: Service, observation: Observation) -> Any:
    resolver = found.resolver
    if resolver is None:
        raise ProblemError(503, "link.online is off, so nothing is resolved here")
    known = resolver.known
    if not known.whole:
        total = max(found.newest, known.observations)
        share = known.observations / total if total else 0.0
        left = (total - known.observations) / known.rate if known.rate else 5.0
        raise ProblemError(
            503, f"the index is being built: {known.observations} of {total} observations ({share:.0%})",
            retry=max(1, int(left) + 1), known=known.observations, total=total,
        )  # fmt: skip
    placed = await resolver.ask(observation)
    if placed is None:
        raise ProblemError(503, "the resolver is starting again", retry=5)
    return placed


def _risk(shared: dict[str, Any] | None, observation: Observation) -> list[dict[str, Any]]:
    if shared is None:
        return []
    told: list[dict[str, Any]] = []
    for device in shared["devices"]:
        others = sorted({link["account"] for link in device["others"]} - set(observation.accounts))
        if others:
            text = f"{len(others)} other account{'s' * (len(others) > 1)} on this device"
            told.append({"code": "other_accounts", "value": len(others), "text": text})
        told += [{"code": f, "value": 1, "text": n} for f, n in zip(device["flags"], device["notes"], strict=True)]
        told += [{"code": "farm", "value": farm, "text": f"the device is part of {farm}"} for farm in device["farms"]]
    return told


@router.get(
    "/events", response_model=models.Events,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)  # fmt: skip
async def events(
    request: Request, after: Annotated[int | None, Query(ge=0, le=1 << 62)] = None, kinds: Plain = "",
    last_event_id: Annotated[str, Header(alias="Last-Event-ID", max_length=30)] = "",
) -> Response:  # fmt: skip
    """New links, merges, splits, flags and farms, behind event number ``after``; with ``Accept: text/event-stream`` as
    they come (without ``after`` or ``Last-Event-ID``: from now on)."""
    found = service(request)
    wanted = [kind for kind in kinds.split(",") if kind]
    if last_event_id.isdigit():
        after = int(last_event_id[:18])
    if "text/event-stream" not in request.headers.get("accept", ""):
        rows = await asyncio.to_thread(found.reads.events, after or 0, _EVENTS, wanted)
        return Response(msgspec.json.encode({"items": [_event(e) for e in rows]}), media_type="application/json")
    if found.streams >= _STREAMS:
        raise ProblemError(429, f"{_STREAMS} streams are open already", retry=30)
    if after is None:
        after = await asyncio.to_thread(found.reads.last_event)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(found, after, wanted), headers=headers, media_type="text/event-stream")


async def _stream(found: Service, after: int, kinds: list[str]) -> AsyncIterator[bytes]:
    found.streams += 1
    try:
        yield b": rackprint\n\n"
        while not found.stopping.is_set():
            pulse = found.pulse
            rows = await asyncio.to_thread(found.reads.events, after, _EVENTS, kinds)
            for event in rows:
                after = event.number
                data = msgspec.json.encode(_event(event)).decode()
                yield f"id: {event.number}\nevent: {event.kind}\ndata: {data}\n\n".encode()
            if not rows:
                try:
                    await asyncio.wait_for(pulse.wait(), _QUIET)
                except TimeoutError:
                    yield b": still here\n\n"
    finally:
        found.streams -= 1


def _event(event: Event) -> dict[str, Any]:
    return {
        "number": event.number, "run": event.run, "at": event.at, "kind": event.kind, "device": event.device,
        "account": event.account, "details": event.details,
    }  # fmt: skip


@router.post("/link", status_code=202, response_model=models.Health, dependencies=[needs("admin")])
async def link(request: Request) -> Response:
    """Links everything anew, as soon as a run that may be going on is done."""
    service(request).scheduler.link_now()
    return Response(b'{"status":"asked"}', 202, media_type="application/json")
