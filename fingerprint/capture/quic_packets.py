"""QUIC datagrams taken apart: the Initial packets in one, and the CRYPTO frames in an opened Initial.

Sources: RFC 9000 (12.2 coalesced packets, 16 integers, 17.2 long header, 19 frames), RFC 9369 (types of version 2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rackprint.ext.initials import crypto, packets
from rackprint.fingerprint.capture.quic_keys import VERSIONS
from rackprint.fingerprint.capture.tls import TlsError

_LONG = 0xC0  # header form and fixed bit
_MAX_CID = 20
_LAST_DRAFT = 34
_MIN_BODY = 20  # packet number, then a sample of 16 bytes from the fifth
TYPES = {name: (version.initial, version.retry) for name, version in VERSIONS.items()}
_PADDING = re.compile(rb"\0*")
_PING, _ACK, _ACK_ECN, _CRYPTO, _CLOSE = 1, 2, 3, 6, 0x1C


class QuicError(TlsError):
    """The bytes break the form of a QUIC packet."""


class Initial(NamedTuple):
    """One Initial packet, still protected: its bytes from the first of the header to its end."""

    version: bytes
    dcid: bytes
    scid: bytes
    packet: bytes
    number_at: int


def looks_like_quic(payload: bytes) -> bool:
    """Whether a UDP payload may begin with a QUIC packet with a long header."""
    return len(payload) > 6 and payload[0] & _LONG == _LONG


def initials(datagram: bytes) -> Iterable[Initial]:
    """The Initials of a datagram, in order; none where its version is not one of VERSIONS. Raises QuicError, at the
    latest while they are taken, where a packet breaks off."""
    plain = packets(datagram, TYPES)
    return initials_plainly(datagram) if plain is None else map(Initial._make, plain)


def initials_plainly(datagram: bytes) -> Iterator[Initial]:
    """As ``initials``, all in Python: what the kernel leaves, and its twin."""
    at, first_dcid = 0, None
    try:
        while looks_like_quic(datagram[at : at + 7]):
            name = datagram[at + 1 : at + 5]
            version = VERSIONS.get(name)
            if version is None:
                _refuse(name, datagram[at])
                return
            kind = datagram[at] >> 4 & 3
            if kind == version.retry:
                return
            dcid, here = _cid(datagram, at + 5)
            scid, here = _cid(datagram, here)
            size = 0
            if kind == version.initial:
                size, here = _integer(datagram, here)
                here += size
            length, here = _integer(datagram, here)
            end = here + length
            if end > len(datagram):
                raise QuicError("QUIC packet is cut off")
            first_dcid = dcid if first_dcid is None else first_dcid
            if kind == version.initial and length >= _MIN_BODY and dcid == first_dcid:
                yield Initial(name, dcid, scid, datagram[at:end], here - at)
            at = end
    except IndexError as error:
        raise QuicError("QUIC packet is cut off") from error


def retry_ids(datagram: bytes) -> tuple[bytes, bytes] | None:
    """Destination and Source Connection ID of a Retry (RFC 9000 17.2.5): the client's own, and the one that it is to
    use next and to derive keys from. None where the datagram is something else."""
    version = VERSIONS.get(datagram[1:5])
    if version is None or datagram[0] >> 4 & 3 != version.retry:
        return None
    try:
        dcid, at = _cid(datagram, 5)
        return dcid, _cid(datagram, at)[0]
    except IndexError as error:
        raise QuicError("QUIC packet is cut off") from error


def _refuse(name: bytes, first: int) -> None:
    """Says so where the version is a known one that is not read. Version negotiation, versions that ask for it
    (RFC 9000 15) and what is no QUIC at all are nothing."""
    draft = name[:3] == b"\xff\0\0" and 0 < name[3] <= _LAST_DRAFT
    if not first >> 4 & 3 and (draft or name[:3] == b"\xfa\xce\xb0"):  # drafts of the IETF, and Facebook's own
        raise QuicError(f"QUIC version {name.hex()} is not read")


def _cid(data: bytes, at: int) -> tuple[bytes, int]:
    end = at + 1 + data[at]
    if data[at] > _MAX_CID:
        raise QuicError("QUIC connection id is too long")
    if end > len(data):
        raise IndexError
    return data[at + 1 : end], end


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer and where reading goes on."""
    first = data[at]
    if first < 0x40:
        return first, at + 1
    if first < 0x80:
        return (first & 0x3F) << 8 | data[at + 1], at + 2
    size = 4 if first < 0xC0 else 8
    if at + size > len(data):
        raise IndexError
    return int.from_bytes(data[at : at + size]) & ~(0xC0 << 8 * size - 8), at + size


def crypto_frames(frames: bytes) -> tuple[list[tuple[int, bytes]], str]:
    """What the CRYPTO frames of an opened Initial hold: pieces by offset, where those that touch are one. Reading ends
    at a frame that breaks its form or has no place there (RFC 9000 12.4); the text says why."""
    plain = crypto(frames)
    if plain is None:
        return crypto_frames_plainly(frames)
    return joined(plain) if len(plain) > 1 else plain, ""


def crypto_frames_plainly(frames: bytes) -> tuple[list[tuple[int, bytes]], str]:
    """As ``crypto_frames``, all in Python: what the kernel leaves, and its twin."""
    pieces: list[tuple[int, bytes]] = []
    at, size, fault = 0, len(frames), ""
    try:
        while at < size:
            kind = frames[at]
            at += 1
            if kind == _CRYPTO:
                offset, at = _integer(frames, at)
                length, start = _integer(frames, at)
                at = start + length
                if at > size:
                    raise IndexError
                pieces.append((offset, frames[start:at]))
            elif not kind:
                found = _PADDING.match(frames, at)
                at = found.end() if found else at
            elif kind in {_ACK, _ACK_ECN}:
                at = _past_ack(frames, at, kind == _ACK_ECN)
            elif kind != _PING:
                fault = f"QUIC frame of type {kind} in an Initial" if kind != _CLOSE else ""
                break
    except IndexError:
        fault = "QUIC frame is cut off"
    return joined(pieces) if len(pieces) > 1 else pieces, fault


def joined(pieces: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Clients that scatter their hello (Chromium does) still send most of it in one packet."""
    pieces.sort()
    runs: list[tuple[int, bytes]] = []
    start = end = pieces[0][0]
    run: list[bytes] = []
    for offset, part in pieces:
        if offset != end:
            runs.append((start, b"".join(run)))
            start, run = offset, []
        run.append(part)
        end = offset + len(part)
    runs.append((start, b"".join(run)))
    return runs


def _past_ack(frames: bytes, at: int, counts: bool) -> int:
    _, at = _integer(frames, at)  # largest
    _, at = _integer(frames, at)  # delay
    ranges, at = _integer(frames, at)
    for _ in range(1 + 2 * min(ranges, len(frames)) + 3 * counts):
        _, at = _integer(frames, at)
    return at
