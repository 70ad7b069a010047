"""Identifiers that live until a reset or re-install: android_id, advertising id, GSF id, an app's own token."""

from __future__ import annotations

import re

from rackprint.fingerprint.identifiers.digits import uniform
from rackprint.fingerprint.model import Identifier, Scope

# 9774d56d682e549c: one value on millions of Android 2.2 phones, and what lazy cloners still send.
DENY = frozenset({"9774d56d682e549c", "0123456789abcdef", "1234567890abcdef", "dead00beef000000"})
_HEX16 = re.compile(r"[0-9a-f]{1,16}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def android_id(raw: str) -> Identifier:
    """Settings.Secure.ANDROID_ID: 64 bits as hex; Android prints them without leading zeros."""
    text = raw.strip().lower()
    if not _HEX16.fullmatch(text) or len(text) < 8:
        return _bad("android_id", text, raw, "an android_id has up to 16 hex digits")
    text = text.zfill(16)
    if text in DENY or uniform(text):
        return _bad("android_id", text, raw, "placeholder")
    return Identifier("android_id", text, raw, Scope.APP)


def uuid(raw: str) -> Identifier:
    """A UUID in lower case. All zeros is what Android shows when the user has opted out of advertising ids."""
    text = raw.strip().lower().strip("{}")
    if not _UUID.fullmatch(text):
        return _bad("uuid", text, raw, "no UUID")
    if uniform(text.replace("-", "")):
        return _bad("uuid", text, raw, "placeholder")
    return Identifier("uuid", text, raw, Scope.UNIT)


def gsf_id(raw: str) -> Identifier:
    """Google Services Framework id: 64 bits, given as hex or as the decimal number of the same bits."""
    text = raw.strip().lower()
    if text.isascii() and text.isdigit() and len(text) > 16 and int(text) < 1 << 64:
        text = f"{int(text):x}"
    if not _HEX16.fullmatch(text) or len(text) < 8:
        return _bad("gsf_id", text, raw, "a GSF id has up to 16 hex digits")
    if uniform(text):
        return _bad("gsf_id", text, raw, "placeholder")
    return Identifier("gsf_id", text.zfill(16), raw, Scope.UNIT)


def token(raw: str) -> Identifier:
    """An app's own installation id: any text of at least 8 characters that is not one character repeated."""
    text = raw.strip()
    if len(text) < 8:
        return _bad("app_instance", text, raw, "shorter than 8 characters")
    if uniform(text.replace("-", "") or "-"):
        return _bad("app_instance", text, raw, "placeholder")
    return Identifier("app_instance", text, raw, Scope.APP)


def _bad(kind: str, text: str, raw: str, why: str) -> Identifier:
    return Identifier(kind, text, raw, Scope.APP, False, why)
