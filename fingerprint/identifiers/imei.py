"""IMEI and IMEISV (3GPP TS 23.003 clause 6.2): 8 digits TAC, 6 serial number, then a check digit or 2 of software."""

from __future__ import annotations

from rackprint.fingerprint.identifiers.digits import clean, counting, is_digits, luhn_digit, luhn_ok, uniform
from rackprint.fingerprint.model import Identifier, Scope

LENGTH, SV_LENGTH, BODY = 15, 16, 14

# Seen on many unrelated phones: flashing tools and emulators write them. All-zero passes the Luhn check.
DENY = frozenset({"0" * LENGTH, "004999010640000", "358240051111110", "123456789012347", "111111111111119"})


def read(raw: str) -> Identifier:
    """An IMEI of 15 digits; 14 digits, as a radio that keeps the check digit to itself gives, get theirs."""
    text = clean(raw)
    if not is_digits(text) or len(text) not in {BODY, LENGTH}:
        return _bad(text, raw, "an IMEI has 15 digits")
    if len(text) == BODY:
        text += luhn_digit(text)
    why = _refuse(text)
    return _bad(text, raw, why) if why else Identifier("imei", text, raw, Scope.UNIT)


def read_sv(raw: str) -> Identifier:
    """An IMEISV of 16 digits, the last two a software version number; it carries no check digit."""
    text = clean(raw)
    if not is_digits(text) or len(text) != SV_LENGTH:
        return Identifier("imeisv", text, raw, Scope.UNIT, False, "an IMEISV has 16 digits")
    if uniform(text[:BODY]):
        return Identifier("imeisv", text, raw, Scope.UNIT, False, "placeholder")
    return Identifier("imeisv", text, raw, Scope.UNIT)


def tac(value: str) -> str:
    """The Type Allocation Code, which names the model."""
    return value[:8]


def _refuse(text: str) -> str:
    if text in DENY or uniform(text[:BODY]) or counting(text[:BODY]):
        return "placeholder"
    return "" if luhn_ok(text) else "check digit is wrong"


def _bad(text: str, raw: str, why: str) -> Identifier:
    return Identifier("imei", text, raw, Scope.UNIT, False, why)
