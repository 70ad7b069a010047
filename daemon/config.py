"""The configuration: one TOML file, the environment over it, the command line over both.

Import it inside commands only: it loads pydantic, which ``rackprint --help`` must not wait for.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from rackprint.daemon.cells import printable
from rackprint.daemon.errors import RackprintError

PREFIX = "RACKPRINT_"
Origin = Literal["default", "file", "environment", "command line"]

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


class _Environment(Config, BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True, enable_decoding=False, extra="forbid"
    )


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


def load(path: Path | None, overrides: dict[str, Any] | None = None) -> Config:
    """The configuration from the command line's ``overrides`` (nested as the file is; None is unset), the environment,
    the file at ``path`` and the defaults. Raises RackprintError, one line, where anything is wrong."""
    return sources(path, overrides)[0]


def sources(path: Path | None, overrides: dict[str, Any] | None = None) -> tuple[Config, dict[str, Origin]]:
    """``load``, and for each key where its value came from."""
    layers = _Layers(path, overrides or {})
    try:
        config = Config.model_validate(layers.merged)
    except ValidationError as error:
        raise layers.fault(error) from None
    for key, reason in _conflicts(config):
        raise RackprintError(f"{layers.place(key)}: {reason}")
    return config, {key: layers.origin(key) for key in KEYS}


class _Layers:
    def __init__(self, path: Path | None, overrides: dict[str, Any]) -> None:
        self._path = path
        self._text, file = _read(path) if path is not None else ("", {})
        self._by_origin: dict[Origin, dict[str, Any]] = {"file": file}
        try:  # by itself and strictly, for a file has types and the environment has none
            Config.model_validate_json(json.dumps(file, default=str), strict=True)
        except ValidationError as error:
            raise self.fault(error) from None
        if path is not None:
            self._by_origin["file"] = _anchored(file, path.absolute().parent, self)
        self._by_origin = {"command line": _set(overrides), "environment": _environment(), **self._by_origin}
        self.merged: dict[str, Any] = {}
        for layer in reversed(self._by_origin.values()):
            self.merged = _over(self.merged, layer)

    def origin(self, key: str) -> Origin:
        for origin, layer in self._by_origin.items():
            value: Any = layer
            for name in key.split("."):
                value = value.get(name) if isinstance(value, dict) else None
            if value is not None:
                return origin
        return "default"

    def place(self, key: str) -> str:
        origin = self.origin(key)
        if origin == "environment":
            return f"environment, {variable(key)}"
        if origin == "command line" or self._path is None:
            return f"{'command line' if origin == 'command line' else 'configuration'}, {printable(key)}"
        line = _line(self._text, key) if origin == "file" else None
        return f"{self._path}{f', line {line}' if line else ''}: {printable(key)}"

    def fault(self, error: ValidationError) -> RackprintError:
        found = error.errors(include_url=False)
        first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
        key = ".".join(str(part) for part in first["loc"] if isinstance(part, str))
        more = f" ({len(found) - 1} more like it)" if len(found) > 1 else ""
        return RackprintError(f"{self.place(key)}: {_reason(key, dict(first))}{more}")


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


def _reason(key: str, error: dict[str, Any]) -> str:
    kind, value = error["type"], error.get("input")
    if kind == "extra_forbidden":
        return f"unknown key; {nearest(key)}"
    if key in SECTIONS or not key:
        return f"should be a table; write [{key}] and its keys below it"
    reason = str(error["msg"]).replace("Input should", "should").replace("String should", "should")
    given = "" if key == "store.url" or isinstance(value, dict | list) else f", not {printable(repr(value))[:60]}"
    default = dict(_values(Config()))[key] if key in KEYS else None
    return f"{reason}{given}; leave it out for {'none' if default in (None, '', []) else default}"


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        table = tomllib.loads(text)
        json.dumps(table, default=str)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise RackprintError(f"{path}: {why}; name a readable TOML file, or leave --config out") from None
    except UnicodeDecodeError as error:
        raise RackprintError(f"{path}, byte {error.start}: is not UTF-8; save it as UTF-8") from None
    except RecursionError:
        raise RackprintError(f"{path}: is nested too deep; docs/config.md has an example") from None
    except ValueError as error:
        message = printable(str(error))
        at = re.search(r" \(at (line \d+, column \d+|end of document)\)$", message)
        place, message = (f", {at[1]}", message[: at.start()]) if at else ("", message)
        raise RackprintError(f"{path}{place}: is not TOML: {message}; docs/config.md has an example") from None
    return text, table


def _anchored(file: dict[str, Any], folder: Path, layers: _Layers, before: str = "") -> dict[str, Any]:
    """The file's values with relative paths made relative to its folder."""
    done: dict[str, Any] = {}
    for name, value in file.items():
        key = before + name
        done[name] = value
        if isinstance(value, dict):
            done[name] = _anchored(value, folder, layers, f"{key}.")
        elif Path in (KINDS[key], *get_args(KINDS[key])):
            if not value or "\0" in value:
                raise RackprintError(f"{layers.place(key)}: is no path; leave it out for none")
            done[name] = folder / value
    return done


def _environment() -> dict[str, Any]:
    for name in os.environ:
        key = name[len(PREFIX) :].lower().replace("__", ".")
        if not name.upper().startswith(PREFIX) or not os.environ[name] or key in KEYS:
            continue
        if key in SECTIONS:
            raise RackprintError(f"environment, {name}: is a section; name a key in it, as {variable(key)}__NAME")
        if "." in key:  # without: some other setting, such as RACKPRINT_DEBUG
            remedy = re.sub(r"(?<=did you mean )[\w.]+", lambda m: variable(m[0]), nearest(key))
            raise RackprintError(f"environment, {printable(name)}: unknown key; {remedy}")
    return EnvSettingsSource(_Environment)()


def _set(values: dict[str, Any]) -> dict[str, Any]:
    nested = {name: _set(value) if isinstance(value, dict) else value for name, value in values.items()}
    return {name: value for name, value in nested.items() if value is not None}


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {k: _over(below[k], v) for k, v in above.items() if isinstance(v, dict) and isinstance(below.get(k), dict)}
    return {**below, **above, **both}


def _line(text: str, key: str) -> int | None:
    """The line where a key stands, as far as a look at each line can tell."""
    table = ""
    for number, line in enumerate(text.split("\n"), 1):
        head = re.match(r"\s*(\[?)\s*([\w.\-\"' ]+?)\s*(\]|=)", line)
        if head and (head[1] == "[") == (head[3] == "]"):
            name = re.sub(r"[\"' ]", "", head[2])
            found = name if head[1] else ".".join(filter(None, (table, name)))
            table = found if head[1] else table
            if found == key:
                return number
    return None


def loopback(host: str) -> bool:
    """Whether only this machine can reach a socket bound to ``host``."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _conflicts(config: Config) -> Iterator[tuple[str, str]]:
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


def _values(config: BaseModel, before: str = "") -> Iterator[tuple[str, Any]]:
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, Section):
            yield from _values(value, f"{name}.")
        else:
            yield before + name, value
