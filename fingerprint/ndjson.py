"""Observations as the NDJSON of contract 1, which ``fingerprint.parsers.events`` reads back to the same observation.

Besides the contract's keys a line may carry ``scopes`` (where a value's scope is not the source's own), ``invalid``
(why a value never links), ``artifact`` and ``positions`` (where each value stands).
"""

from __future__ import annotations

from typing import Any

import msgspec

from rackprint.fingerprint.model import Observation, Signal
from rackprint.fingerprint.signals import scope_key


def line(observation: Observation, *, positions: bool = False) -> bytes:
    """One line, without its line end. An invalid value is written raw, so that reading it judges it again."""
    return msgspec.json.encode(row(observation, positions=positions))


def row(observation: Observation, *, positions: bool = False) -> dict[str, Any]:
    """The line as a dict, with absent keys left out."""
    grouped: dict[str, list[Signal]] = {}
    for signal in observation.signals:
        grouped.setdefault(signal.name, []).append(signal)
    accounts = observation.accounts
    found: dict[str, Any] = {
        "id": observation.id,
        "time": observation.time,
        "source": observation.source,
        "account": accounts[0] if len(accounts) == 1 else list(accounts),
        "app": observation.app,
        "exhibit": observation.exhibit,
        "action": observation.action,
        "target": observation.target,
        "signals": {name: _values(signals) for name, signals in grouped.items()},
        "scopes": {n: [s.scope_key for s in group] for n, group in grouped.items() if _foreign(observation, group)},
        "invalid": {n: why for n, group in grouped.items() if (why := "; ".join(s.why for s in group if not s.valid))},
        "artifact": observation.artifact,
    }
    if positions:
        found["positions"] = {name: [str(s.position) for s in signals] for name, signals in grouped.items()}
    return {key: value for key, value in found.items() if value or key == "signals"}


def _values(signals: list[Signal]) -> Any:
    values = [s.value if s.valid else s.raw for s in signals]
    return values[0] if len(values) == 1 else values


def _foreign(observation: Observation, signals: list[Signal]) -> bool:
    _, _, source = observation.source.partition(":")
    ssid = next((str(s.value) for s in observation.signals if s.name == "ssid"), "")
    usual = scope_key(
        signals[0].name, source_kind=observation.source_kind, source=source, app=observation.app, ssid=ssid
    )
    return any(s.scope_key != usual for s in signals)
