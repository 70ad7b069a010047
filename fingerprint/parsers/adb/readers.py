"""Which reader reads the answer to a command, by the word that the table gives for it (``Command.parser``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType

from rackprint.fingerprint.parsers import getprop, parcels, siminfo
from rackprint.fingerprint.parsers.adb import clocks, network, parts
from rackprint.fingerprint.parsers.base import Findings, Parser
from rackprint.fingerprint.parsers.bugreport_text import BUGREPORT_TEXT, services
from rackprint.fingerprint.parsers.bugreport_zip import BUGREPORT_ZIP
from rackprint.fingerprint.parsers.dumpsys import SERVICES, apps, settings
from rackprint.fingerprint.parsers.text import Line

Reader = Callable[[Iterable[Line], Findings], None]

READERS: Mapping[str, Reader] = MappingProxyType(
    {
        **{f"service:{name}": reader for name, reader in SERVICES.items()},
        "getprop": getprop.read,
        "siminfo": siminfo.read,
        "settings": settings.listed,
        "settings_rows": settings.rows,
        "packages": apps.listed,
        "dumpsys": services,
        "adb_keys": SERVICES["adb"],
        "ip_link": network.ip_link,
        "netcfg": network.netcfg,
        "wlan_address": network.wlan_address,
        "cpuinfo": parts.cpuinfo,
        "kernel": parts.kernel,
        "meminfo": parts.memory,
        "partitions": parts.partitions,
        "uptime": clocks.uptime,
        "boot_id": clocks.boot_id,
        **{
            name: partial(parts.serial, name)
            for name in ("emmc_cid", "ufs_serial", "ufs_number", "soc_serial", "battery_serial")
        },
    }
)
"""Those that read lines; what they find becomes one observation."""

FILES: Mapping[str, Parser] = MappingProxyType({"bugreport": BUGREPORT_TEXT, "bugreport_zip": BUGREPORT_ZIP})
"""Parsers of answers that are files of their own, with a time of their own."""

PARCEL = "parcel"  # read by what it was asked for: parcels.read
UNREAD = "none"  # kept as it came


def reader(word: str, asked: tuple[str, ...]) -> Reader | None:
    """The reader of the answers that ``word`` names, to a command that asks for ``asked``; None where there is none."""
    if word == PARCEL and asked:
        return partial(parcels.read, asked[0])
    return READERS.get(word)
