"""What a host says of itself over mDNS: its name, and what the services it offers tell.

Sources: RFC 6762 (mDNS), RFC 6763 (services, TXT keys); AOSP packages/modules/adb, daemon/mdns.cpp and
client/adb_wifi: adb over Wi-Fi announces itself as ``adb-<serial>-<six letters>``, adb over TCP as ``adb-<serial>``;
Google Cast's TXT keys ``fn`` (the name given by its owner) and ``md`` (model); the Android TV remote's ``bt``, its
Bluetooth address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rackprint.fingerprint.capture.dns import TEXT_END, Dns, DnsName

_ADB = re.compile(r"adb-(.+?)(-[0-9A-Za-z]{6})?\._(adb|adb-tls-connect|adb-tls-pairing)\._tcp\.local", re.IGNORECASE)
_CAST = "._googlecast._tcp.local"
_REMOTE = ("._androidtvremote._tcp.local", "._androidtvremote2._tcp.local")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")


def self_description(message: Dns, src: str) -> Iterator[tuple[str, str]]:
    """Signals (name, value) that an mDNS response of the host at ``src`` gives of it. A query is nothing: the answers
    in it are those it knows of others. A host name counts where the response binds it to ``src``."""
    if not message.response:
        return
    for entry in message.names:
        if entry.answer:
            yield from _of_record(entry, src)


def _of_record(entry: DnsName, src: str) -> Iterator[tuple[str, str]]:
    name = entry.name.lower()
    if entry.type in {"A", "AAAA"}:
        if entry.data == src and name.endswith(".local"):
            yield "hostname", entry.name[: -len(".local")]
    elif entry.type in {"SRV", "TXT"} and (adb := _ADB.fullmatch(entry.name)):
        # without "-tls-" the name has no letters behind the serial: what looks like them is its own
        yield "serial", adb[1] if adb[3].lower() != "adb" else adb[1] + (adb[2] or "")
    elif entry.type == "TXT":
        keys = dict(pair.partition("=")[::2] for pair in entry.data.split(TEXT_END))
        if name.endswith(_CAST):
            yield from (
                (signal, keys[key]) for signal, key in (("device_name", "fn"), ("model", "md")) if keys.get(key)
            )
        elif name.endswith(_REMOTE) and _MAC.fullmatch(keys.get("bt", "")):
            yield "bt_mac", keys["bt"]
