"""What is asked: accounts, devices, farms, links, moves, timelines, explanations, evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from pydantic import AfterValidator, AwareDatetime
from starlette.responses import Response, StreamingResponse

from rackprint.daemon.api import models
from rackprint.daemon.api.access import needs, service
from rackprint.daemon.api.ingest import ERRORS
from rackprint.daemon.api.problems import ProblemError
from rackprint.daemon.reads import Page

router = APIRouter(prefix="/v1", dependencies=[needs("read")], responses=ERRORS)
_CHUNK = 1 << 20


def _plain(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is no Unicode text") from None
    return text


Plain = Annotated[str, Query(max_length=1000), AfterValidator(_plain)]
Named = Annotated[str, Query(min_length=1, max_length=1000), AfterValidator(_plain)]
Limit = Annotated[int, Query(ge=1, le=1000, description="rows of a page")]
Cursor = Annotated[str, Query(max_length=4000, description="`next` of the page before")]
AsOf = Annotated[AwareDatetime | None, Query(description="what was known at that time (RFC 3339)")]
Account = Annotated[str, InPath(max_length=1000, description="platform:handle"), AfterValidator(_plain)]
Device = Annotated[str, InPath(pattern=r"^d-[0-9a-f]{12,64}$")]


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _page(page: Page) -> Response:
    run = page.run
    about = {"linked_at": run.at if run else None, "linked_observations": run.observations if run else 0}
    return _json({"items": page.rows, "next": page.cursor or None, **about})


def _found(value: Any, what: str) -> Response:
    if value is None:
        raise ProblemError(404, f"{what}: is not known here; new evidence is linked a little later")
    return _json(value)


@router.get("/links", tags=["links"], response_model=models.Links)
def links(
    request: Request, account: Plain = "", device: Plain = "", prefix: Plain = "",
    min_probability: Annotated[float, Query(ge=0, le=1)] = 0.0, limit: Limit = 100, cursor: Cursor = "",
    as_of: AsOf = None,
) -> Response:  # fmt: skip
    """Accounts on devices, each with its weight in bits and its probability."""
    reads = service(request).reads
    return _page(
        reads.links(
            limit, cursor, as_of, account=account, device=device, beginning=prefix, least=min_probability
        )
    )  # fmt: skip


@router.get("/accounts", tags=["accounts"], response_model=models.Accounts)
def accounts(
    request: Request, prefix: Plain = "", limit: Limit = 100, cursor: Cursor = "", as_of: AsOf = None
) -> Response:
    """Accounts by name."""
    return _page(service(request).reads.accounts(limit, cursor, as_of, beginning=prefix))


@router.get("/accounts/{account:path}/shared-hardware", tags=["accounts"], response_model=models.SharedHardware)
def shared_hardware(request: Request, account: Account, as_of: AsOf = None) -> Response:
    """Who shares hardware with this account?"""
    return _found(service(request).reads.shared_hardware(account, as_of), account)


@router.get("/accounts/{account:path}/timeline", tags=["accounts"], response_model=models.Observations)
def account_timeline(
    request: Request, account: Account, limit: Limit = 100, cursor: Cursor = "", as_of: AsOf = None
) -> Response:
    """What was seen of the account, in order of time."""
    return _page(service(request).reads.timeline(limit, cursor, as_of, account=account))


@router.get("/accounts/{account:path}", tags=["accounts"], response_model=models.Account)
def account(request: Request, account: Account, as_of: AsOf = None) -> Response:
    """The devices of an account, and its moves from one to another."""
    return _found(service(request).reads.account(account, as_of), account)


@router.get("/explain", tags=["links"], response_model=None)
def explain(request: Request, a: Named, b: Plain = "") -> Response:
    """Why an account is on its device, or what ties two accounts: signals, bits, and where each value stands."""
    return _json(service(request).reads.explain(a, b))


@router.get("/devices", tags=["devices"], response_model=models.Devices)
def devices(
    request: Request, flag: Plain = "", farm: Plain = "", min_accounts: Annotated[int, Query(ge=0, le=1 << 31)] = 0,
    limit: Limit = 100, cursor: Cursor = "", as_of: AsOf = None,
) -> Response:  # fmt: skip
    """Devices by id."""
    reads = service(request).reads
    return _page(reads.devices(limit, cursor, as_of, flag=flag, farm=farm, least=min_accounts))


@router.get("/devices/{device}", tags=["devices"], response_model=models.Device)
def device(request: Request, device: Device, as_of: AsOf = None) -> Response:
    """A device, its accounts and its farms."""
    return _found(service(request).reads.device(device, as_of), device)


@router.get("/devices/{device}/timeline", tags=["devices"], response_model=models.Observations)
def device_timeline(
    request: Request, device: Device, limit: Limit = 100, cursor: Cursor = "", as_of: AsOf = None
) -> Response:
    """What was seen of the device, in order of time."""
    return _page(service(request).reads.timeline(limit, cursor, as_of, device=device))


@router.get("/farms", tags=["farms"], response_model=models.Farms)
def farms(request: Request, kind: Plain = "", limit: Limit = 100, cursor: Cursor = "", as_of: AsOf = None) -> Response:
    """Devices that are run together, the largest group first."""
    return _page(service(request).reads.farms(limit, cursor, as_of, kind=kind))


@router.get("/farms/{farm}", tags=["farms"], response_model=models.Farm)
def farm(
    request: Request, farm: Annotated[str, InPath(max_length=100), AfterValidator(_plain)], as_of: AsOf = None
) -> Response:
    """A farm: what it looks like, why, and what its devices share."""
    return _found(service(request).reads.farm(farm, as_of), farm)


@router.get("/transfers", tags=["accounts"], response_model=models.Transfers)
def transfers(
    request: Request, account: Plain = "", limit: Limit = 100, cursor: Cursor = "", as_of: AsOf = None
) -> Response:
    """Accounts that were used on one device, and after a moment only on another."""
    return _page(service(request).reads.transfers(limit, cursor, as_of, account=account))


@router.get("/observations/{observation:path}", tags=["evidence"], response_model=dict[str, Any])
def observation(
    request: Request, observation: Annotated[str, InPath(max_length=1000), AfterValidator(_plain)]
) -> Response:
    """An observation, and where in the evidence each of its values stands."""
    return _found(service(request).reads.observation(observation), observation)


@router.get("/artifacts", tags=["evidence"], response_model=models.Artifacts)
def artifacts(request: Request, limit: Limit = 100, cursor: Cursor = "") -> Response:
    """Artifacts in the order of their arrival."""
    return _page(service(request).reads.artifacts(limit, cursor))


Hash = Annotated[str, InPath(pattern="^[0-9a-f]{64}$")]


@router.get("/artifacts/{sha256}", tags=["evidence"], response_model=models.Artifact)
def artifact(request: Request, sha256: Hash) -> Response:
    """One artifact."""
    return _found(service(request).reads.artifact(sha256), sha256)


@router.get(
    "/artifacts/{sha256}/content", tags=["evidence"], response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)  # fmt: skip
def content(request: Request, sha256: Hash) -> Response:
    """The bytes of an artifact, as they came."""
    reads = service(request).reads
    found = reads.artifact(sha256)
    if found is None or service(request).key:
        raise ProblemError(404, f"{sha256}: is not in the vault")
    opened = reads.content(found)
    try:
        stream = opened.__enter__()
    except OSError:
        raise ProblemError(404, f"{sha256}: is missing from the vault; rackprint verify says what else is") from None

    def pieces() -> Iterator[bytes]:
        try:
            while piece := stream.read(_CHUNK):
                yield piece
        finally:
            opened.__exit__(None, None, None)

    name = {"Content-Disposition": f'attachment; filename="{sha256[:12]}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(pieces(), headers=name, media_type="application/octet-stream")
