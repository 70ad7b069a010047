"""EID of an eUICC (GSMA SGP.29): 32 digits that leave 1 when divided by 97 (ISO/IEC 7064 MOD 97-10)."""

from __future__ import annotations

from rackprint.fingerprint.identifiers.digits import clean, is_digits, uniform
from rackprint.fingerprint.model import Identifier, Scope

LENGTH = 32


def read(raw: str) -> Identifier:
    """An EID. It names the chip, which is soldered in unless the card is removable: the caller knows which."""
    text = clean(raw)
    if not is_digits(text) or len(text) != LENGTH:
        return Identifier("eid", text, raw, Scope.UNIT, False, "an EID has 32 digits")
    if uniform(text[2:]):
        return Identifier("eid", text, raw, Scope.UNIT, False, "placeholder")
    if not text.startswith("89") or int(text) % 97 != 1:
        return Identifier("eid", text, raw, Scope.UNIT, False, "check digits are wrong")
    return Identifier("eid", text, raw, Scope.UNIT)
