"""IMSI (3GPP TS 23.003 clause 2.2) with its country and operator, and MSISDN (ITU-T E.164)."""

from __future__ import annotations

from rackprint.fingerprint.identifiers.digits import clean, is_digits, uniform
from rackprint.fingerprint.model import Identifier, Scope

SHORTEST, LONGEST = 14, 15
TEST_MCC = "001"  # test networks (ITU-T E.212 annex); python-stdnum does not know it


def read(raw: str) -> Identifier:
    """An IMSI of 14 or 15 digits whose mobile country code is assigned, or the test network's."""
    text = clean(raw)
    if not is_digits(text) or not SHORTEST <= len(text) <= LONGEST:
        masked = "x" in text.lower() or "*" in text
        return _bad(text, raw, "masked" if masked else "an IMSI has 14 or 15 digits")
    if uniform(text):
        return _bad(text, raw, "placeholder")
    if not text.startswith(TEST_MCC) and not _country(text):
        return _bad(text, raw, f"no country has the code {text[:3]}")
    return Identifier("imsi", text, raw, Scope.NONE)


def operator(value: str) -> dict[str, str]:
    """mcc, mnc, country and operator of an IMSI, as far as python-stdnum's table knows them."""
    from stdnum import imsi

    try:
        found: dict[str, str] = imsi.info(value)
    except ValueError:  # its table has no such network
        return {}
    return {k: str(v) for k, v in found.items() if k in {"mcc", "mnc", "country", "operator"} and v}


def msisdn(raw: str) -> Identifier:
    """A phone number of 7 to 15 digits, international when it starts with ``+``."""
    text = clean(raw).replace("(", "").replace(")", "")
    digits = text.removeprefix("+")
    if not is_digits(digits) or not 7 <= len(digits) <= 15 or uniform(digits):
        return Identifier("msisdn", text, raw, Scope.NONE, False, "a phone number has 7 to 15 digits")
    return Identifier("msisdn", text, raw, Scope.NONE)


def _country(text: str) -> bool:
    from stdnum import numdb

    # A known country code is split off from the rest, even where the network behind it is not known.
    first = numdb.get("imsi").info(text)[0]
    return bool(len(first[0]) == 3)


def _bad(text: str, raw: str, why: str) -> Identifier:
    return Identifier("imsi", text, raw, Scope.NONE, False, why)
