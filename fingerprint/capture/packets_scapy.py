"""The packet reader that takes layers apart with scapy. The only module that imports scapy (GPL-2.0-only).

Each layer is taken apart by itself in a loop, down to TCP or UDP and no further: scapy's own recursion would also
guess at payloads, and a packet of a thousand nested tunnels would cost it seconds.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from rackprint.fingerprint.capture.packets import TCP as PROTO_TCP
from rackprint.fingerprint.capture.packets import UDP as PROTO_UDP
from rackprint.fingerprint.capture.packets import Frame, Packet, Read
from rackprint.fingerprint.capture.probes import PROBE_REQUEST
from rackprint.fingerprint.capture.records import Record, read_records
from rackprint.fingerprint.capture.stamps import Sampler
from rackprint.fingerprint.capture.tally import Tally
from rackprint.fingerprint.model import Position, Problem

logging.getLogger("scapy").setLevel(logging.CRITICAL)  # set before the import: it warns of missing routes

from scapy import config  # noqa: E402

config.conf.route_autoload = False  # a parser has no business with this host's routes
config.conf.route6_autoload = False

from scapy.error import Scapy_Exception  # noqa: E402
from scapy.layers import dot11, inet, inet6, l2, ppi, ppp  # noqa: E402, F401
from scapy.packet import NoPayload, Raw  # noqa: E402

DEPTH = 16  # layers; honest captures (VLAN in GRE in IPv6 …) stay under 10
# What scapy's dissectors were seen or are built to raise on hostile bytes.
_HOSTILE = (
    Scapy_Exception,
    struct.error,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    OSError,
    RecursionError,
)
_SKIP_REMEDY = "those packets were left out"


def read_packets(stream: BinaryIO) -> Iterator[Read]:
    """TCP and UDP packets of a pcap or pcapng file, 802.11 probe requests and TCP timestamps. Packets of other
    protocols, fragments after the first and frames without IP are nothing; packets that do not parse are counted into
    one Problem a kind, at the first one's place."""
    dissector = Dissector()
    for record in read_records(stream):
        if isinstance(record, Problem):
            yield record
        else:
            yield from dissector.add(record)
    yield from dissector.rest()


class Dissector:
    """Takes records apart, one by one: ``add`` each, then ``rest``."""

    def __init__(self) -> None:
        self._tally, self._sampler, self._unknown = Tally(_SKIP_REMEDY), Sampler(), set[int]()

    def add(self, record: Record) -> Iterator[Read]:
        """What the record holds; a Problem the first time its link type is unknown."""
        if record.link not in config.conf.l2types.num2layer:
            if record.link not in self._unknown:
                self._unknown.add(record.link)
                yield Problem(
                    f"link type {record.link} is not read",
                    f"{_SKIP_REMEDY}; capture as Ethernet, Linux cooked or raw IP",
                    Position(offset=record.offset),
                )
            return
        try:
            packet = _packet(record)
        except _HOSTILE as error:
            self._tally.add(f"packet does not parse ({type(error).__name__})", record.offset)
            return
        if packet is not None:
            yield packet
        if isinstance(packet, Packet):
            yield from self._sampler.add(packet)

    def rest(self) -> Iterator[Read]:
        """The last samples, and what did not parse."""
        yield from self._sampler.rest()
        yield from self._tally.problems()


def _packet(record: Record) -> Packet | Frame | None:
    """Walks the layers from the link inwards; the innermost IP header before TCP or UDP is the packet's."""
    kind: Any = config.conf.l2types.num2layer[record.link]
    data, under = record.data, None
    mac_src = mac_dst = ""
    network, source, target = b"", "", ""
    for _ in range(DEPTH):
        if not data or kind is None or kind in (Raw, NoPayload):
            return None
        hook = getattr(kind, "dispatch_hook", None)
        if hook is not None:
            kind = hook(data)
        if issubclass(kind, dot11.Dot11) and data[0] == PROBE_REQUEST and not network:
            return Frame(record.time_ns, record.offset, data[:-4] if issubclass(kind, dot11.Dot11FCS) else data)
        layer = kind(_internal=1, _underlayer=under)
        layer.original = data  # what RadioTap measures its own length against
        rest = layer.post_dissect(layer.do_dissect(layer.pre_dissect(data)))
        payload, _pad = layer.extract_padding(rest)
        header = data[: len(data) - len(rest)]
        if isinstance(layer, inet.ICMP | inet6._ICMPv6):
            return None  # it quotes a packet that another host sent, at another time
        if isinstance(layer, inet.TCP | inet.UDP):
            ends = {"src": source, "dst": target, "mac_src": mac_src, "mac_dst": mac_dst}
            return _transport(record, layer, (network, header, payload), ends)
        if isinstance(layer, inet.IP):
            network, source, target = header, layer.src, layer.dst
            if layer.frag:
                return None
        elif isinstance(layer, inet6.IPv6):
            network, source, target = header, layer.src, layer.dst
        elif isinstance(layer, inet6._IPv6ExtHdr):
            network += header
        elif not network or isinstance(layer, l2.Ether):  # in a tunnel the inner pair is who speaks
            mac_src, mac_dst = _macs(layer, (mac_src, mac_dst))
        if isinstance(layer, l2.Loopback | l2.LoopbackOpenBSD):
            kind = inet6.IPv46  # the family number is the capturing system's own, and each has another for IPv6
        else:
            kind = layer.guess_payload_class(payload)
        data, under = payload, layer
    return None


def _transport(record: Record, layer: Any, parts: tuple[bytes, bytes, bytes], ends: dict[str, str]) -> Packet:
    tcp = isinstance(layer, inet.TCP)
    return Packet(
        time_ns=record.time_ns,
        offset=record.offset,
        proto=PROTO_TCP if tcp else PROTO_UDP,
        sport=layer.sport,
        dport=layer.dport,
        payload=parts[2],
        flags=int(layer.flags) & 0xFF if tcp else 0,
        seq=layer.seq if tcp else 0,
        network=parts[0],
        transport=parts[1],
        **ends,
    )


def _macs(layer: Any, known: tuple[str, str]) -> tuple[str, str]:
    """Sender and receiver a link layer names: for 802.11 data frames those behind the access point."""
    if isinstance(layer, l2.Ether | l2.Dot3):
        return layer.src, layer.dst
    if isinstance(layer, l2.CookedLinux) and layer.lladdrlen == 6:
        return layer.src[:6].hex(":"), ""
    if isinstance(layer, dot11.Dot11) and layer.type == 2:
        to_ds, from_ds = bool(layer.FCfield & 1), bool(layer.FCfield & 2)
        if not to_ds:
            return (layer.addr3 if from_ds else layer.addr2) or "", layer.addr1 or ""
        return (layer.addr4 if from_ds else layer.addr2) or "", layer.addr3 or ""
    return known
