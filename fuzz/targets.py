"""Each reader and decoder by name: a function of bytes that raises nothing but what is a fault of ours.

A decoder's own error class is what it says of bad bytes; everything else that comes out of one is a finding.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from fuzz import following, segments, states, told, twins
from fuzz.base import Target, module

_NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _drained(home: str, function: str) -> Target:
    """A reader of streams, read to its end."""
    read = getattr(module(home), function)

    def run(data: bytes) -> None:
        for _ in read(io.BytesIO(data)):
            pass

    return run


def _decoded(home: str, function: str, error: str) -> Target:
    """A decoder of bytes; one that gives its findings one by one is asked for all."""
    found = module(home)
    decode, refused = getattr(found, function), getattr(found, error) if error else ()

    def run(data: bytes) -> None:
        try:
            result = decode(data)
            if isinstance(result, Iterator):
                for _ in result:
                    pass
        except refused:
            pass

    return run


def _all_of(target: Callable[[], Target]) -> Target:
    """A target that reaches every module of captures, also those that are first loaded when a file asks for them: a
    fuzzer sees only what was loaded under its eyes."""
    for name in ("packets_kernel", "packets_scapy"):
        module(name)
    return target()


def _signals() -> Target:
    """The parser of captures, down to observations."""
    from rackprint.fingerprint.model import ArtifactInfo
    from rackprint.fingerprint.parsers.capture import CAPTURE

    info = ArtifactInfo("x.pcap", "0" * 64, _NOW, "", (), ("", ""))

    def run(data: bytes) -> None:
        for _ in CAPTURE.parse(io.BytesIO(data), info):
            pass

    return run


def _tls() -> Target:
    tls, ja4 = module("tls"), module("ja4").ja4

    def run(data: bytes) -> None:
        with contextlib.suppress(tls.TlsError):
            ja4(tls.parse_client_hello(data))

    return run


def _handshake() -> Target:
    tls = module("tls")

    def run(data: bytes) -> None:
        tls.looks_like_hello(data)
        with contextlib.suppress(tls.TlsError):
            tls.handshake_message(data)

    return run


def _packet(payload: bytes, **more: Any) -> Any:
    fields = {"proto": 17, "sport": 5000, "dport": 443, "src": "192.0.2.1", "dst": "192.0.2.2"} | more
    return module("packets").Packet(time_ns=0, offset=0, payload=payload, **fields)


def _streams() -> Target:
    """TCP segments: one byte of length, two of sequence number, then the payload."""
    reassembly, tls = module("reassembly"), module("tls")

    def run(data: bytes) -> None:
        streams = reassembly.Streams()
        at = 0
        while at + 3 <= len(data):
            size, seq = data[at], int.from_bytes(data[at + 1 : at + 3], "big")
            packet = _packet(data[at + 3 : at + 3 + size], proto=6, seq=seq, flags=2 if size == 0 else 16)
            at += 3 + size
            try:
                streams.opens(packet)
                streams.add(packet)
            except tls.TlsError:
                pass
        assert streams.held >= 0

    return run


def _datagrams(home: str, kind: str) -> Target:
    """UDP datagrams of one flow, each after two bytes of its length."""
    found, tls, tally = module(home), module("tls"), module("tally")

    def run(data: bytes) -> None:
        flows = getattr(found, kind)(tally.Tally("left out"))
        at = 0
        while at + 2 <= len(data):
            size = int.from_bytes(data[at : at + 2], "big")
            with contextlib.suppress(tls.TlsError):
                flows.add(_packet(data[at + 2 : at + 2 + size]))
            at += 2 + size
        assert flows.held >= 0

    return run


def _syn() -> Target:
    """A signature of an IP header, whose length the first byte tells, and a TCP header."""
    signature = module("tcp").syn_signature

    def run(data: bytes) -> None:
        if len(data) > 1:
            cut = 1 + data[0]
            signature(_packet(b"", proto=6, flags=2, network=data[1:cut], transport=data[cut:]))

    return run


def _services() -> Target:
    """What a host says of itself in an mDNS message."""
    dns, told = module("dns"), module("services").self_description

    def run(data: bytes) -> None:
        with contextlib.suppress(dns.DnsError):
            message = dns.parse_dns(data)
            for src in ("192.0.2.1", *(entry.data for entry in message.names[:4])):
                assert all(value for _, value in told(message, src))

    return run


_MAKERS: dict[str, Callable[[], Target]] = {
    "records": lambda: _drained("records", "read_records"),
    "kernel": lambda: _all_of(lambda: _drained("packets_kernel", "read_packets")),
    "scapy": lambda: _drained("packets_scapy", "read_packets"),
    "events": lambda: _all_of(lambda: _drained("events", "read_events")),
    "signals": lambda: _all_of(_signals),
    "tls": _tls,
    "handshake": _handshake,
    "streams": _streams,
    "quic": lambda: _datagrams("quic_kernel", "following"),
    "follow": following.follow,
    "quic_frames": lambda: _decoded("quic_packets", "crypto_frames", "QuicError"),
    "dtls": lambda: _datagrams("dtls", "DtlsHellos"),
    "dns": lambda: _decoded("dns", "parse_dns", "DnsError"),
    "dhcp": lambda: twins.beside("dhcp", "parse_dhcp", "DhcpError"),
    "dhcp6": lambda: _decoded("dhcp6", "parse_dhcp6", "Dhcp6Error"),
    "http": lambda: _decoded("http", "parse_request", ""),
    "probes": lambda: _decoded("probes", "parse_probe", "ProbeError"),
    "stamps": lambda: _decoded("stamps", "tsval", ""),
    "syn": _syn,
    "services": _services,
    "hello": twins.hello,
    "names": lambda: twins.beside("dns", "parse_dns", "DnsError"),
    "moment": twins.moment,
    "frames": twins.frames,
    "pipe": twins.pipe,
    "signature": told.signature,
    "initials": told.initials,
    "crypto": told.crypto,
    "tell": told.tell,
    "file": told.file,
    "flows": segments.flows,
    "samples": segments.samples,
    "track": states.track,
    "clock": states.clock,
    "leases": states.leases,
    "sequences": states.sequences,
    "pieces": states.pieces,
    "quic_stream": states.quic_stream,
}
NAMES = tuple(_MAKERS)


def load(name: str) -> Target:
    """The target ``name``. Raises ModuleNotFoundError where its decoder is not built yet."""
    return _MAKERS[name]()
