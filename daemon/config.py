"""The configuration: one TOML file, the environment over it, the command line over both.

Import it inside commands only: it loads pydantic, which ``rackprint --help`` must not wait for.
"""

from __future__ import annotations

import json
import re
from typing import Any

from rackprint.daemon.config_checks import problems
from rackprint.daemon.config_layers import Origin, load, sources
from rackprint.daemon.config_model import KEYS, Config, loopback, values, variable

__all__ = ["KEYS", "Config", "Origin", "load", "loopback", "masked", "problems", "shown", "sources", "variable"]

MASK = "***"


def masked(config: Config) -> dict[str, Any]:
    """Every key with its value as plain data, passwords hidden."""
    plain = {key: str(value) if hasattr(value, "__fspath__") else value for key, value in values(config)}
    return {**plain, "store.url": without_password(config.store.url)}


def without_password(url: str) -> str:
    """A database URL with its password, wherever it stands, as ``***``; it may hide more, never less."""
    url = re.sub(r"(://[^:]*):.*@", rf"\1:{MASK}@", url, flags=re.DOTALL)
    return re.sub(r"(?i)(pass\w*=)[^&]*", rf"\1{MASK}", url)


def shown(config: Config, origins: dict[str, Origin] | None = None) -> str:
    """The configuration as TOML, passwords hidden; with ``origins``, each line says where its value came from."""
    lines: list[str] = []
    section = ""
    for key, value in masked(config).items():
        table, _, name = key.rpartition(".")
        if table != section:
            lines += ["", f"[{table}]"]
            section = table
        line = f"# {name} is not set" if value is None else f"{name} = {_toml(value)}"
        origin = origins[key] if origins else "default"
        remark = f"environment, {variable(key)}" if origin == "environment" else origin
        lines.append(f"{line}  # {remark}" if origins and value is not None else line)
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return "".join(c if c.isprintable() else _escape(c) for c in json.dumps(value, ensure_ascii=False))
    return json.dumps(value)


def _escape(character: str) -> str:
    code = ord(character)
    if 0xD800 <= code < 0xE000:
        return f"\\\\x{code:x}"  # half a character, from a file name that is not UTF-8: TOML cannot hold it
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
