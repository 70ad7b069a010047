"""drm_id: the Widevine device unique id an app reads through MediaDrm; since Android 8 another for each app."""

from __future__ import annotations

import re

from rackprint.fingerprint.identifiers.digits import uniform
from rackprint.fingerprint.model import Identifier, Scope

_HEX = re.compile(r"[0-9a-f]{32,128}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{22,88}={0,2}")


def read(raw: str) -> Identifier:
    """As lower-case hex; base64, which many apps send, is turned into it, so both forms of one id compare equal."""
    text = raw.strip()
    value = text.lower().replace(":", "")
    if not _HEX.fullmatch(value):
        value = _from_base64(text)
    if not value:
        return Identifier("drm_id", text, raw, Scope.APP, False, "a drm_id has 16 to 64 bytes as hex or base64")
    if uniform(value) or uniform(value[2:]):
        return Identifier("drm_id", value, raw, Scope.APP, False, "placeholder")
    return Identifier("drm_id", value, raw, Scope.APP)


def _from_base64(text: str) -> str:
    import base64
    import binascii

    if not _BASE64.fullmatch(text):
        return ""
    body = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except binascii.Error:
        return ""
    return data.hex() if 16 <= len(data) <= 64 else ""
