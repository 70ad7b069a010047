"""Which identifiers each command asks for: where its answer gives none, that is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ASKED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "boot-id": ("boot_id",),
        "getprop": ("serial",),
        "imei": ("imei",),
        "iccid": ("iccid",),
        "siminfo": ("iccid",),
        "isub": ("iccid",),
        "iphonesubinfo": ("imei",),
        "account": ("account",),
        "settings-secure": ("android_id",),
        "adb-keys": ("adb_host_key",),
        "adb": ("adb_host_key",),
        "bluetooth-manager": ("bt_mac",),
        "wifi": ("wifi_mac",),
        "netcfg": ("wifi_mac",),
        "ip-link": ("wifi_mac",),
        "wlan-address": ("wifi_mac",),
        "cpuinfo": ("cpu_serial",),
        "emmc-cid": ("emmc_cid",),
        "ufs-serial": ("ufs_serial",),
        "ufs-number": ("ufs_number",),
        "soc-serial": ("soc_serial",),
        "battery-serial": ("battery_serial",),
    }
)


def asked(command: str) -> tuple[str, ...]:
    """The signals that the command named ``command`` asks for; ``imei-0`` is ``imei`` of a slot."""
    name, _, slot = command.rpartition("-")
    return ASKED.get(name if name and slot.isdigit() else command, ())
