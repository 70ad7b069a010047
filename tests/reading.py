"""Runs a parser over bytes: what it found, and what it complained of."""

import io
from datetime import UTC, datetime
from hashlib import sha256

from rackprint.fingerprint.model import ArtifactInfo, Observation, Problem

TAKEN = datetime(2026, 3, 2, 9, 4, tzinfo=UTC)


def read(parser, data: bytes, name: str = "file", **info) -> tuple[list[Observation], list[Problem]]:
    info = ArtifactInfo(name, sha256(data).hexdigest(), info.pop("taken_at", TAKEN), **info)
    found = list(parser.parse(io.BytesIO(data), info))
    return [f for f in found if isinstance(f, Observation)], [f for f in found if isinstance(f, Problem)]


def values(observation: Observation, name: str, *, valid: bool | None = None) -> list:
    return [s.value for s in observation.signals if s.name == name and (valid is None or s.valid is valid)]
