"""A phone's side of ADB authentication: host keys in adb's own form, and their signatures of a token.

A key is base64 of: words of the modulus (64), n0inv, the modulus and r squared (little-endian, 256 bytes each) and the
exponent (AOSP system/core, libcrypto_utils/android_pubkey.cpp), then a space and who it is of. The token is signed with
PKCS #1 v1.5 as though it were a SHA-1 digest.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass

TOKEN_SIZE = 20
_WORDS = 64
_SIZE = 4 * _WORDS
_WHOLE = 8 + 2 * _SIZE + 4
_DIGEST_INFO = bytes.fromhex("3021300906052b0e03021a05000414")  # SHA-1, RFC 8017, 9.2 note 1


@dataclass(frozen=True, slots=True)
class Key:
    """An RSA public key."""

    modulus: int
    exponent: int

    def signed(self, token: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's, of ``token``."""
        if len(signature) != _SIZE or len(token) != TOKEN_SIZE:
            return False
        digest = _DIGEST_INFO + token
        padded = b"\x00\x01" + b"\xff" * (_SIZE - len(digest) - 3) + b"\x00" + digest
        found = pow(int.from_bytes(signature, "big"), self.exponent, self.modulus)
        return found == int.from_bytes(padded, "big")


def read(text: str) -> Key | None:
    """The key, None where the text is none."""
    try:
        data = base64.b64decode(text.partition(" ")[0], validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) != _WHOLE or struct.unpack_from("<I", data)[0] != _WORDS:
        return None
    modulus = int.from_bytes(data[8 : 8 + _SIZE], "little")
    (exponent,) = struct.unpack_from("<I", data, _WHOLE - 4)
    return Key(modulus, exponent) if modulus > 1 and exponent in {3, 65537} else None
