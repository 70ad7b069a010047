"""Reading the configuration: the command line over the environment over the file over the defaults."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from rackprint.daemon.cells import printable
from rackprint.daemon.config_model import KEYS, KINDS, PREFIX, SECTIONS, Config, conflicts, nearest, values, variable
from rackprint.daemon.errors import RackprintError

Origin = Literal["default", "file", "environment", "command line"]


class _Environment(Config, BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True, enable_decoding=False, extra="forbid"
    )


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
    for key, reason in conflicts(config):
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


def _reason(key: str, error: dict[str, Any]) -> str:
    kind, value = error["type"], error.get("input")
    if kind == "extra_forbidden":
        return f"unknown key; {nearest(key)}"
    if key in SECTIONS or not key:
        return f"should be a table; write [{key}] and its keys below it"
    reason = str(error["msg"]).replace("Input should", "should").replace("String should", "should")
    given = "" if key == "store.url" or isinstance(value, dict | list) else f", not {printable(repr(value))[:60]}"
    default = dict(values(Config()))[key] if key in KEYS else None
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
