"""Who acts as a client in a capture: one host a MAC, or an IP where no MAC tells hosts apart.

Gateways and servers are no clients: a host counts once it sent a DHCP request, a SYN, a ClientHello or a DNS question,
unless it did so from outside to inside. A MAC that speaks for more than ROUTED private IPv4 addresses is a router's:
the hosts behind it are kept apart by IP, without its MAC.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address

from rackprint.fingerprint.capture.events import Found

CAP = 50  # values of one name a host
HOSTS = 65_536
ROUTED = 3
_ACK = 5  # DHCP message type


class Host:
    """What one client gave away: ``signals`` maps (name, value) to the byte offset where it first stood."""

    def __init__(self, mac: str, time: datetime, offset: int) -> None:
        self.mac, self.time, self.offset = mac, time, offset
        self.signals: dict[tuple[str, str], int] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, value: str, offset: int) -> None:
        """Keeps a value that is new, up to CAP a name."""
        if value and (name, value) not in self.signals and self._counts.get(name, 0) < CAP:
            self._counts[name] = self._counts.get(name, 0) + 1
            self.signals[name, value] = offset


class Clients:
    """Gathers hosts from events in capture order. ``lost`` counts hosts past HOSTS, which are left out."""

    def __init__(self) -> None:
        self._hosts: dict[tuple[str, str], Host] = {}  # (mac, ip)
        self.lost = 0

    def add(self, found: Found) -> None:
        """Takes in one event."""
        event, packet = found.event, found.packet
        kind = event["kind"]
        if kind == "dhcp":
            self._dhcp(found)
            return
        # a server's response repeats the question; only a query asks
        asks = kind in {"tcp_syn", "tls_client_hello"} or not event["response"]
        tells = kind == "mdns"  # a host answers mDNS for its own names
        if not (asks or tells) or _from_outside(packet.src, packet.dst):
            return
        host = self._host(_unicast(packet.mac_src), packet.src, found)
        if host is None:
            return
        host.add("ip", packet.src, packet.offset)
        if kind == "tcp_syn":
            host.add("tcp_syn", event["signature"], packet.offset)
        elif kind == "tls_client_hello":
            if not event.get("retry"):  # a second hello has what the server asked for
                host.add("ja4", event["ja4"], packet.offset)
            host.add("sni", event["sni"], packet.offset)
        else:
            host.add("dns_name", event["name"], packet.offset)

    def hosts(self) -> Iterator[Host]:
        """One host a client, in the order first seen."""
        behind: dict[str, set[str]] = {}
        for mac, ip in self._hosts:
            if mac and ip and "." in ip and _inside(ip):
                behind.setdefault(mac, set()).add(ip)
        merged: dict[str, Host] = {}
        for (mac, ip), host in self._hosts.items():
            router = len(behind.get(mac, ())) > ROUTED
            key = f"ip {ip}" if router or not mac else mac
            into = merged.setdefault(key, Host("" if router else mac, host.time, host.offset))
            for (name, value), offset in host.signals.items():
                into.add(name, value, offset)
        yield from merged.values()

    def _dhcp(self, found: Found) -> None:
        message, offset = found.dhcp, found.packet.offset
        if message is None or not message.mac:
            return
        mac = _unicast(message.mac)
        if not message.request:
            known = self._hosts.get((mac, ""))
            if known is not None and message.message_type == _ACK:
                known.add("ip", message.your_ip, offset)
            return
        host = self._host(mac, "", found) if mac else None
        if host is None:
            return
        host.add("hostname", message.hostname, offset)
        host.add("dhcp_params", message.param_list, offset)
        host.add("dhcp_vendor", message.vendor_class, offset)
        host.add("ip", message.client_ip, offset)

    def _host(self, mac: str, ip: str, found: Found) -> Host | None:
        host = self._hosts.get((mac, ip))
        if host is None:
            if len(self._hosts) >= HOSTS:
                self.lost += 1
                return None
            host = self._hosts[mac, ip] = Host(mac, found.packet.time, found.packet.offset)
        return host


def _unicast(mac: str) -> str:
    """``mac``, or nothing where it names no single host: empty, all zero, a group."""
    if not mac or not mac.strip("0:") or int(mac[:2], 16) & 1:
        return ""
    return mac


@lru_cache(maxsize=65_536)
def _inside(ip: str) -> bool:
    return ip_address(ip).is_private or ip_address(ip).is_link_local or _shared(ip)


def _shared(ip: str) -> bool:
    """RFC 6598: carrier NAT, 100.64.0.0/10."""
    parts = ip.split(".")
    return len(parts) == 4 and parts[0] == "100" and 64 <= int(parts[1]) < 128


def _from_outside(src: str, dst: str) -> bool:
    return not _inside(src) and _inside(dst)
