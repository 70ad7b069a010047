# cython: language_level=3, boundscheck=False, wraparound=False
"""The events of the packets that a capture has most of: plain DNS and DHCP messages, SYNs, ClientHellos, QUIC. The twin, which takes all
others too, is ``find`` of ``rackprint.fingerprint.capture.events``."""

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport uint8_t, uint32_t

from rackprint.ext.dhcp import read as read_dhcp
from rackprint.ext.hello import read as read_hello
from rackprint.ext.names import read as read_names
from rackprint.ext.syn import signature
from rackprint.ext.texts import moment

cdef enum:
    TCP = 6, UDP = 17, DNS = 53, MDNS = 5353, BOOTPS = 67, BOOTPC = 68, DHCP6_CLIENT = 546, DHCP6_SERVER = 547
    OPENS = 0x02, OPENING = 0x17  # SYN, of SYN, ACK, FIN and RST


cdef bint is_other(bytes payload):
    """Whether a DNS port's payload may be QUIC or DTLS all the same."""
    cdef const uint8_t *p = <const uint8_t *> PyBytes_AS_STRING(payload)
    cdef uint32_t version
    if len(payload) < 12 or (p[0] == 0x16 and p[1] == 0xFE):
        return True
    version = <uint32_t> p[1] << 24 | <uint32_t> p[2] << 16 | <uint32_t> p[3] << 8 | p[4]
    return p[0] & 0xC0 == 0xC0 and (
        version == 1 or version == 0x6B3343CF or version >> 8 == 0xFF0000 or version >> 8 == 0xFACEB0)


cdef inline bint is_dhcp(int port) noexcept nogil:
    return port == BOOTPS or port == BOOTPC or port == DHCP6_CLIENT or port == DHCP6_SERVER


cdef str when(packet):
    try:
        return moment(packet.time_ns)
    except OverflowError:
        return packet.moment


cdef class Teller:
    """``tell`` gives what ``find`` finds in a packet, as a list of ``found(event, packet, dhcp, dns)``, or None where the
    twin is to look. The classes are those of ``rackprint.fingerprint.capture``; ``types``: names of DNS record types;
    ``follow(packet)``: the hellos that a QUIC packet completes; ``said(hello)``: what the twin tells of one."""

    cdef object picked, hello, found, dhcp, dns, entry, follow, said
    cdef dict types

    def __init__(self, *, picked, hello, found, dhcp, dns, entry, dict types, follow, said):
        self.picked, self.hello, self.found, self.follow, self.said = picked, hello, found, follow, said
        self.dhcp, self.dns, self.entry, self.types = dhcp, dns, entry, types

    def tell(self, packet):
        kind = type(packet)
        if kind is self.hello:
            return self._hello(packet)
        if kind is not self.picked:
            return None
        cdef int proto = packet.proto
        cdef int sport, dport
        if proto == TCP:
            return self._syn(packet)
        if proto == UDP:
            sport, dport = packet.sport, packet.dport
            if sport == DNS or dport == DNS or sport == MDNS or dport == MDNS:
                return self._dns(packet, sport, dport)
            if (sport == BOOTPS or sport == BOOTPC) and (dport == BOOTPS or dport == BOOTPC):
                return self._dhcp(packet)
            if not is_dhcp(sport) and not is_dhcp(dport):
                return self._quic(packet)
        return None

    cdef list _hello(self, hello):
        transport = hello.transport
        try:
            name, alpn, fingerprint, cookie = read_hello(hello.body, transport, transport == "dtls")
        except ValueError:
            return None
        packet = hello.packet
        cdef dict event = {
            "kind": "tls_client_hello", "time": when(packet), "src": packet.src, "sport": packet.sport,
            "dst": packet.dst, "dport": packet.dport, "transport": transport, "sni": name, "alpn": alpn,
            "ja4": fingerprint,
        }
        if hello.retry or cookie:
            event["retry"] = True
        event["offset"] = packet.offset
        return [self.found(event, packet, None, None)]

    cdef list _syn(self, packet):
        cdef int flags = packet.flags
        src = packet.src
        if flags & OPENING != OPENS or packet.payload or "ff:fe" in src:
            return None
        text = signature(packet.network, packet.transport, flags, False)
        if not text:
            return None
        cdef dict event = {
            "kind": "tcp_syn", "time": when(packet), "src": src, "sport": packet.sport, "dst": packet.dst,
            "dport": packet.dport, "signature": text, "offset": packet.offset,
        }
        return [self.found(event, packet, None, None)]

    cdef list _quic(self, packet):
        cdef bytes payload = packet.payload
        cdef list told = [], of_one
        if len(payload) <= 6 or (<uint8_t> payload[0]) & 0xC0 != 0xC0 or "ff:fe" in packet.src:
            return None
        for hello in self.follow(packet):
            of_one = self._hello(hello)
            told += self.said(hello) if of_one is None else of_one
        return told

    cdef list _dhcp(self, packet):
        m = read_dhcp(packet.payload, self.dhcp)
        if m is None or "ff:fe" in packet.src:
            return None
        cdef dict event = {
            "kind": "dhcp", "time": when(packet), "mac": m.mac, "message_type": m.message_type, "hostname": m.hostname,
            "param_list": m.param_list, "vendor_class": m.vendor_class, "requested_ip": m.requested_ip,
            "client_id": m.client_id, "fqdn": m.fqdn, "offset": packet.offset,
        }
        return [self.found(event, packet, m, None)]

    cdef list _dns(self, packet, int sport, int dport):
        cdef bytes payload = packet.payload
        cdef list told = []
        cdef str kind = "dns"
        src = packet.src
        if is_other(payload) or "ff:fe" in src:
            return None
        read = read_names(payload, self.types)
        if read is None:
            return None
        response, names = read
        message = None
        if sport == MDNS or dport == MDNS:
            kind = "mdns"
            message = self.dns(response, tuple([self.entry(*name) for name in names]))
        time, dst, offset = when(packet), packet.dst, packet.offset
        for name, type_, answer, data in <list> names:
            told.append(self.found({
                "kind": kind, "time": time, "src": src, "dst": dst, "response": response, "name": name, "type": type_,
                "answer": answer, "data": data, "offset": offset,
            }, packet, None, message))
            message = None
        return told
