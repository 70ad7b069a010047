"""From packets to events: TLS ClientHellos, DHCP messages, SYNs and DNS names, each with where it stands.

An event is a dict with the keys of ``rackprint events`` (contract 2) and ``offset``, the byte of its
record in the capture. A ClientHello that a server had asked for again has ``retry``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import msgspec

from rackprint.fingerprint.capture.dhcp import Dhcp, DhcpError, parse_dhcp
from rackprint.fingerprint.capture.dns import DnsError, parse_dns
from rackprint.fingerprint.capture.dtls import DtlsHellos, looks_like_dtls
from rackprint.fingerprint.capture.hello import Hello
from rackprint.fingerprint.capture.ja4 import ja4
from rackprint.fingerprint.capture.packets import TCP, UDP, Packet, PacketReader, Picked, Read
from rackprint.fingerprint.capture.quic import QuicHellos
from rackprint.fingerprint.capture.quic_packets import looks_like_quic
from rackprint.fingerprint.capture.reassembly import FOLLOWED, Followed, Streams
from rackprint.fingerprint.capture.tally import Tally
from rackprint.fingerprint.capture.tcp import syn_signature
from rackprint.fingerprint.capture.tls import TlsError, parse_client_hello
from rackprint.fingerprint.model import Problem

Event = dict[str, Any]
_DNS, _MDNS, _DHCP = 53, 5353, {67, 68}


class Found(msgspec.Struct, frozen=True):
    """An event, the packet it began in and, for DHCP, the message."""

    event: Event
    packet: Packet
    dhcp: Dhcp | None = None


def find(packets: Iterable[Read]) -> Iterator[Found | Problem]:
    """Events with their packets, in the order they became whole; problems pass through. Messages that do not parse
    are counted into one Problem a reason at the end."""
    streams, tally = Streams(), Tally("those messages were left out")
    quic, dtls = QuicHellos(tally), DtlsHellos(tally)
    for packet in packets:
        if isinstance(packet, Problem):
            yield packet
            continue
        try:
            if isinstance(packet, Hello):
                yield _hello(packet)
            elif not isinstance(packet, Packet):
                continue
            elif packet.proto == TCP:
                yield from _tcp(packet, FOLLOWED if isinstance(packet, Picked) else streams)
            elif packet.proto == UDP:
                if looks_like_quic(packet.payload):
                    yield from map(_hello, quic.add(packet))
                elif looks_like_dtls(packet.payload):
                    yield from map(_hello, dtls.add(packet))
                yield from _udp(packet, tally)
        except (TlsError, DnsError, DhcpError) as error:
            tally.add(str(error), packet.packet.offset if isinstance(packet, Hello) else packet.offset)
    yield from tally.problems()


def events(packets: Iterable[Read]) -> Iterator[Event | Problem]:
    """As ``find``, the bare events."""
    for found in find(packets):
        yield found.event if isinstance(found, Found) else found


def read_events(stream: BinaryIO, reader: PacketReader | None = None) -> Iterator[Event | Problem]:
    """The events of a pcap or pcapng file, read with ``reader`` or, by default, with the kernel."""
    yield from events((reader or default_reader())(stream))


def default_reader() -> PacketReader:
    """The reader in use. It loads scapy, which no process that holds pyarrow may (docs/licences.md), for rare link
    types only."""
    from rackprint.fingerprint.capture.packets_kernel import read_packets

    return read_packets


def _event(kind: str, packet: Packet, **fields: Any) -> Event:
    time = packet.time.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"kind": kind, "time": time, **fields, "offset": packet.offset}


def _ends(packet: Packet) -> dict[str, Any]:
    return {"src": packet.src, "sport": packet.sport, "dst": packet.dst, "dport": packet.dport}


def _tcp(packet: Packet, streams: Streams | Followed) -> Iterator[Found]:
    if streams.opens(packet):
        signature = syn_signature(packet)
        if signature:
            yield Found(_event("tcp_syn", packet, **_ends(packet), signature=signature), packet)
    yield from map(_hello, streams.add(packet))


def _hello(whole: Hello) -> Found:
    packet = whole.packet
    hello = parse_client_hello(whole.body, dtls=whole.transport == "dtls")
    event = _event(
        "tls_client_hello",
        packet,
        **_ends(packet),
        transport=whole.transport,
        sni=hello.sni,
        alpn=[p.decode("ascii", "backslashreplace") for p in hello.alpn],
        ja4=ja4(hello, whole.transport),
        **({"retry": True} if whole.retry or hello.cookie else {}),
    )
    return Found(event, packet)


def _udp(packet: Packet, tally: Tally) -> Iterator[Found]:
    ports = {packet.sport, packet.dport}
    if not packet.payload:
        return
    if packet.sport in _DHCP and packet.dport in _DHCP:
        message = parse_dhcp(packet.payload)
        fields = {
            name: getattr(message, name)
            for name in ("mac", "message_type", "hostname", "param_list", "vendor_class", "requested_ip", "client_id")
        }
        yield Found(_event("dhcp", packet, **fields), packet, message)
    elif _DNS in ports or _MDNS in ports:
        dns = parse_dns(packet.payload)
        if dns.cut:
            tally.add("DNS message claims more than it holds", packet.offset)
        for entry in dns.names:
            fields = {"src": packet.src, "dst": packet.dst, "response": dns.response, "name": entry.name}
            fields |= {"type": entry.type, "answer": entry.answer, "data": entry.data}
            event = _event("mdns" if _MDNS in ports else "dns", packet, **fields)
            yield Found(event, packet)
