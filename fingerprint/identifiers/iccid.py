"""ICCID (ITU-T E.118): 89, country, issuer, account, and in most of them a Luhn check digit; 18 to 22 digits."""

from __future__ import annotations

from rackprint.fingerprint.identifiers.digits import clean, is_digits, luhn_ok, uniform
from rackprint.fingerprint.model import Identifier, Scope

SHORTEST, LONGEST = 18, 22
MAJOR_INDUSTRY = "89"  # telecommunications (ISO/IEC 7812-1)


def read(raw: str) -> Identifier:
    """An ICCID without its F padding (ETSI TS 102 221 clause 13.2 pads the nibbles of EF_ICCID with F).

    E.118 gives 19 digits at most, the last a check digit. Issuers also use 18 and 20 digits, with or without one, so
    only at 19 digits does a wrong check digit make it invalid; :func:`checked` tells it for any length."""
    text = clean(raw).upper().rstrip("F")
    if not is_digits(text) or not SHORTEST <= len(text) <= LONGEST:
        masked = "X" in text or "*" in text
        return _bad(text, raw, "masked" if masked else f"an ICCID has {SHORTEST} to {LONGEST} digits")
    if not text.startswith(MAJOR_INDUSTRY):
        return _bad(text, raw, "an ICCID starts with 89")
    if uniform(text[2:]):
        return _bad(text, raw, "placeholder")
    if len(text) == 19 and not checked(text):
        return _bad(text, raw, "check digit is wrong")
    return Identifier("iccid", text, raw, Scope.NONE)


def checked(value: str) -> bool:
    """Whether the last digit is the Luhn digit of those before it."""
    return luhn_ok(value)


def _bad(text: str, raw: str, why: str) -> Identifier:
    return Identifier("iccid", text, raw, Scope.NONE, False, why)
