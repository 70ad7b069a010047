"""JA4, the TLS client fingerprint by FoxIO (BSD-3-Clause), from its text: FoxIO-LLC/ja4, technical_details/JA4.md.

Only JA4: the other members of JA4+ are under another licence.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from rackprint.fingerprint.capture.tls import ALPN, SERVER_NAME, ClientHello

_VERSIONS = {
    0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2",
    0xFEFF: "d1", 0xFEFD: "d2", 0xFEFC: "d3",
}  # fmt: skip
_TRANSPORTS = {"tcp": "t", "quic": "q", "dtls": "d"}
_NONE = "000000000000"


def is_grease(value: int) -> bool:
    """RFC 8701: 0x0a0a, 0x1a1a … 0xfafa."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF


def ja4(hello: ClientHello, transport: str = "tcp") -> str:
    """The fingerprint of a ClientHello that came over ``transport`` (tcp, quic or dtls)."""
    ciphers = sorted(f"{c:04x}" for c in hello.ciphers if not is_grease(c))
    extensions = [e for e in hello.extensions if not is_grease(e)]
    hashed = ",".join(sorted(f"{e:04x}" for e in extensions if e not in (SERVER_NAME, ALPN)))
    algorithms = ",".join(f"{a:04x}" for a in hello.signature_algorithms if not is_grease(a))
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
    third = _hash(f"{hashed}_{algorithms}" if algorithms else hashed) if hashed else _NONE
    return f"{head}_{_hash(','.join(ciphers)) if ciphers else _NONE}_{third}"


def _version(hello: ClientHello) -> str:
    """The highest value offered; a draft or private number that outranks the known ones reads as 00. To the letter:
    DTLS counts down, so that 1.3 reads as d3 only where no older one is offered beside it, as in FoxIO's dissector."""
    return _VERSIONS.get(max(_real(hello.versions), default=hello.legacy_version), "00")


def _real(values: Iterable[int]) -> list[int]:
    return [v for v in values if not is_grease(v)]


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


def _hash(text: str) -> str:
    return sha256(text.encode("ascii")).hexdigest()[:12]
