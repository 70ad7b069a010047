"""Captures (pcap, pcapng): one observation a client host, with what it gave away on the network."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO

from rackprint.fingerprint.capture.addresses import is_global
from rackprint.fingerprint.capture.clients import HOSTS, Clients
from rackprint.fingerprint.capture.events import default_reader, find
from rackprint.fingerprint.capture.hosts import Host
from rackprint.fingerprint.capture.records import is_capture
from rackprint.fingerprint.model import ArtifactInfo, Observation, Parsed, Position, Problem, Signal, SourceKind
from rackprint.fingerprint.signals import read_signal, scope_key

SOURCE = "pcap"
_NETWORK = ("ssid", "bssid")  # of the context, what holds for every host; the exhibit is the capturing side's


class CaptureParser:
    """Observations in the order the hosts were first seen; nothing is yielded but problems before the end."""

    name = "capture"
    version = 2

    def probe(self, head: bytes, name: str) -> bool:
        """By magic number; file endings lie."""
        return is_capture(head)

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        """Ids are ``<sha256[:12]>:<ordinal>``. Signals: wifi_mac, ip, hostname, dhcp_params, dhcp6_params, dhcp_vendor,
        ja4, sni, tcp_syn, user_agent, dns_name, probe_ssid, probe_ies; of services device_name, model, serial, bt_mac;
        of clocks clock_skew_ppm, boot_time, phones_behind; each distinct value at its first place, at most 50 of a
        name."""
        clients = Clients()
        for found in find(default_reader()(stream)):
            if isinstance(found, Problem):
                yield found
            else:
                clients.add(found)
        if clients.lost:
            yield Problem(f"more than {HOSTS} hosts; the later ones were left out", "split the capture by time")
        for ordinal, host in enumerate(clients.hosts(), 1):
            yield Observation(
                id=info.observation_id(ordinal),
                time=host.time,
                source=f"{SourceKind.CAPTURE}:{SOURCE}",
                signals=tuple(self._signals(host, info)),
                artifact=info.sha256,
                position=Position(offset=host.offset),
            )

    def _signals(self, host: Host, info: ArtifactInfo) -> Iterator[Signal]:
        parser = f"{self.name}/{self.version}"
        context = dict(info.context)
        if host.mac:
            # a randomised address is steady on one network only, and while it asks for one, on none
            steady = host.joined and not is_global(host.mac)
            scope = _scope("wifi_mac", context.get("ssid", "")) if steady else ""
            where = Position(offset=host.offset)
            yield read_signal("wifi_mac", host.mac, scope_key=scope, parser=parser, position=where)
        for name in _NETWORK:
            if context.get(name) and host.joined:
                yield read_signal(name, context[name], scope_key=_scope(name), parser=parser)
        for (name, value), offset in host.signals.items():
            yield read_signal(name, value, scope_key=_scope(name), parser=parser, position=Position(offset=offset))


@lru_cache(maxsize=1024)
def _scope(name: str, ssid: str = "") -> str:
    return scope_key(name, source_kind=SourceKind.CAPTURE, source=SOURCE, ssid=ssid)


CAPTURE = CaptureParser()
