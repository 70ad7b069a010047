"""Charts as SVG text, drawn here so that reports, pages and print show the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_SLOT = re.compile(r"^(.*?)(\d+)$")
_CELL_W, _CELL_H, _GAP, _LEFT = 92, 66, 8, 92
_BAR_H, _BAR_LEFT, _BAR_W = 20, 190, 420


class Slot(NamedTuple):
    """A phone in the rack: its USB place (``host:1-1.4``), label, accounts, flags, and the anchor of its section."""

    place: str
    label: str
    accounts: int
    flags: tuple[str, ...]
    anchor: str


class Bar(NamedTuple):
    """A row of a stacked bar chart: parts are (name, count) in the order of the legend."""

    label: str
    parts: tuple[tuple[str, int], ...]
    anchor: str


def rack_map(slots: Sequence[Slot]) -> str:
    """Hubs as rows and ports as columns; the more accounts a phone held, the darker; a triangle marks flags."""
    hubs: dict[str, dict[int, Slot]] = defaultdict(dict)
    for slot in slots:
        found = _SLOT.match(slot.place)
        if found:
            hubs[found[1].rstrip(".-")][int(found[2])] = slot
    if not hubs:
        return ""
    ports = sorted({port for hub in hubs.values() for port in hub})
    most = max(slot.accounts for slot in slots) or 1
    width = _LEFT + len(ports) * (_CELL_W + _GAP)
    height = 24 + len(hubs) * (_CELL_H + _GAP)
    out = [_open(width, height, "Rack map: one box a phone, by hub and port")]
    out += [
        f'<text class="axis port" x="{_LEFT + n * (_CELL_W + _GAP) + _CELL_W / 2}" y="14">port {port}</text>'
        for n, port in enumerate(ports)
    ]
    for row, (hub, found_slots) in enumerate(sorted(hubs.items())):
        y = 24 + row * (_CELL_H + _GAP)
        out.append(f'<text class="axis" x="0" y="{y + _CELL_H / 2 + 4}">{escape(hub)}</text>')
        out += [
            _cell(slot, _LEFT + ports.index(port) * (_CELL_W + _GAP), y, most) for port, slot in found_slots.items()
        ]
    return "".join(out) + "</svg>"


def _cell(slot: Slot, x: float, y: float, most: int) -> str:
    shade = 0.12 + 0.68 * slot.accounts / most
    dark = " on-dark" if shade > 0.5 else ""
    flags = f"; {', '.join(slot.flags)}" if slot.flags else ""
    title = escape(f"{slot.label} at {slot.place}: {slot.accounts} accounts{flags}")
    mark = ""
    if slot.flags:
        tip = f"{x + _CELL_W - 16},{y + 18} {x + _CELL_W - 4},{y + 18} {x + _CELL_W - 10},{y + 7}"
        mark = f'<polygon class="flag" points="{tip}"/>'
    return (
        f'<a href="#{escape(slot.anchor)}"><title>{title}</title>'
        f'<rect class="slot" x="{x}" y="{y}" width="{_CELL_W}" height="{_CELL_H}" rx="6" fill-opacity="{shade:.2f}"/>'
        f'<text class="slot-label{dark}" x="{x + 8}" y="{y + 22}">{escape(_fit(slot.label, 10))}</text>'
        f'<text class="slot-count{dark}" x="{x + 8}" y="{y + 50}">{slot.accounts}</text>{mark}</a>'
    )


def bars(rows: Sequence[Bar], unit: str) -> str:
    """A stacked horizontal bar a row, with its total; parts are told apart by class ``part-N``, N from 0."""
    if not rows:
        return ""
    most = max(sum(count for _, count in row.parts) for row in rows) or 1
    names = list(dict.fromkeys(name for row in rows for name, _ in row.parts))
    height = 26 + len(rows) * (_BAR_H + 6)
    out = [_open(_BAR_LEFT + _BAR_W + 60, height, f"{unit} by device")]
    x = float(_BAR_LEFT)
    for n, name in enumerate(names):
        out.append(f'<rect class="part-{n % 6}" x="{x}" y="2" width="12" height="12" rx="2"/>')
        out.append(f'<text class="axis" x="{x + 17}" y="12">{escape(name)}</text>')
        x += 30 + 7.2 * len(name)
    for row_number, row in enumerate(rows):
        y, x = 26 + row_number * (_BAR_H + 6), float(_BAR_LEFT)
        label = escape(_fit(row.label, 26))
        out.append(f'<a href="#{escape(row.anchor)}"><text class="axis" x="0" y="{y + 14}">{label}</text></a>')
        for name, count in row.parts:
            w = _BAR_W * count / most
            title = escape(f"{row.label}: {count} {name}")
            shape = f'x="{x:.1f}" y="{y}" width="{max(0.0, w - 1):.1f}" height="{_BAR_H}"'
            out.append(f'<rect class="part-{names.index(name) % 6}" {shape}><title>{title}</title></rect>')
            x += w
        total = sum(count for _, count in row.parts)
        out.append(f'<text class="axis" x="{x + 6:.1f}" y="{y + 14}">{total}</text>')
    return "".join(out) + "</svg>"


class Fall(NamedTuple):
    """A bar of a waterfall: bits up or down; ``counts`` is False for what supports without adding up."""

    label: str
    bits: float
    counts: bool


def waterfall(rows: Sequence[Fall], title: str) -> str:
    """Bits as floating bars, each from where the one before ended; the third is the sum. What does not count hangs
    from zero, in outline."""
    if not rows:
        return ""
    ends, at = [], 0.0
    for n, row in enumerate(rows):
        start = at if row.counts and n < 2 else 0.0
        ends.append((start, start + row.bits))
        at = start + row.bits
    low, high = min(0.0, *(min(e) for e in ends)), max(1.0, *(max(e) for e in ends))
    scale = _BAR_W / (high - low)
    left = _BAR_LEFT + 30
    out = [_open(left + _BAR_W + 70, 12 + len(rows) * (_BAR_H + 6), title)]
    zero = left - low * scale
    for n, (row, (start, end)) in enumerate(zip(rows, ends, strict=True)):
        y = 6 + n * (_BAR_H + 6)
        x, w = left + (min(start, end) - low) * scale, max(1.0, abs(end - start) * scale)
        style = "sum" if row.counts and n == 2 else "up" if row.bits >= 0 else "down"
        style = style if row.counts else "beside"
        told = escape(f"{row.label}: {row.bits:+.1f} bits")
        out.append(f'<text class="axis" x="0" y="{y + 14}">{escape(_fit(row.label, 32))}</text>')
        shape = f'x="{x:.1f}" y="{y}" width="{w:.1f}" height="{_BAR_H}" rx="2"'
        out.append(f'<rect class="fall-{style}" {shape}><title>{told}</title></rect>')
        out.append(f'<text class="axis" x="{x + w + 6:.1f}" y="{y + 14}">{row.bits:+.1f}</text>')
    out.append(f'<line class="zero" x1="{zero:.1f}" y1="0" x2="{zero:.1f}" y2="{12 + len(rows) * (_BAR_H + 6)}"/>')
    return "".join(out) + "</svg>"


STYLE = (
    "svg{background:#fff;font-family:system-ui,'DejaVu Sans',sans-serif;font-size:12px}.axis{fill:#333}"
    ".fall-up{fill:#1f5fa8}.fall-down{fill:#c2410c}.fall-sum{fill:#0f8a6d}"
    ".fall-beside{fill:#fff;stroke:#1f5fa8;stroke-dasharray:3 2}.zero{stroke:#999}"
)


def alone(svg: str) -> str:
    """A chart as a file of its own, with its colours."""
    return svg.replace(">", f"><style>{STYLE}</style>", 1)


def _open(width: float, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" style="max-width:{width:.0f}px" role="img" '
        f'aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">'
    )


def _fit(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
