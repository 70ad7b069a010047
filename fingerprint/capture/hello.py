"""A ClientHello as it was found on the wire, whatever carried it."""

from __future__ import annotations

import msgspec

from rackprint.ext.hello import read
from rackprint.fingerprint.capture.packets import Packet
from rackprint.fingerprint.capture.tls import TlsError

_RANDOM = slice(2, 34)


class Hello(msgspec.Struct, frozen=True, gc=False):
    """A whole ClientHello message body and the packet that brought its first byte. ``retry``: the same client said it
    before and was asked again (HelloRetryRequest, QUIC Retry, HelloVerifyRequest)."""

    body: bytes
    packet: Packet
    transport: str = "tcp"
    retry: bool = False


def bare(packet: Packet) -> Packet:
    """``packet`` without its bytes, to be kept until its hello is whole."""
    return msgspec.structs.replace(packet, payload=b"", network=b"", transport=b"")


def random_of(body: bytes) -> bytes:
    """The random of a ClientHello body. A client that is asked again keeps it (RFC 8446 4.1.2, RFC 6347 4.2.1,
    RFC 9000 17.2.5.3), a new connection draws another."""
    return bytes(body[_RANDOM])


def is_again(body: bytes, random: bytes) -> bool:
    """Whether a ClientHello body has the random of one before it; one that is cut off before its own tells nothing."""
    return len(random) == _RANDOM.stop - _RANDOM.start and random_of(body) == random


def said(hello: Hello) -> tuple[str, list[str], str, bool]:
    """Server name, ALPN, JA4, and whether it gives back a cookie, of a hello; as parse_client_hello and ja4 have them.
    Raises TlsError."""
    try:
        return read(hello.body, hello.transport, hello.transport == "dtls")
    except ValueError as error:
        raise TlsError(str(error)) from None
