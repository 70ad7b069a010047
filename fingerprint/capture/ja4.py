"""JA4, the TLS client fingerprint by FoxIO (BSD-3-Clause), from its text: FoxIO-LLC/ja4, technical_details/JA4.md.

Only JA4: the other members of JA4+ are under another licence.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

from rackprint.fingerprint.capture.tls import ALPN, SERVER_NAME, ClientHello

_VERSIONS = {
    0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2",
    0xFEFF: "d1", 0xFEFD: "d2", 0xFEFC: "d3",
}  # fmt: skip
_TRANSPORTS = {"tcp": "t", "quic": "q", "dtls": "d"}
_NONE = "000000000000"
_GREASE = frozenset(0x0A0A + 0x1010 * n for n in range(16))
_USUAL = 128  # numbers of a list that is kept


def is_grease(value: int) -> bool:
    """RFC 8701: 0x0a0a, 0x1a1a … 0xfafa."""
    return value in _GREASE


def ja4(hello: ClientHello, transport: str = "tcp") -> str:
    """The fingerprint of a ClientHello that came over ``transport`` (tcp, quic or dtls)."""
    ciphers = sorted(_real(hello.ciphers))
    extensions = sorted(_real(hello.extensions))
    head = "".join(
        (
            _TRANSPORTS[transport],
            _version(hello),
            "d" if hello.has_sni else "i",
            f"{min(len(ciphers), 99):02}",
            f"{min(len(extensions), 99):02}",
            _alpn(hello.alpn),
        )
    )
    listed = [e for e in extensions if e not in (SERVER_NAME, ALPN)]  # the head tells of those two
    return f"{head}_{_hash(tuple(ciphers))}_{_hash(tuple(listed), hello.signature_algorithms)}"


def _hash(numbers: tuple[int, ...], algorithms: tuple[int, ...] = ()) -> str:
    """12 digits of the hash of sorted numbers and of algorithms in their order; zeros where there are no numbers."""
    if len(numbers) + len(algorithms) > _USUAL:
        return _digits(numbers, algorithms)
    return _known_digits(numbers, algorithms)


def _digits(numbers: tuple[int, ...], algorithms: tuple[int, ...]) -> str:
    listed = ",".join([f"{n:04x}" for n in numbers])
    ordered = ",".join([f"{a:04x}" for a in _real(algorithms)])
    text = f"{listed}_{ordered}" if ordered else listed
    return sha256(text.encode("ascii")).hexdigest()[:12] if listed else _NONE


# sorted lists repeat from hello to hello, also of clients that shuffle them
_known_digits = lru_cache(maxsize=1024)(_digits)


def _version(hello: ClientHello) -> str:
    """The highest value offered; a draft or private number that outranks the known ones reads as 00. To the letter:
    DTLS counts down, so that 1.3 reads as d3 only where no older one is offered beside it, as in FoxIO's dissector."""
    return _VERSIONS.get(max(_real(hello.versions), default=hello.legacy_version), "00")


def _real(values: Iterable[int]) -> list[int]:
    return [v for v in values if v not in _GREASE]


def _alpn(protocols: tuple[bytes, ...]) -> str:
    """First and last character of the first protocol; where either is not alphanumeric ASCII, of its hex text.
    GREASE, which RFC 8701 has here too, is passed over as everywhere."""
    first = next((p for p in protocols if len(p) != 2 or not is_grease(int.from_bytes(p))), b"")
    if not first:
        return "00"
    ends = bytes((first[0], first[-1]))
    if ends.isalnum():
        return ends.decode("ascii")
    text = first.hex()
    return text[0] + text[-1]
