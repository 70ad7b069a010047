"""What can be configured: every key with its type and default, and what one key forbids another."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

PREFIX = "RACKPRINT_"

Count = Annotated[int, Field(ge=0, le=2**31)]
Some = Annotated[int, Field(ge=1, le=2**31)]
Seconds = Annotated[float, Field(gt=0, le=31_536_000)]
Names = Annotated[  # the environment has no lists: commas do
    list[str], BeforeValidator(lambda v: [n.strip() for n in v.split(",") if n.strip()] if isinstance(v, str) else v)
]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class StoreSection(Section):
    url: str = ""  # empty: SQLite in the case


class Listen(Section):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8470
    socket: Path | None = None
    socket_mode: Annotated[str, Field(pattern=r"^0?[0-7]{3}$")] = "0660"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    remote: bool = False
    behind_proxy: bool = False


class Auth(Section):
    required: bool = True


class Limits(Section):
    body_mb: Count = 0
    small_kb: Some = 1024
    line_kb: Some = 4096
    header_seconds: Seconds = 10.0
    idle_seconds: Seconds = 30.0
    requests_per_second: Annotated[float, Field(ge=0)] = 0.0
    requests_at_once: Some = 64
    queue_mb: Some = 64
    artifact_mb: Some = 65536


class Parsers(Section):
    memory_mb: Some = 4096
    seconds: Seconds = 900.0
    files: Some = 256


class Spool(Section):
    folder: Path | None = None
    settle_seconds: Annotated[float, Field(ge=0, le=31_536_000)] = 1.0


class Link(Section):
    every_seconds: Seconds = 60.0
    idle_seconds: Seconds = 2.0
    online: bool = True


class Platform(Section):
    key_file: Path | None = None
    retention_days: Count = 0


class Collect(Section):
    adb: bool = False
    usb: bool = False
    interfaces: Names = Field(default_factory=list)


class Audit(Section):
    file: Path | None = None  # None: CASE/audit.log


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json", "journal"] = "auto"


class Config(Section):
    """Everything the daemon can be told. ``load`` also holds the rules between keys; this class alone does not."""

    case: Path = Path("case")
    mode: Literal["evidence", "platform"] = "evidence"
    store: StoreSection = StoreSection()
    listen: Listen = Listen()
    auth: Auth = Auth()
    limits: Limits = Limits()
    parsers: Parsers = Parsers()
    spool: Spool = Spool()
    link: Link = Link()
    platform: Platform = Platform()
    collect: Collect = Collect()
    audit: Audit = Audit()
    log: Log = Log()


def _annotations(model: type[BaseModel] = Config, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from _annotations(kind, f"{name}.")
        else:
            yield before + name, kind


KINDS = dict(_annotations())
KEYS = tuple(KINDS)
SECTIONS = tuple(dict.fromkeys(key.partition(".")[0] for key in KEYS if "." in key))


def variable(key: str) -> str:
    """The environment variable of a key."""
    return PREFIX + key.replace(".", "__").upper()


def nearest(key: str) -> str:
    """What to do about an unknown key: the known one that is nearest, or where they all stand."""
    names = {known.rpartition(".")[2]: known for known in reversed(KEYS)}
    section, _, name = key.rpartition(".")
    if name in SECTIONS or name in names:
        return f"did you mean {name if name in SECTIONS else names[name]}?"
    beside = [known.rpartition(".")[2] for known in KEYS if section and known.startswith(f"{section}.")]
    for found in get_close_matches(name, beside, 1):
        return f"did you mean {section}.{found}?"
    if beside:
        return f"known here are {', '.join(beside)}"
    for found in get_close_matches(key, [*KEYS, *SECTIONS], 1) or get_close_matches(name, [*SECTIONS, *names], 1):
        return f"did you mean {names.get(found, found)}?"
    return "docs/config.md lists every key"


def loopback(host: str) -> bool:
    """Whether only this machine can reach a socket bound to ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def conflicts(config: Config) -> Iterator[tuple[str, str]]:
    """What one key forbids another, with the remedy."""
    listen, local = config.listen, loopback(config.listen.host)
    if config.store.url and not config.store.url.startswith("postgresql+psycopg://"):
        yield "store.url", "is no postgresql+psycopg:// URL; leave it out for SQLite in the case"
    if not listen.host.strip():
        yield "listen.host", "is empty, which would be every interface; name an address, or leave it out for 127.0.0.1"
    if bool(listen.tls_cert) != bool(listen.tls_key):
        alone, missing = ("tls_cert", "tls_key") if listen.tls_cert else ("tls_key", "tls_cert")
        yield f"listen.{alone}", f"needs listen.{missing} too; set both or neither"
    if not local and not listen.remote:
        yield "listen.host", f"{listen.host} is no loopback address; set listen.remote = true to serve other machines"
    if not local and not (listen.tls_cert or listen.behind_proxy):
        yield "listen.host", "other machines need TLS; set listen.tls_cert and listen.tls_key, or listen.behind_proxy"
    if not local and not config.auth.required:
        yield "auth.required", "may be false only on loopback and Unix sockets; set it true, or mend listen.host"
    if config.mode == "platform" and config.platform.key_file is None:
        yield "mode", "platform needs platform.key_file, a file of 32 random bytes or more; or set mode = evidence"
    if config.mode == "platform" and config.spool.folder is not None:
        yield "spool.folder", "a platform's case takes no files; leave it out, and send observations"


def values(config: BaseModel, before: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, Section):
            yield from values(value, f"{name}.")
        else:
            yield before + name, value
