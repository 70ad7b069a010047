"""Whose counter a randomised probe request carries on: drivers that change their address often go on counting (Vanhoef
et al. 2016, section 4). A hint for the reader, and no signal: phones of one model count side by side."""

from __future__ import annotations

from collections import OrderedDict

from rackprint.fingerprint.capture.probes import Probe

DRIVERS = 1024  # wordings of elements that are remembered; the longest unseen is forgotten
SENDERS = 16  # of each, the last ones
GAP = 16  # frames that were not heard
SILENCE = 5 * 10**9  # nanoseconds
_COUNTER = 4096


class Sequences:
    """``follows`` each request in capture order."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, OrderedDict[str, tuple[int, int]]] = OrderedDict()

    def follows(self, probe: Probe, time_ns: int) -> str:
        """The one other address whose last request, worded alike and of late, had a number just before this one's;
        empty where there is none or more than one, or the address is known or global."""
        senders = self._last.setdefault(probe.ies, OrderedDict())
        self._last.move_to_end(probe.ies)
        if len(self._last) > DRIVERS:
            self._last.popitem(last=False)
        found = [
            mac
            for mac, (number, when) in senders.items()
            if 0 < (probe.sequence - number) % _COUNTER <= GAP and 0 <= time_ns - when <= SILENCE
        ]
        known = probe.mac in senders
        senders[probe.mac] = (probe.sequence, time_ns)
        senders.move_to_end(probe.mac)
        if len(senders) > SENDERS:
            senders.popitem(last=False)
        return found[0] if probe.randomised and not known and len(found) == 1 else ""
