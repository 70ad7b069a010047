"""What phones print in the place of an identifier that they do not give away."""

from __future__ import annotations

import re

# Asterisks or a run of X for the digits (Rlog.pii, SubscriptionInfo.givePrintableIccid: ``898600123[****]``); octets of
# XX (Android 12 and later, BluetoothManagerService); and WifiInfo.DEFAULT_MAC_ADDRESS.
_MASK = re.compile(r"\*{2,}|x{4,}|(?:xx:){2,}|^02:00:00:00:00:00$", re.IGNORECASE)


def masked(raw: str) -> bool:
    """Whether the raw text, which did not pass as an identifier, is one that was hidden."""
    return bool(_MASK.search(raw.strip()))
