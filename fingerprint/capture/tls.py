"""TLS ClientHello: from record bytes to the fields that fingerprints and names are made of.

Sources: RFC 8446 (4.1.2 ClientHello, 4.2.2 cookie, 5.1 records), RFC 6066 (server_name), RFC 7301 (ALPN), RFC 8701
(GREASE), RFC 6347 (4.2.1: a DTLS hello has a cookie field). QUIC and DTLS carry the same message in other frames.
"""

from __future__ import annotations

import struct

import msgspec

HANDSHAKE, CLIENT_HELLO = 22, 1
MAX_HELLO = 1 << 16  # bytes of the message; the longest honest ones (post-quantum shares) are under 5 KiB
SERVER_NAME, SIGNATURE_ALGORITHMS, ALPN, SUPPORTED_VERSIONS = 0x0000, 0x000D, 0x0010, 0x002B
COOKIE = 0x002C
_READ = frozenset((SERVER_NAME, SIGNATURE_ALGORITHMS, ALPN, SUPPORTED_VERSIONS, COOKIE))
_EXTENSION = struct.Struct(">HH")


class TlsError(ValueError):
    """The bytes are no ClientHello, or one that breaks its own lengths."""


class ClientHello(msgspec.Struct, frozen=True):
    """The fields as sent, in order, GREASE included. ``sni`` is empty where there is none; ``has_sni`` tells an empty
    or unreadable server_name extension from an absent one; ``cookie`` that it gives back what a server had asked for,
    so that it is not the first."""

    legacy_version: int
    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    sni: str = ""
    has_sni: bool = False
    alpn: tuple[bytes, ...] = ()
    versions: tuple[int, ...] = ()
    signature_algorithms: tuple[int, ...] = ()
    cookie: bool = False


def looks_like_hello(data: bytes) -> bool:
    """Whether ``data`` may be the start of a TLS record that opens a ClientHello; short data gets the benefit."""
    return (
        data[:1] in (b"", b"\x16")
        and data[1:2] in (b"", b"\x03")
        and (len(data) < 3 or data[2] <= 4)
        and data[5:6] in (b"", b"\x01")
        and (len(data) < 5 or 0 < int.from_bytes(data[3:5]) <= 16_640)
    )


def handshake_message(stream: bytes | bytearray) -> bytes | None:
    """The ClientHello message body, put together over TLS records; None while bytes are still missing.

    Raises TlsError when the stream is something else or the message is longer than MAX_HELLO.
    """
    message, at = bytearray(), 0
    while True:
        if len(message) >= 4:
            if message[0] != CLIENT_HELLO:
                raise TlsError(f"handshake message of type {message[0]}, not a ClientHello")
            length = int.from_bytes(message[1:4])
            if length > MAX_HELLO:
                raise TlsError(f"ClientHello claims {length} bytes")
            if len(message) >= 4 + length:
                return bytes(message[4 : 4 + length])
        if at + 5 > len(stream):
            return None
        if stream[at] != HANDSHAKE or stream[at + 1] != 3:
            raise TlsError("no TLS handshake record")
        size = int.from_bytes(stream[at + 3 : at + 5])
        if not size:
            raise TlsError("empty handshake record")
        message += stream[at + 5 : at + 5 + size]
        if at + 5 + size > len(stream) and not _complete(message):
            return None
        at += 5 + size


def _complete(message: bytearray) -> bool:
    return len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4])


def hello_end(stream: bytes | bytearray, size: int) -> int:
    """Where the TLS record ends that completes a message of ``size`` bytes, header included, which begins
    ``stream``."""
    at = 0
    while size > 0 and at + 5 <= len(stream):
        length = int.from_bytes(stream[at + 3 : at + 5])
        size, at = size - length, at + 5 + length
    return min(at, len(stream))


def parse_client_hello(body: bytes, *, dtls: bool = False) -> ClientHello:
    """A ClientHello message body (after the handshake header), ``dtls`` with the cookie field that DTLS adds. Raises
    TlsError, nothing else."""
    try:
        return _hello(body, dtls)
    except (IndexError, struct.error) as error:
        raise TlsError("ClientHello is cut off") from error


class _Reader:
    """Takes integers and length-prefixed vectors off bytes; TlsError when they run out."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise TlsError(f"a field of {size} bytes runs past the end")
        part = self._data[self._at : end]
        self._at = end
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> _Reader:
        return _Reader(self.take(self.number(size)))

    def numbers(self) -> tuple[int, ...]:
        """The rest as 16-bit numbers."""
        return _numbers(self.take(len(self._data) - self._at))


def _numbers(data: bytes) -> tuple[int, ...]:
    if len(data) % 2:
        raise TlsError("odd number of bytes in a list of 16-bit values")
    return struct.unpack(f">{len(data) // 2}H", data)


def _hello(body: bytes, dtls: bool) -> ClientHello:
    version = int.from_bytes(body[:2])
    at = 35 + body[34]  # past random and legacy_session_id
    cookie = 0
    if dtls:
        cookie = body[at]
        at += 1 + cookie
    ciphers_at = at + 2
    at = ciphers_at + int.from_bytes(body[at:ciphers_at])
    ciphers = _numbers(body[ciphers_at:at])
    at += 1 + body[at]  # legacy_compression_methods
    if at > len(body):
        raise TlsError("ClientHello is cut off")
    extensions: tuple[int, ...] = ()
    fields: dict[int, bytes] = {}
    if at < len(body):  # TLS 1.2 and before may leave extensions out
        end = at + 2 + int.from_bytes(body[at : at + 2])
        if at + 2 > len(body) or end > len(body):
            raise TlsError("ClientHello is cut off")
        extensions, fields = _extensions(body[at + 2 : end])
    return ClientHello(
        legacy_version=version,
        ciphers=ciphers,
        extensions=extensions,
        sni=_server_name(fields.get(SERVER_NAME, b"")),
        has_sni=SERVER_NAME in fields,
        alpn=_protocols(fields.get(ALPN, b"")),
        versions=_list16(fields.get(SUPPORTED_VERSIONS, b""), 1),
        signature_algorithms=_list16(fields.get(SIGNATURE_ALGORITHMS, b""), 2),
        cookie=cookie > 0 or COOKIE in fields,
    )


def _extensions(data: bytes) -> tuple[tuple[int, ...], dict[int, bytes]]:
    """The types in order, and what the first of each type that is read holds."""
    types: list[int] = []
    fields: dict[int, bytes] = {}
    at, end = 0, len(data)
    while at < end:
        kind, size = _EXTENSION.unpack_from(data, at)
        start, at = at + 4, at + 4 + size
        if at > end:
            raise TlsError(f"a field of {size} bytes runs past the end")
        types.append(kind)
        if kind in _READ and kind not in fields:
            fields[kind] = data[start:at]
    return tuple(types), fields


def _list16(value: bytes, size: int) -> tuple[int, ...]:
    return _Reader(value).vector(size).numbers() if value else ()


def _server_name(value: bytes) -> str:
    """The first host_name. Bytes outside ASCII are escaped: they have no place there, but they are evidence."""
    if not value:
        return ""
    names = _Reader(value).vector(2)
    while names:
        kind, name = names.number(1), names.take(names.number(2))
        if kind == 0:
            return name.decode("ascii", "backslashreplace")
    return ""


def _protocols(value: bytes) -> tuple[bytes, ...]:
    if not value:
        return ()
    names, found = _Reader(value).vector(2), []
    while names:
        found.append(names.take(names.number(1)))
    return tuple(found)
