"""The events that clocks give at the end of a capture: one a line that tells something, one a source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from rackprint.fingerprint.capture.boots import Boot, boots
from rackprint.fingerprint.capture.clock import ALL_TRACKS, LINES, Clocks, Line
from rackprint.fingerprint.capture.packets import TCP, Packet
from rackprint.fingerprint.capture.phones import Phones, count
from rackprint.fingerprint.capture.skew import CONFIDENCE
from rackprint.fingerprint.capture.tally import Tally

STARTED = 10.0  # seconds; a wider interval is no time of start

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def clock_events(clocks: Clocks, tally: Tally) -> Iterator[tuple[dict[str, Any], Packet]]:
    """``tcp_clock`` for each line with a skew that means something or a start, then ``tcp_clock_count`` for each source
    of such lines, each with a packet that stands for the line's first. Ends the lines of ``clocks``."""
    by_source: dict[str, list[Line]] = {}
    for line in clocks.lines():
        by_source.setdefault(line.src, []).append(line)
    for lines in by_source.values():
        started = boots(lines)
        telling = [(line, started.get(i)) for i, line in enumerate(lines) if line.meaning or i in started]
        for line, boot in telling:
            yield _line(line, boot), _packet(line)
        if telling:
            yield _count(lines, count(lines, started)), _packet(lines[0])
    if clocks.backwards:
        tally.add(f"TCP timestamps are of before those they follow, {clocks.backwards} of them", clocks.where)
    if clocks.lost:
        tally.add(f"more than {ALL_TRACKS} clocks in TCP timestamps at once, or {LINES} in all", 0)


def _line(line: Line, boot: Boot | None) -> dict[str, Any]:
    skew = line.meaning
    exact = boot is not None and boot.high - boot.low <= STARTED
    return {
        "kind": "tcp_clock",
        "time": _time(line.first_ns),
        "until": _time(line.last_ns),
        "src": line.src,
        "dst": line.dst,
        "samples": line.samples,
        "rate": line.rate,
        "skew_ppm": round(skew.slope * 1e6, 3) if skew else None,
        "skew_low": round(skew.low * 1e6, 3) if skew else None,
        "skew_high": round(skew.high * 1e6, 3) if skew else None,
        "confidence": CONFIDENCE if skew else None,
        "boot_time": round((boot.low + boot.high) / 2) if boot and exact else None,
        "boot_low": round(boot.low, 1) if boot else None,
        "boot_high": round(boot.high, 1) if boot else None,
        "offset": line.offset,
    }


def _count(lines: list[Line], phones: Phones) -> dict[str, Any]:
    return {
        "kind": "tcp_clock_count",
        "time": _time(lines[0].first_ns),
        "src": lines[0].src,
        "phones": phones.least,
        "lines": phones.lines,
        "parallel": phones.parallel,
        "reasons": list(phones.reasons),
        "offset": lines[0].offset,
    }


def _packet(line: Line) -> Packet:
    return Packet(line.first_ns, line.offset, line.src, line.dst, TCP, 0, 0, b"")


def _time(time_ns: int) -> str:
    time = _EPOCH + timedelta(microseconds=time_ns // 1000)
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")
