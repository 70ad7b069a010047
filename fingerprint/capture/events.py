"""From packets to events: TLS ClientHellos, DHCP messages, SYNs, DNS names, HTTP requests, probe requests and clocks,
each with where it stands.

An event is a dict with the keys of ``rackprint events`` (contract 2) and ``offset``, the byte of its
record in the capture. A ClientHello that a server had asked for again has ``retry``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import msgspec

from rackprint.ext.tell import Teller
from rackprint.fingerprint.capture.addresses import eui64, from_outside
from rackprint.fingerprint.capture.clock import Clocks
from rackprint.fingerprint.capture.clock_events import clock_events
from rackprint.fingerprint.capture.dhcp import Dhcp, DhcpError, parse_dhcp
from rackprint.fingerprint.capture.dhcp6 import Dhcp6Error, parse_dhcp6
from rackprint.fingerprint.capture.dns import TYPES, Dns, DnsError, DnsName, parse_dns
from rackprint.fingerprint.capture.dtls import DtlsHellos, looks_like_dtls
from rackprint.fingerprint.capture.hello import Hello, said
from rackprint.fingerprint.capture.http import parse_request
from rackprint.fingerprint.capture.packets import TCP, UDP, Frame, Packet, PacketReader, Picked, Read, Stamps
from rackprint.fingerprint.capture.probes import ProbeError, parse_probe
from rackprint.fingerprint.capture.quic_kernel import following
from rackprint.fingerprint.capture.quic_packets import looks_like_quic
from rackprint.fingerprint.capture.reassembly import FOLLOWED, Followed, Streams
from rackprint.fingerprint.capture.sequences import Sequences
from rackprint.fingerprint.capture.tally import Tally
from rackprint.fingerprint.capture.tcp import syn_signature
from rackprint.fingerprint.capture.tls import TlsError
from rackprint.fingerprint.model import Problem

Event = dict[str, Any]
_DNS, _MDNS, _DHCP, _DHCP6 = 53, 5353, {67, 68}, {546, 547}
_SPOKEN = {_DNS, _MDNS, *_DHCP, *_DHCP6}
EUI64S = 65_536  # addresses that are told of once


class Found(msgspec.Struct, frozen=True, gc=False):
    """An event, the packet it began in and, for DHCP and the first event of an mDNS message, the message."""

    event: Event
    packet: Packet
    dhcp: Dhcp | None = None
    dns: Dns | None = None


def find(packets: Iterable[Read]) -> Iterator[Found | Problem]:
    """Events with their packets, in the order they became whole; problems pass through. Messages that do not parse
    are counted into one Problem a reason at the end; clocks come there too, since all of the time tells of them."""
    streams, tally, clocks = Streams(), Tally("those messages were left out"), Clocks()
    quic, dtls = following(tally), DtlsHellos(tally)
    told, sequences = set[str](), Sequences()
    tell = Teller(
        picked=Picked,
        hello=Hello,
        found=Found,
        dhcp=Dhcp,
        dns=Dns,
        entry=DnsName,
        types=TYPES,
        follow=quic.add,
        said=lambda hello: _hello(hello, tally),
    ).tell
    for packet in packets:
        plain = tell(packet)
        if plain is not None:
            yield from plain
            continue
        if isinstance(packet, Problem):
            yield packet
            continue
        if isinstance(packet, Stamps):
            if not from_outside(packet.src, packet.dst):
                clocks.add(packet)
            continue
        if isinstance(packet, Hello):
            yield from _hello(packet, tally)
            continue
        try:
            if isinstance(packet, Frame):
                yield _probe(packet, sequences)
            elif packet.proto == TCP:
                yield from _tcp(packet, FOLLOWED if isinstance(packet, Picked) else streams, tally)
            elif packet.proto == UDP:
                if looks_like_quic(packet.payload):
                    for hello in quic.add(packet):
                        yield from tell(hello) or _hello(hello, tally)
                elif looks_like_dtls(packet.payload):
                    for hello in dtls.add(packet):
                        yield from tell(hello) or _hello(hello, tally)
                if packet.sport in _SPOKEN or packet.dport in _SPOKEN:
                    yield from _udp(packet, tally)
        except (TlsError, DnsError, DhcpError, Dhcp6Error, ProbeError) as error:
            tally.add(str(error), packet.offset)
        if isinstance(packet, Packet) and "ff:fe" in packet.src:
            yield from _eui64(packet, told)
    for event, packet in clock_events(clocks, tally):
        yield Found(event, packet)
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
    return {"kind": kind, "time": packet.moment, **fields, "offset": packet.offset}


def _ends(packet: Packet) -> dict[str, Any]:
    return {"src": packet.src, "sport": packet.sport, "dst": packet.dst, "dport": packet.dport}


def _tcp(packet: Packet, streams: Streams | Followed, tally: Tally) -> Iterator[Found]:
    if streams.opens(packet):
        signature = syn_signature(packet)
        if signature:
            yield Found(_event("tcp_syn", packet, **_ends(packet), signature=signature), packet)
    if packet.payload and streams.begins(packet) and (request := parse_request(packet.payload)):
        fields = {"method": request.method, "host": request.host, "user_agent": request.user_agent}
        yield Found(_event("http_request", packet, **_ends(packet), **fields), packet)
    for hello in streams.add(packet):
        yield from _hello(hello, tally)


def _hello(whole: Hello, tally: Tally) -> Iterator[Found]:
    packet = whole.packet
    try:
        sni, alpn, fingerprint, cookie = said(whole)
    except TlsError as error:
        tally.add(str(error), packet.offset)  # another one of the same packet may be whole
        return
    event = _event(
        "tls_client_hello",
        packet,
        **_ends(packet),
        transport=whole.transport,
        sni=sni,
        alpn=alpn,
        ja4=fingerprint,
        **({"retry": True} if whole.retry or cookie else {}),
    )
    yield Found(event, packet)


def _udp(packet: Packet, tally: Tally) -> Iterator[Found]:
    ports = {packet.sport, packet.dport}
    if not packet.payload:
        return
    if packet.sport in _DHCP and packet.dport in _DHCP:
        m = parse_dhcp(packet.payload)
        event = {
            "kind": "dhcp", "time": packet.moment, "mac": m.mac, "message_type": m.message_type,
            "hostname": m.hostname, "param_list": m.param_list, "vendor_class": m.vendor_class,
            "requested_ip": m.requested_ip, "client_id": m.client_id, "fqdn": m.fqdn, "offset": packet.offset,
        }  # fmt: skip
        yield Found(event, packet, m)
    elif packet.sport in _DHCP6 and packet.dport in _DHCP6:
        fields = msgspec.structs.asdict(parse_dhcp6(packet.payload))
        yield Found(_event("dhcp6", packet, src=packet.src, **fields), packet)
    elif _DNS in ports or _MDNS in ports:
        dns = parse_dns(packet.payload)
        if dns.cut:
            tally.add("DNS message claims more than it holds", packet.offset)
        message = dns if _MDNS in ports else None
        for entry in dns.names:
            fields = {"src": packet.src, "dst": packet.dst, "response": dns.response, "name": entry.name}
            fields |= {"type": entry.type, "answer": entry.answer, "data": entry.data}
            event = _event("mdns" if _MDNS in ports else "dns", packet, **fields)
            yield Found(event, packet, dns=message)
            message = None


def _probe(frame: Frame, sequences: Sequences) -> Found:
    probe = parse_probe(frame.data)
    packet = Packet(frame.time_ns, frame.offset, "", "", 0, 0, 0, b"", mac_src=probe.mac)
    follows = sequences.follows(probe, frame.time_ns)
    return Found(_event("wifi_probe", packet, **msgspec.structs.asdict(probe), follows=follows), packet)


def _eui64(packet: Packet, told: set[str]) -> Iterator[Found]:
    mac = eui64(packet.src)
    if mac and packet.src not in told and len(told) < EUI64S:
        told.add(packet.src)
        yield Found(_event("ipv6_eui64", packet, src=packet.src, mac=mac), packet)
