"""Android system properties: which of them is which signal, and how ``getprop`` prints them.

The names are those of AOSP and of makers' builds as they stand in phones' own getprop output.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

_EXACT = {
    "ro.serialno": "serial",
    "ro.boot.serialno": "serial",
    "ro.vendor.serialno": "serial",
    "vendor.boot.serialno": "serial",
    "persist.radio.serialno": "serial",
    "sys.serialnumber": "serial",
    "ril.serialnumber": "label_serial",  # Samsung: the one printed on the label; ro.serialno is the USB one
    "vendor.ril.serialnumber": "label_serial",
    "gsm.serial": "factory_barcode",
    "ro.boot.em.did": "cpu_serial",
    "ro.boot.ap_serial": "cpu_serial",
    "ro.boot.cpuid": "cpu_serial",
    "ro.boot.wifimacaddr": "wifi_mac",
    "ro.boot.wifi_mac": "wifi_mac",
    "ro.boot.btmacaddr": "bt_mac",
    "persist.service.bdroid.bdaddr": "bt_mac",
    "ro.boot.btmac": "bt_mac",
    "ro.product.brand": "brand",
    "ro.product.model": "model",
    "ro.product.device": "device",
    "ro.product.name": "product",
    "ro.product.board": "board",
    "ro.product.manufacturer": "manufacturer",
    "ro.build.fingerprint": "build_fingerprint",
    "ro.build.version.release": "android_version",
    "ro.build.version.sdk": "sdk",
    "ro.build.version.security_patch": "security_patch",
    "ro.bootloader": "bootloader",
    "gsm.version.baseband": "baseband",
    "ro.hardware": "cpu",
    "ro.sf.lcd_density": "density",
    "persist.sys.timezone": "timezone",
    "gsm.sim.operator.alpha": "operator",
    "gsm.operator.alpha": "carrier",
    "gsm.sim.state": "sim_state",
    "net.hostname": "hostname",
    "dhcp.wlan0.ipaddress": "ip",
    "ro.runtime.firstboot": "first_boot",
}
_OWNERS = r"^(?:ro|ril|gsm|persist|sys|vendor)\.(?:.*[._])?"
_PATTERNS = [
    (re.compile(_OWNERS + r"imei(?:[._]?(?:sim|slot)?\d)?$"), "imei"),
    (re.compile(_OWNERS + r"imeisv(?:[._]?(?:sim|slot)?\d)?$"), "imeisv"),
    (re.compile(_OWNERS + r"meid(?:[._]?(?:sim|slot)?\d)?$"), "meid"),
    (re.compile(_OWNERS + r"icc_?id(?:[._]?(?:sim|slot)?\d)?$"), "iccid"),
    (re.compile(_OWNERS + r"imsi(?:[._]?(?:sim|slot)?\d)?$"), "imsi"),
]
PROPERTY = re.compile(r"^\[([^\]]+)\]: \[(.*)$")


@dataclass(slots=True)
class Property:
    """A property as getprop printed it; ``whole`` is False when its closing bracket never came."""

    name: str
    value: str
    line: Line
    whole: bool = True


def signal_of(name: str) -> str:
    """The signal that a property holds, "" for none."""
    found = _EXACT.get(name)
    if found is None:
        found = next((signal for pattern, signal in _PATTERNS if pattern.match(name)), "")
    return found


def read(lines: Iterable[Line]) -> Iterable[Property | Line]:
    """Properties in order, values over several lines put together; lines that are none come as they are."""
    pending: Property | None = None
    for line in lines:
        start = PROPERTY.match(line.text)
        if pending is not None and start is None and line.text:
            pending.value += "\n" + line.text
        elif start:
            if pending is not None:
                pending.whole = False
                yield pending
            pending = Property(start[1], start[2], line)
        elif line.text.strip() and pending is None:
            yield line
        if pending is not None and pending.value.endswith("]"):
            pending.value = pending.value[:-1]
            yield pending
            pending = None
    if pending is not None:
        pending.whole = False
        yield pending


def collect(properties: Iterable[Property], out: Findings) -> None:
    """The signals among ``properties``."""
    seen: dict[str, Property] = {}
    for found in properties:
        seen[found.name] = found
        signal = signal_of(found.name)
        if signal:
            out.add(signal, found.value, found.line)
    _locale(seen, out)
    usb = seen.get("sys.usb.state") or seen.get("persist.sys.usb.config")
    if usb and usb.value:
        out.add("adb_enabled", "yes" if "adb" in usb.value.split(",") else "no", usb.line)


def _locale(seen: dict[str, Property], out: Findings) -> None:
    for name in ("persist.sys.locale", "ro.product.locale"):
        if name in seen and seen[name].value:
            out.add("locale", seen[name].value, seen[name].line)
            return
    # Android 4 keeps the two halves apart, the user's choice before the maker's.
    for prefix in ("persist.sys.", "ro.product.locale."):
        language = seen.get(f"{prefix}language")
        region = seen.get(f"{prefix}country") or seen.get(f"{prefix}region")
        if language and language.value and region:
            out.add("locale", f"{language.value}-{region.value}", language.line)
            return
