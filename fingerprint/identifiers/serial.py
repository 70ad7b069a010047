"""Serial numbers: of the phone, and of parts in it (eMMC CID, UFS, CPU, battery)."""

from __future__ import annotations

import re

from rackprint.fingerprint.identifiers.digits import uniform
from rackprint.fingerprint.model import Identifier, Scope

# What makers of cheap phones, chip vendors' sample firmware and emulators put where a serial belongs.
DENY = frozenset(
    {
        "0123456789ABCDEF", "0123456789ABCDEFGHIJ", "1234567890ABCDEF", "0123456789", "1234567890", "12345678",
        "123456789", "20080411", "20100720", "C00C0FFEE", "UNKNOWN", "NULL", "NONE", "DEFAULT", "ANDROID", "SERIAL",
        "EMULATOR", "NOT_SET", "UNDEFINED", "ABCDEF123456", "MT65XX", "LGANDROIDPHONE",
    }
)  # fmt: skip
_CHARACTERS = re.compile(r"[A-Z0-9][A-Z0-9._:\-]{3,63}")
_EMULATOR = re.compile(r"EMULATOR(-\d+|\d+X\d+.*)")
_HEX = re.compile(r"[0-9A-F]{8,64}")


def read(raw: str) -> Identifier:
    """A phone's serial as it stands, 4 to 64 characters; placeholders are told whatever their case."""
    text = raw.strip()
    upper = text.upper()
    if not _CHARACTERS.fullmatch(upper):
        return _bad(text, raw, "a serial has 4 to 64 letters, digits and . _ : -")
    if upper in DENY or uniform(upper) or _EMULATOR.fullmatch(upper):
        return _bad(text, raw, "placeholder")
    return Identifier("serial", text, raw, Scope.UNIT)


def read_part(raw: str) -> Identifier:
    """A part's serial: 8 to 64 hex digits, or text as a phone's."""
    text = re.sub(r"[\s]|^0[xX]", "", raw).upper()
    if _HEX.fullmatch(text) and uniform(text):
        return _bad(text, raw, "placeholder")
    found = read(text)
    return Identifier("part", found.value, raw, Scope.UNIT, found.valid, found.why)


def _bad(text: str, raw: str, why: str) -> Identifier:
    return Identifier("serial", text, raw, Scope.UNIT, False, why)
