"""The keys of QUIC Initial packets, which anyone on the path can derive: RFC 9001 (5.2 secrets, 5.3 AEAD, 5.4 header
protection), RFC 9369 (version 2), draft-ietf-quic-tls-29."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from hmac import digest
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEYS = 512  # of connections whose keys are kept ready


class Version(msgspec.Struct, frozen=True):
    """What differs between versions: ``initial`` and ``retry`` are packet types of the long header."""

    salt: bytes
    label: bytes
    initial: int
    retry: int


_V1 = Version(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), b"quic ", 0, 3)
_V2 = Version(bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), b"quicv2 ", 1, 0)
_D29 = Version(bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899"), b"quic ", 0, 3)

VERSIONS = {
    b"\0\0\0\1": _V1,
    b"\x6b\x33\x43\xcf": _V2,
    **{b"\xff\0\0" + bytes((draft,)): _D29 for draft in range(29, 33)},
    **{b"\xff\0\0" + bytes((draft,)): _V1 for draft in (33, 34)},
}


class Ciphers(NamedTuple):
    gcm: type[AESGCM]
    mask: Callable[[bytes], Callable[[bytes], bytes]]  # from a key to AES-128 of one block
    bad_tag: type[Exception]


class Keys:
    """Opens what a client protects with the keys of its first Destination Connection ID."""

    __slots__ = ("_gcm", "_iv", "_mask")

    def __init__(self, key: bytes, iv: bytes, mask: bytes) -> None:
        library = ciphers()
        self._gcm, self._iv, self._mask = library.gcm(key), int.from_bytes(iv), library.mask(mask)

    def open(self, packet: bytes, number_at: int, expected: int) -> tuple[bytes, int] | None:
        """The frames and the number of ``packet``, a whole Initial whose number begins at ``number_at`` and lies near
        ``expected``; None where it does not decrypt."""
        mask = self._mask(packet[number_at + 4 : number_at + 20])
        first = packet[0] ^ mask[0] & 0x0F
        body_at = number_at + (first & 3) + 1
        size = body_at - number_at
        short = int.from_bytes(packet[number_at:body_at]) ^ int.from_bytes(mask[1 : 1 + size])
        number = _full(short, 1 << 8 * size, expected)
        header = b"%c%b%b" % (first, packet[1:number_at], short.to_bytes(size))
        try:
            return self._gcm.decrypt((self._iv ^ number).to_bytes(12), packet[body_at:], header), number
        except ciphers().bad_tag:
            return None


def _full(short: int, window: int, expected: int) -> int:
    """The packet number nearest to ``expected`` that ends in ``short`` (RFC 9000 A.3)."""
    number = expected & -window | short
    if number + window // 2 <= expected and number < (1 << 62) - window:
        return number + window
    return number - window if number > expected + window // 2 and number >= window else number


@lru_cache(maxsize=KEYS)
def client_keys(version: bytes, dcid: bytes) -> Keys:
    """The keys of a client whose first Destination Connection ID is ``dcid``, in a version of VERSIONS."""
    return Keys(*client_secrets(version, dcid))


def client_secrets(version: bytes, dcid: bytes) -> tuple[bytes, bytes, bytes]:
    """Key (16 bytes), IV (12) and header protection key (16)."""
    known = VERSIONS[version]
    secret = _hmac(_hmac(known.salt, dcid), CLIENT)
    key, iv, mask = (_hmac(secret, text) for text in texts_of(known))
    return key[:16], iv[:12], mask[:16]


def _hmac(key: bytes, message: bytes) -> bytes:
    return digest(key, message, "sha256")


def _info(label: bytes, size: int) -> bytes:
    """HkdfLabel of RFC 8446 7.1 without context, and the counter of HKDF's only block (RFC 5869 2.3)."""
    label = b"tls13 " + label
    return size.to_bytes(2) + bytes((len(label),)) + label + b"\0\1"


CLIENT = _info(b"client in", 32)


@cache
def texts_of(version: Version) -> tuple[bytes, bytes, bytes]:
    """What a client's secret is expanded with to its key, IV and header protection key."""
    return _info(version.label + b"key", 16), _info(version.label + b"iv", 12), _info(version.label + b"hp", 16)


@cache
def ciphers() -> Ciphers:
    """cryptography (Apache-2.0 or BSD-3-Clause), loaded with the first Initial."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.ciphers.algorithms import AES128
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    mode = ECB()
    return Ciphers(AESGCM, lambda key: Cipher(AES128(key), mode).encryptor().update, InvalidTag)
