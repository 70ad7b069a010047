"""What Prometheus is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_REASONS = (
    ("json", re.compile(r"JSON|cut off|truncated|malformed|nested", re.IGNORECASE)),
    ("too_long", re.compile(r"longer than")),
    ("time", re.compile(r"time|offset|RFC 3339")),
    ("source", re.compile(r"source")),
    ("account", re.compile(r"account")),
    ("id_conflict", re.compile(r"something else than before")),
    ("format", re.compile(r"no parser|unpacked|is empty")),
    ("parser", re.compile(r"parser died|was ended")),
)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


def reason(text: str) -> str:
    """The kind of a refusal, of which there are few."""
    return next((name for name, pattern in _REASONS if pattern.search(text)), "other")


class Metrics:
    """Counters of this process, and gauges that ask when they are read."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._observations = Counter(
            "rackprint_observations", "Observations handed in, by what became of them", ["outcome"], registry=registry
        )
        self._rejects = Counter("rackprint_rejects", "Lines not taken in, by reason", ["reason"], registry=registry)
        self._failures = Counter(
            "rackprint_ingest_failures", "Requests not acknowledged, by reason", ["reason"], registry=registry
        )
        self._acknowledged = Histogram(
            "rackprint_ingest_seconds", "From the whole body to its commit", buckets=_SECONDS, registry=registry
        )
        self._requests = Histogram(
            "rackprint_request_seconds", "Requests", ["method", "route", "status"], buckets=_SECONDS, registry=registry
        )
        self._links = Histogram("rackprint_link_seconds", "Runs of the linker", buckets=_SECONDS, registry=registry)
        for outcome in ("accepted", "duplicate", "rejected"):
            self._observations.labels(outcome)

    def ingested(self, counts: Sequence[int], reasons: Iterable[str], seconds: float) -> None:
        """One body was acknowledged: so many accepted, duplicate and rejected."""
        for outcome, count in zip(("accepted", "duplicate", "rejected"), counts, strict=True):
            self._observations.labels(outcome).inc(count)
        for text in reasons:
            self._rejects.labels(reason(text)).inc()
        self._acknowledged.observe(seconds)

    def failed(self, why: str) -> None:
        """One body was not acknowledged."""
        self._failures.labels(why).inc()

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def linked(self, seconds: float) -> None:
        """The linker ran."""
        self._links.observe(seconds)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A figure that ``value`` tells when it is asked for."""
        Gauge(f"rackprint_{name}", text, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)
