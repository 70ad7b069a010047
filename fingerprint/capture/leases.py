"""Who held which address when, as DHCP told it: a lease changes hands, and what came from the address before is of the
one who held it then."""

from __future__ import annotations

from bisect import bisect_right

LEASES = 65_536  # addresses
CHANGES = 64  # of one address; the oldest are forgotten
_EVER = 1 << 80


class Leases:
    """Leases in capture order. Times are nanoseconds since 1970 UTC."""

    def __init__(self) -> None:
        self._held: dict[str, list[tuple[int, int, str]]] = {}  # (from, until, mac), ascending

    def give(self, ip: str, mac: str, time_ns: int, seconds: int = 0) -> None:
        """``mac`` holds ``ip`` from now on, for ``seconds`` where they are told."""
        if not ip or not mac or (ip not in self._held and len(self._held) >= LEASES):
            return
        spans = self._held.setdefault(ip, [])
        until = time_ns + seconds * 1_000_000_000 if seconds else _EVER
        if spans and spans[-1][2] == mac and spans[-1][0] <= time_ns <= spans[-1][1]:
            spans[-1] = (spans[-1][0], until, mac)  # renewed
        elif not spans or spans[-1][0] <= time_ns:
            spans.append((time_ns, until, mac))
            del spans[:-CHANGES]

    def end(self, ip: str, mac: str, time_ns: int) -> None:
        """``mac`` gave ``ip`` back."""
        spans = self._held.get(ip)
        if spans and spans[-1][2] == mac:
            spans[-1] = (spans[-1][0], min(spans[-1][1], time_ns), mac)

    def holder(self, ip: str, time_ns: int) -> str:
        """The MAC that held ``ip`` at a time, empty where that is not known."""
        spans = self._held.get(ip)
        if not spans:
            return ""
        at = bisect_right(spans, time_ns, key=lambda span: span[0]) - 1
        return spans[at][2] if at >= 0 and time_ns < spans[at][1] else ""
