"""What goes over the wire, as the OpenAPI document describes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


class Refused(BaseModel):
    """A line that was not taken in."""

    reason: str
    remedy: str = ""
    line: int | None = None
    offset: int | None = None
    member: str = ""


class Taken(BaseModel):
    """What became of a body. ``artifact`` names its bytes in the evidence; of many errors, the first 100 are named."""

    accepted: int
    duplicate: int
    rejected: int
    errors: list[Refused]
    artifact: str
    parser: str = ""
    replayed: bool = False


class Link(BaseModel):
    account: str
    device: str
    probability: float
    weight: float = Field(description="bits")
    first_seen: datetime
    last_seen: datetime
    observations: int
    reasons: list[str] = []


class Page(BaseModel):
    """``next`` is the cursor of the next page, null at the end. ``linked_at`` is when the linker last ran."""

    next: str | None
    linked_at: datetime | None
    linked_observations: int


class Links(Page):
    items: list[Link]


class AccountRow(BaseModel):
    account: str
    devices: int
    first_seen: datetime
    last_seen: datetime
    observations: int
    probability: float


class Accounts(Page):
    items: list[AccountRow]


class Transfer(BaseModel):
    account: str
    from_device: str
    to_device: str
    last_seen: datetime
    first_seen: datetime


class Transfers(Page):
    items: list[Transfer]


class Account(BaseModel):
    account: str
    links: list[Link]
    transfers: list[Transfer]
    linked_at: datetime | None
    linked_observations: int


class Neighbour(BaseModel):
    account: str
    probability: float
    weight: float
    first_seen: datetime
    last_seen: datetime


class DeviceRow(BaseModel):
    device: str
    anchor: str
    first_seen: datetime
    last_seen: datetime
    observations: int
    accounts: int
    flags: list[str]
    notes: list[str]


class Devices(Page):
    items: list[DeviceRow]


class SharedDevice(DeviceRow):
    others: list[Neighbour]
    farms: list[str]


class SharedHardware(BaseModel):
    """``more`` says that there are more accounts than an answer names; ``/v1/links`` has all."""

    account: str = ""
    devices: list[SharedDevice]
    more: bool
    linked_at: datetime | None
    linked_observations: int


class Device(DeviceRow):
    links: list[Link]
    farms: list[str]
    linked_at: datetime | None
    linked_observations: int


class Farm(BaseModel):
    id: str
    number: int
    kind: str
    probability: float
    devices: list[str]
    notes: list[str]
    shared: list[Any]
    targets: list[Any]
    linked_at: datetime | None = None
    linked_observations: int = 0


class Farms(Page):
    items: list[Farm]


class Observations(Page):
    items: list[dict[str, Any]]


class Artifact(BaseModel):
    sha256: str
    name: str
    size: int
    taken_at: datetime
    added_at: datetime
    exhibit: str
    parser: str
    done: bool
    number: int | None = None


class Artifacts(Page):
    items: list[Artifact]


class Event(BaseModel):
    number: int
    run: int
    at: datetime
    kind: str
    device: str
    account: str
    details: dict[str, Any]


class Events(BaseModel):
    items: list[Event]


class Reason(BaseModel):
    """Something to look at: what, the figure behind it, and in words."""

    code: str
    value: Any
    text: str


class Resolved(BaseModel):
    """``fresh`` says that nothing in the observation was seen before. ``shared`` is what the linker knows of the
    device; null while it has not linked it yet. ``stored`` tells what became of the observation if it was kept."""

    device: str | None
    probability: float
    weight: float
    fresh: bool
    reasons: list[str]
    risk: list[Reason]
    shared: SharedHardware | None
    stored: Taken | None = None


class Upload(BaseModel):
    id: str
    offset: int
    length: int


class Health(BaseModel):
    status: str


class Status(BaseModel):
    """How the daemon does."""

    version: str
    mode: str
    ready: bool
    reason: str
    counts: dict[str, int]
    newest: int
    linker: dict[str, Any]
    resolver: dict[str, Any]
    queue: dict[str, int]
