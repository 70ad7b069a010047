"""MEID (3GPP2 S.R0048-A): 14 hex digits, the first at least A, or 18 decimal ones that stand for them."""

from __future__ import annotations

from rackprint.fingerprint.identifiers.digits import clean, is_digits, uniform
from rackprint.fingerprint.model import Identifier, Scope

HEX, DECIMAL = 14, 18
_HEX_DIGITS = frozenset("0123456789ABCDEF")
DENY = frozenset({"0" * HEX, "F" * HEX})


def read(raw: str) -> Identifier:
    """An MEID as 14 upper-case hex digits. Decimal form: 10 digits of the first 32 bits, 8 of the other 24.

    A hex MEID that starts with a digit 0 to 9 is an IMEI's body (S.R0048-A clause 3), not an MEID, so it is refused.
    """
    text = clean(raw).upper()
    if len(text) == DECIMAL and is_digits(text):
        first, second = int(text[:10]), int(text[10:])
        if first >> 32 or second >> 24:
            return _bad(text, raw, "decimal MEID out of range")
        text = f"{first:08X}{second:06X}"
    elif len(text) == HEX + 1:
        text = text[:HEX]  # a check digit that some phones print
    if len(text) != HEX or not set(text) <= _HEX_DIGITS:
        return _bad(text, raw, "an MEID has 14 hex digits")
    if text in DENY or uniform(text):
        return _bad(text, raw, "placeholder")
    if text[0] < "A":
        return _bad(text, raw, "an MEID starts with A to F")
    return Identifier("meid", text, raw, Scope.UNIT)


def _bad(text: str, raw: str, why: str) -> Identifier:
    return Identifier("meid", text, raw, Scope.UNIT, False, why)
