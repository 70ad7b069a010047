"""Who acts as a client in a capture: one host a MAC, or an IP where no MAC tells hosts apart.

Gateways and servers are no clients: a host counts once it sent a DHCP request, a SYN, a ClientHello, an HTTP request or
a DNS question, unless it did so from outside to inside, or asked for a network with a probe request. A MAC that speaks
for more than ROUTED private IPv4 addresses is a router's: the hosts behind it are kept apart by IP, without its MAC,
and by whom DHCP had given the address at the time, where it told. An IPv6 address made of a MAC tells its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rackprint.fingerprint.capture.addresses import eui64, from_outside, inside, unicast
from rackprint.fingerprint.capture.events import Found
from rackprint.fingerprint.capture.hosts import Host, Same
from rackprint.fingerprint.capture.leases import Leases
from rackprint.fingerprint.capture.services import self_description

HOSTS = 65_536
ROUTED = 3
_ACK, _RELEASE = 5, 7  # DHCP message types
_CLIENTS = {"tcp_syn", "tls_client_hello", "http_request", "dns", "mdns"}

Key = tuple[str, str, str]  # MAC, IP, and the MAC that held the IP by lease


class Clients:
    """Gathers hosts from events in capture order. ``lost`` counts hosts past HOSTS, which are left out."""

    def __init__(self) -> None:
        self._hosts: dict[Key, Host] = {}
        self._by_ip: dict[str, list[Key]] = {}
        self._leases = Leases()
        self._same: Same = {}
        self._lines: dict[str, list[tuple[dict[str, Any], int]]] = {}  # by source, each with when it began
        self.lost = 0

    def add(self, found: Found) -> None:
        """Takes in one event."""
        kind = found.event["kind"]
        if kind == "dhcp":
            self._dhcp(found)
        elif kind == "dhcp6":
            self._dhcp6(found)
        elif kind == "wifi_probe":
            self._probe(found)
        elif kind == "tcp_clock":
            self._lines.setdefault(found.packet.src, []).append((found.event, found.packet.time_ns))
        elif kind == "tcp_clock_count":
            self._clocks(found)
        elif kind in _CLIENTS:
            self._client(found)

    def hosts(self) -> Iterator[Host]:
        """One host a client, in the order first seen. Once only: what was gathered is given away."""
        behind: dict[str, set[str]] = {}
        for mac, ip, _ in self._hosts:
            if mac and ip and "." in ip and inside(ip):
                behind.setdefault(mac, set()).add(ip)
        merged: dict[str, Host] = {}
        for mac, ip, holder in list(self._hosts):
            host = self._hosts.pop((mac, ip, holder))
            router = len(behind.get(mac, ())) > ROUTED
            host.mac = holder if router or not mac else mac
            first = merged.setdefault(host.mac or f"ip {ip}", host)
            if first is not host:
                first.take(host)
        for host in merged.values():
            host.settle()
            yield host

    def _client(self, found: Found) -> None:
        event, packet = found.event, found.packet
        kind, offset = event["kind"], packet.offset
        # a server's response repeats the question; only a query asks. A host answers mDNS for its own names
        if (kind == "dns" and event["response"]) or from_outside(packet.src, packet.dst):
            return
        holder = self._leases.holder(packet.src, packet.time_ns)
        host = self._host((eui64(packet.src) or unicast(packet.mac_src), packet.src, holder), found)
        if host is None:
            return
        host.add("ip", packet.src, offset)
        if kind == "tcp_syn":
            host.add("tcp_syn", event["signature"], offset)
        elif kind == "tls_client_hello":
            if not event.get("retry"):  # a second hello has what the server asked for
                host.add("ja4", event["ja4"], offset)
            host.add("sni", event["sni"], offset)
        elif kind == "http_request":
            host.add("user_agent", event["user_agent"], offset)
        else:
            host.add("dns_name", event["name"], offset)
        if kind == "mdns" and found.dns is not None:
            for name, value in self_description(found.dns, packet.src):
                host.add(name, value, offset)

    def _dhcp(self, found: Found) -> None:
        message, offset, now = found.dhcp, found.packet.offset, found.packet.time_ns
        mac = unicast(message.mac) if message is not None else ""
        if message is None or not mac:
            return
        if not message.request:
            known = self._hosts.get((mac, "", ""))
            if message.message_type == _ACK:
                self._leases.give(message.your_ip, mac, now, message.lease)
                if known is not None:
                    known.add("ip", message.your_ip, offset)
            return
        if message.message_type == _RELEASE:
            self._leases.end(message.client_ip, mac, now)
        host = self._host((mac, "", ""), found)
        if host is None:
            return
        host.add("hostname", message.hostname or message.fqdn.partition(".")[0], offset)
        host.add("dhcp_params", message.param_list, offset)
        host.add("dhcp_vendor", message.vendor_class, offset)
        host.add("ip", message.client_ip, offset)
        host.add_unit(unicast(message.client_mac), offset)

    def _dhcp6(self, found: Found) -> None:
        event, packet = found.event, found.packet
        own = unicast(event["mac"])
        sender = "" if event["relayed"] else eui64(packet.src) or unicast(packet.mac_src)
        host = self._host((sender or own, "", ""), found) if event["request"] and (sender or own) else None
        if host is None:
            return
        host.add("hostname", event["hostname"].partition(".")[0], packet.offset)
        host.add("dhcp6_params", event["param_list"], packet.offset)
        host.add("dhcp_vendor", event["vendor_class"], packet.offset)
        host.add_unit(own, packet.offset)

    def _probe(self, found: Found) -> None:
        event, offset = found.event, found.packet.offset
        mac = unicast(event["mac"])
        host = self._host((mac, "", ""), found, joined=False) if mac else None
        if host is None:
            return
        for ssid in event["ssids"]:
            host.add("probe_ssid", ssid, offset)
        host.add("probe_ies", event["ies"], offset)
        host.add("device_name", event["wps_name"], offset)
        host.add("model", event["wps_model"], offset)

    def _clocks(self, found: Found) -> None:
        """Each line is of the host that held the source address when the line began."""
        event, src = found.event, found.packet.src
        of_host: dict[Key, list[dict[str, Any]]] = {}
        for line, began in self._lines.pop(src, []):
            holder = self._leases.holder(src, began)
            keys = [key for key in self._by_ip.get(src, []) if key[2] == holder]
            if len(keys) == 1:
                of_host.setdefault(keys[0], []).append(line)
        if event["phones"] == 1 or len(of_host) > 1:
            for key, lines in of_host.items():
                self._hosts[key].add_clocks(lines)
        else:
            for key in of_host:
                self._hosts[key].add("phones_behind", str(event["phones"]), event["offset"])

    def _host(self, key: Key, found: Found, *, joined: bool = True) -> Host | None:
        host = self._hosts.get(key)
        if host is None:
            if len(self._hosts) >= HOSTS:
                self.lost += 1
                return None
            host = self._hosts[key] = Host(key[0], found.packet.time, found.packet.offset, self._same)
            if key[1]:
                self._by_ip.setdefault(key[1], []).append(key)
        host.joined |= joined
        return host
