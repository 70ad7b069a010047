"""Builds QUIC Initials with another HKDF and mask than the reader's: cryptography's own."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

import build
from rackprint.fingerprint.capture.packets import Packet

V1, V2, D29 = b"\0\0\0\1", b"\x6b\x33\x43\xcf", b"\xff\0\0\x1d"
DRAWN, CHOSEN = bytes(range(8)), b"server-s"
_SALTS = {
    V1: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a",
    V2: "0dede3def700a6db819381be6e269dcbf9bd2ed9",
    D29: "afbfec289993d24c9e9786f19c6111e04390a899",
}


def integer(value: int) -> bytes:
    """A variable-length integer, as short as it goes."""
    size = next(s for s in range(4) if value < 1 << (8 << s) - 2)
    return (value | size << (8 << size) - 2).to_bytes(1 << size)


def crypto(offset: int, data: bytes) -> bytes:
    return b"\6" + integer(offset) + integer(len(data)) + data


def message(body: bytes) -> bytes:
    return b"\1" + build.vector(body, 3)


def initial(
    frames: bytes,
    *,
    version: bytes = V1,
    dcid: bytes = DRAWN,
    scid: bytes = b"",
    keyed: bytes | None = None,
    token: bytes = b"",
    number: int = 0,
    number_size: int = 1,
    side: bytes = b"client in",
) -> bytes:
    """A protected Initial. ``keyed``: the connection id that the keys come from, by default ``dcid``."""
    key, iv, mask_key = keys(version, dcid if keyed is None else keyed, side)
    frames = frames.ljust(20, b"\0")
    kind = 1 if version == V2 else 0
    first = 0xC0 | kind << 4 | number_size - 1
    header = bytes((first,)) + version + build.vector(dcid, 1) + build.vector(scid, 1)
    header += integer(len(token)) + token + (0x4000 | number_size + len(frames) + 16).to_bytes(2)
    short = number.to_bytes(8)[-number_size:]
    nonce = (int.from_bytes(iv) ^ number).to_bytes(12)
    sealed = AESGCM(key).encrypt(nonce, frames, header + short)
    sample = (short + sealed)[4:20]
    mask = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor().update(sample)
    hidden = bytes(a ^ b for a, b in zip(short, mask[1:], strict=False))
    return bytes((header[0] ^ mask[0] & 0x0F,)) + header[1:] + hidden + sealed


def keys(version: bytes, dcid: bytes, side: bytes = b"client in") -> tuple[bytes, bytes, bytes]:
    secret = expand(HKDF.extract(SHA256(), bytes.fromhex(_SALTS[version]), dcid), side, 32)
    label = b"quicv2 " if version == V2 else b"quic "
    return expand(secret, label + b"key", 16), expand(secret, label + b"iv", 12), expand(secret, label + b"hp", 16)


def expand(secret: bytes, label: bytes, size: int) -> bytes:
    info = size.to_bytes(2) + build.vector(b"tls13 " + label, 1) + b"\0"
    return HKDFExpand(SHA256(), size, info).derive(secret)


def datagram(payload: bytes, offset: int = 0, *, back: bool = False, sport: int = 50_000) -> Packet:
    if back:
        return Packet(0, offset, build.SERVER, build.PHONE, 17, 443, sport, payload)
    return Packet(0, offset, build.PHONE, build.SERVER, 17, sport, 443, payload)
