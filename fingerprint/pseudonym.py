"""Pseudonyms: every identifying value of an observation replaced by a keyed hash, so that values still link and cannot
be read back without the key.

HMAC-SHA256 (RFC 2104), cut to 128 bits as its section 5 allows, over the signal's name and the normal form, so equal
values of two signals differ, except where linking joins them. Where something downstream reads a value, that much is
kept: of a Wi-Fi MAC its U/L bit (RFC 7042 section 2.1, IEEE 802c), of an address whether it says nothing of a place, of
an IMEI which numbers share a TAC (3GPP TS 23.003), of a USB path its hub and port. Accounts, targets, apps and ids are
the platform's own handles and stay; so do values of a class, measures and settings, which many share.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

from rackprint.fingerprint.identifiers import imei, mac
from rackprint.fingerprint.link.contexts import carriers_own
from rackprint.fingerprint.model import Observation, Signal, Tier, Value
from rackprint.fingerprint.signals import REGISTRY, read_signal

LEAST = 32  # bytes of a key
MARK = "~"  # what a pseudonym is told by
REMEMBERED = 1 << 16  # pseudonyms kept at hand; some 20 MiB
LONG = 1e13  # a larger number is no measure: it may be an IMEI, and is kept to three digits

_PLAIN = {Tier.CLASS, Tier.MEASURE, Tier.OPERATION}
# These name a unit, person or network all the same: an IMEISV holds the IMEI, the others are text of anybody's making.
_PERSONAL = {"imeisv", "factory_barcode", "user_agent", "user_name", "proxy"}
_KEPT = {name for name, entry in REGISTRY.items() if entry.tier in _PLAIN} - _PERSONAL | {"account"}
_JOINED = {"iccid_past": "iccid", "imsi_past": "imsi"}  # counted together, as cards that were in the phone
_HUB = re.compile(r"(.+)([.-]\d{1,2})", re.DOTALL)
# What looks like an identifier inside a text that is kept: a UUID, a MAC address, 14 digits or 16 hex digits in a row.
_IDENTIFIER = re.compile(
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}"
    r"|[0-9](?:[ ./-]?[0-9]){13,}|[0-9A-Fa-f]{16,}"
)
_QUOTED = re.compile(r"[0-9]{3,}")
_REPR = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")

Make = Callable[["Key", str, str], str]


class Key:
    """A secret of 32 bytes or more, made ready for use. ``key_id`` tells two keys apart and gives neither away. Raises
    ValueError for a shorter secret."""

    __slots__ = ("_bare", "_domains", "_known", "key_id")

    def __init__(self, secret: bytes) -> None:
        if len(secret) < LEAST:
            raise ValueError(f"the key has {len(secret)} bytes; it needs {LEAST} or more")
        self._bare = hmac.new(secret, digestmod=sha256)
        self._domains: dict[str, hmac.HMAC] = {}
        self._known: dict[tuple[Make, str, str], str] = {}
        named = self._bare.copy()
        named.update(b"rackprint key id")  # no text is hashed with this beginning: theirs is a length
        self.key_id = named.hexdigest()[:16]

    def digest(self, domain: str, text: str) -> str:
        """32 hex digits for ``text``, others in every domain. Domains are few, and fixed in this module."""
        state = self._domains.get(domain)
        if state is None:
            state = self._domains[domain] = self._bare.copy()
            state.update(f"{len(domain)}:{domain}".encode())
        found = state.copy()
        found.update(text.encode("utf-8", "surrogatepass"))
        return found.hexdigest()[:32]

    def made(self, make: Make, name: str, text: str) -> str:
        """What ``make`` makes of name and text, from memory where it was made lately."""
        found = self._known.get((make, name, text))
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[make, name, text] = make(self, name, text)
        return found


def pseudonymise(observation: Observation, key: Key) -> Observation:
    """``observation`` without an identifying value. Any field that is not named here is left out."""
    o = observation
    return Observation(
        o.id, o.time, o.source, o.accounts, o.app, key.made(_value, "exhibit", " ".join(o.exhibit.split())),
        o.action, o.target, tuple([_signal(s, key) for s in o.signals]), o.artifact, o.position,
    )  # fmt: skip


def unquoted(reason: str) -> str:
    """Why a line was refused, without what that quotes of it: a value may stand in the wrong field."""
    return _REPR.sub("'…'", reason)


def value_key(name: str, raw: str, key: Key) -> str:
    """The value of the signal ``name`` that a person typed, as :func:`pseudonymise` leaves it."""
    read = read_signal(name, raw)
    return str(_shown(name, read.value, read.valid, key))


def _signal(s: Signal, key: Key) -> Signal:
    shown = _shown(s.name, s.value, s.valid, key)
    name = s.name if s.name in REGISTRY else key.made(_masked, "", s.name)
    scope = key.made(_scope, "", s.scope_key) if s.scope_key else ""
    return Signal(name, shown, str(shown), s.valid, _reason(s) if s.why else "", scope, s.parser, s.position)


def _shown(name: str, value: Value, valid: bool, key: Key) -> Value:
    if valid and name in _KEPT:
        if not isinstance(value, str):
            return value if abs(value) < LONG else int(float(f"{value:.2e}"))
        return value if name == "account" else key.made(_masked, "", value)
    return key.made(_value, name, str(value))


def _value(key: Key, name: str, text: str) -> str:
    if not text:
        return ""
    if name not in REGISTRY:
        return MARK + key.digest("", f"{len(name)}:{name}{text}")
    digits = key.digest(_JOINED.get(name, name), text)
    if name == "wifi_mac":
        return f"{'02' if mac.is_local(text) else '00'}{MARK}{digits}"
    if name == "imei":
        return f"{_tac(key, text)}{MARK}{digits}"
    if name == "ip":
        return _address(digits, nowhere=carriers_own(text))
    found = _HUB.fullmatch(text) if name == "usb_path" else None
    return f"{MARK}{key.digest('hub', found[1])}{found[2]}" if found else MARK + digits


def _tac(key: Key, text: str) -> str:
    """As long as a TAC, and equal where the TACs are."""
    return urlsafe_b64encode(bytes.fromhex(key.digest("tac", imei.tac(text))[:12])).decode()


def _address(digits: str, *, nowhere: bool) -> str:
    """An address of the kind that says nothing of a place (RFC 4193), or one for documentation (RFC 3849)."""
    whole = ("fd" if nowhere else "20010db8") + digits
    return ":".join(whole[at : at + 4] for at in range(0, 32, 4))


def _masked(key: Key, _: str, text: str) -> str:
    return _IDENTIFIER.sub(lambda found: MARK + key.digest("text", found[0]), text)


def _scope(key: Key, _: str, scope: str) -> str:
    head, _, rest = scope.partition(":")
    if head == "app" or (head == "user" and rest.isdigit() and len(rest) < 6):
        return _masked(key, "", scope)
    if head in {"ssid", "run"}:
        return f"{head}:{MARK}{key.digest(head, rest)}"
    return MARK + key.digest("|", scope)


def _reason(s: Signal) -> str:
    """Why a value is not valid, without what the reason quotes of it: digits, or the whole."""
    quoted = any(len(text) > 3 and text in s.why for text in (str(s.value).strip(), s.raw.strip()))
    return "not valid" if quoted else _QUOTED.sub("…", s.why)
