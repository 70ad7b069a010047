"""How the daemon does: for load balancers, Prometheus and operators."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from rackprint.daemon.api import models
from rackprint.daemon.api.access import needs, service
from rackprint.daemon.api.ingest import ERRORS

router = APIRouter(tags=["operations"])


@router.get("/healthz", response_model=models.Health)
async def healthz() -> Response:
    """Whether it serves."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get("/readyz", response_model=models.Health, responses={503: {"model": models.Health}})
async def readyz(request: Request) -> Response:
    """Whether evidence is taken in; 503 with the reason where it is not."""
    state = service(request).writer.state
    body = {"status": "ready" if state.ready else state.reason}
    return Response(msgspec.json.encode(body), 200 if state.ready else 503, media_type="application/json")


@router.get("/metrics", dependencies=[needs("read")], responses={**ERRORS, 200: {"content": {"text/plain": {}}}},
            response_class=Response)  # fmt: skip
async def metrics(request: Request) -> Response:
    """For Prometheus."""
    return Response(service(request).metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/v1/status", dependencies=[needs("read")], response_model=models.Status, responses=ERRORS)
async def status(request: Request) -> Response:
    """What there is, and how far behind the linker and the resolver are."""
    found = service(request)
    scheduler, resolver, writer = found.scheduler, found.resolver, found.writer
    report = scheduler.report
    known = resolver.known if resolver else None
    body = {
        "version": version("rackprint"),
        "mode": found.config.mode,
        "ready": writer.state.ready,
        "reason": writer.state.reason,
        "counts": await asyncio.to_thread(found.reads.counts),
        "newest": found.newest,
        "linker": {
            "through": scheduler.through, "lag": scheduler.lag, "runs": scheduler.runs,
            "failures": scheduler.failures, "running": bool(scheduler.running_since),
            "seconds": report.whole, "linking_seconds": report.seconds, "observations": report.observations,
        },
        "resolver": {
            "whole": known.whole, "through": known.through, "observations": known.observations,
            "devices": known.devices, "lag": max(0, found.newest - known.through), "rate": known.rate,
        } if known else {},
        "queue": {"things": writer.waiting, "bytes": writer.queued},
    }  # fmt: skip
    return Response(msgspec.json.encode(body), media_type="application/json")
