"""The target that holds the kernel of QUIC connections against its twin, behind a cipher that hides headers only."""

from __future__ import annotations

from unittest import mock

from fuzz.base import Target, module

_MOST, _TOTAL = 3, 4_000


class _BadTagError(Exception):
    pass


class _Open:
    """Keys that open a packet whose last byte is that of their id, and change nothing in it."""

    def __init__(self, version: bytes, dcid: bytes) -> None:
        self.mark = dcid[-1:] or b"\0"

    def decrypt(self, nonce: bytes, data: bytes, header: bytes) -> bytes:
        if data[-1:] != self.mark:
            raise _BadTagError
        return data[:-1]


def follow() -> Target:
    """Datagrams, each after a byte of direction and port and two of its length."""
    from rackprint.ext.quic import Keys

    kernel, twin, keys = module("quic_kernel"), module("quic"), module("quic_keys")
    tally, packets = module("tally"), module("packets")

    def kernels_keys(version: bytes, dcid: bytes) -> Keys:
        return Keys(_Open(version, dcid).decrypt, bytes(12), bytes(16), _BadTagError)

    def twins_keys(version: bytes, dcid: bytes) -> object:
        made = keys.Keys.__new__(keys.Keys)
        made._gcm, made._iv, made._mask = _Open(version, dcid), 0, mask
        return made

    mask = keys.ciphers().mask(bytes(16))
    ciphers = keys.Ciphers(_Open, lambda key: bytes, _BadTagError)
    patches = (
        mock.patch.object(kernel, "keys", kernels_keys),
        mock.patch.object(twin, "client_keys", twins_keys),
        mock.patch.object(keys, "ciphers", lambda: ciphers),
    )

    def run(data: bytes) -> None:
        with patches[0], patches[1], patches[2]:
            compare(data)

    def compare(data: bytes) -> None:
        tallies = tally.Tally(""), tally.Tally("")
        told, wanted = kernel.following(tallies[0], _MOST, _TOTAL), twin.QuicHellos(tallies[1], _MOST, _TOTAL)
        at = 0
        while at + 3 <= len(data):
            kind, size = data[at], int.from_bytes(data[at + 1 : at + 3])
            ends = ("192.0.2.1", "192.0.2.2", 17, 5000 + (kind >> 1 & 3), 443)
            if kind & 1:
                ends = (ends[1], ends[0], 17, 443, ends[3])
            packet = packets.Packet(0, at, *ends, data[at + 3 : at + 3 + size])
            at += 3 + size
            assert told.add(packet) == wanted.add(packet)
            assert (told.held, len(told)) == (wanted.held, len(wanted))
            assert told.held <= _TOTAL
        assert list(tallies[0].problems()) == list(tallies[1].problems())

    return run
