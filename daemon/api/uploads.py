"""Large files in parts: begun, continued from where it broke off, and taken in when it is whole.

The headers are those of the IETF's draft on resumable uploads (Upload-Offset, Upload-Length, Upload-Complete)."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Request
from fastapi import Path as InPath
from starlette.responses import Response

from rackprint.daemon.api import models
from rackprint.daemon.api.access import needs, service
from rackprint.daemon.api.ingest import ERRORS, Text, taken
from rackprint.daemon.api.problems import ProblemError
from rackprint.daemon.api.receiving import PIECE, Body, expected, pieces
from rackprint.daemon.atomic import whole
from rackprint.daemon.service import Service

router = APIRouter(prefix="/v1/uploads", tags=["ingest"], dependencies=[needs("ingest")])
_NAME = r"^[0-9a-f]{32}$"
Name = Annotated[str, InPath(pattern=_NAME)]
Count = Annotated[int, Header(ge=0, le=1 << 50)]
AT_ONCE = 256  # uploads that may be unfinished
_PART: dict[str, Any] = {
    "requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}


class _Facts(msgspec.Struct):
    length: int
    name: str
    exhibit: str
    who: str


def folder(case: Path) -> Path:
    """Where unfinished uploads lie."""
    return case / "uploads"


@router.post("", status_code=201, response_model=models.Upload, responses=ERRORS)
async def begin(request: Request, upload_length: Count, name: Text = "artifact", exhibit: Text = "") -> Response:
    """Begins an upload of ``Upload-Length`` bytes; PATCH its Location with the bytes."""
    found = service(request)
    if found.key:
        raise ProblemError(409, "a platform's case keeps no files; send observations")
    if upload_length > found.config.limits.artifact_mb << 20:
        raise ProblemError(413, f"more than {found.config.limits.artifact_mb} MiB")
    if len(list(folder(found.case).glob("*.part"))) >= AT_ONCE:
        raise ProblemError(429, f"{AT_ONCE} uploads are unfinished; finish or delete one", retry=60)
    upload = secrets.token_hex(16)
    facts = _Facts(upload_length, name, exhibit, request.scope["state"]["token"].name)
    part = _part(found, upload)
    part.touch(mode=0o600)
    with whole(part.with_suffix(".json")) as temporary:
        temporary.write_bytes(msgspec.json.encode(facts))
    return _told(upload, 0, upload_length, 201, {"Location": f"/v1/uploads/{upload}"})


@router.head("/{upload}", response_model=None, responses=ERRORS)
async def where(request: Request, upload: Name) -> Response:
    """How far it is, in ``Upload-Offset``."""
    found = service(request)
    facts, size = _known(found, upload)
    return Response(headers=_headers(size, facts.length))


@router.patch(
    "/{upload}", response_model=models.Taken, openapi_extra=_PART,
    responses={**ERRORS, 204: {"description": "There is more to come"}},
)  # fmt: skip
async def go_on(request: Request, upload: Name, upload_offset: Count) -> Response:
    """Adds bytes from ``Upload-Offset``, which must be where it stands. With the last byte it is taken in."""
    found = service(request)
    facts, size = _known(found, upload)
    if upload in found.uploading:
        raise ProblemError(409, "another request is adding to it")
    if upload_offset != size:
        raise ProblemError(409, f"it stands at byte {size}", offset=size)
    expected(request, facts.length - size)
    found.uploading.add(upload)
    try:
        part = _part(found, upload)
        size = await _append(request, part, size, facts.length)
        if size < facts.length:
            return Response(status_code=204, headers=_headers(size, facts.length))
        sha256 = await asyncio.to_thread(_hash, part)
        done = part.with_name(f"{upload}.whole.part")  # the writer moves it into the vault
        os.link(part, done)
        body = Body(b"", done, sha256, size)
        try:
            answer = await taken(request, body, facts.name, events=False, key=f"upload {upload}", exhibit=facts.exhibit)
        except ProblemError as error:
            if error.status == 422:  # it is kept, and will never be read: sending it again is of no use
                _forget(found, upload)
            raise
        _forget(found, upload)
        return answer
    finally:
        found.uploading.discard(upload)
        _part(found, upload).with_name(f"{upload}.whole.part").unlink(missing_ok=True)


@router.delete("/{upload}", status_code=204, response_model=None, responses=ERRORS)
async def give_up(request: Request, upload: Name) -> Response:
    """Forgets an unfinished upload."""
    found = service(request)
    _known(found, upload)
    if upload in found.uploading:
        raise ProblemError(409, "a request is adding to it")
    _forget(found, upload)
    return Response(status_code=204)


async def _append(request: Request, part: Path, size: int, length: int) -> int:
    with part.open("ab", buffering=PIECE) as file:
        try:
            async for piece in pieces(request, length - size):
                await asyncio.to_thread(file.write, piece)
                size += len(piece)
        finally:
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
    return size


def _hash(part: Path) -> str:
    with part.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _known(found: Service, upload: str) -> tuple[_Facts, int]:
    part = _part(found, upload)
    try:
        return msgspec.json.decode(part.with_suffix(".json").read_bytes(), type=_Facts), part.stat().st_size
    except (FileNotFoundError, msgspec.DecodeError):
        raise ProblemError(404, "no such upload; begin one with POST /v1/uploads") from None


def _part(found: Service, upload: str) -> Path:
    assert re.match(_NAME, upload)
    return folder(found.case) / f"{upload}.part"


def _forget(found: Service, upload: str) -> None:
    for path in (_part(found, upload), _part(found, upload).with_suffix(".json")):
        path.unlink(missing_ok=True)


def _headers(offset: int, length: int) -> dict[str, str]:
    done = "?1" if offset == length else "?0"
    return {"Upload-Offset": str(offset), "Upload-Length": str(length), "Upload-Complete": done}


def _told(upload: str, offset: int, length: int, status: int, headers: dict[str, str]) -> Response:
    body = msgspec.json.encode({"id": upload, "offset": offset, "length": length})
    return Response(body, status, {**headers, **_headers(offset, length)}, "application/json")
