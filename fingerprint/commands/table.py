"""The command table: what is asked of a phone, by its SDK and maker. Every line only reads.

Lines keep to what the phone's own shell has: toolbox on Android 4 and 5, toybox since. ``content`` came with SDK 16,
users with 17, ``settings list`` with 23 (before it, the same rows are read as content).
"""

from __future__ import annotations

import io
import re
from typing import NamedTuple

from rackprint.fingerprint.commands import codes
from rackprint.fingerprint.commands.model import Command, Phone, Speed
from rackprint.fingerprint.parsers import properties
from rackprint.fingerprint.parsers.text import lines

VERSION = 1  # goes up with every change of a line, a guard or a name
_ANY = 1_000
_BOOT = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # random(4): a UUID that the kernel makes at boot
_MOST_SLOTS = 4


class _Row(NamedTuple):
    """A command and whom it is for: SDKs from ``low`` to ``high``, and makers, where it is not for all."""

    command: Command
    low: int = 0
    high: int = _ANY
    makers: tuple[str, ...] = ()

    def fits(self, phone: Phone) -> bool:
        return self.low <= phone.sdk <= self.high and (not self.makers or phone.maker in self.makers)


BOOT_ID = Command("boot-id", "cat /proc/sys/kernel/random/boot_id", "boot_id", seconds=5.0, most=4 << 10)
PROPERTIES = Command("getprop", "getprop", "getprop")
FIRST = (BOOT_ID, PROPERTIES)  # they say which phone it is


def _dump(service: str, *, low: int = 0, high: int = _ANY, seconds: float = 10.0, most: int = 4 << 20) -> _Row:
    name = service.replace("_", "-").replace(".", "-").lower()
    return _Row(Command(name, f"dumpsys {service}", f"service:{service}", seconds=seconds, most=most), low, high)


def _file(name: str, path: str, parser: str, makers: tuple[str, ...] = ()) -> _Row:
    return _Row(Command(name, f"cat {path}", parser, seconds=5.0, most=256 << 10), makers=makers)


def _ask(name: str, line: str, parser: str, low: int = 0, high: int = _ANY) -> _Row:
    return _Row(Command(name, line, parser), low, high)


_FAST: tuple[_Row, ...] = (
    _ask("uptime", "cat /proc/uptime; date +%s", "uptime"),
    _ask("siminfo", "content query --uri content://telephony/siminfo", "siminfo", low=16),
    _dump("isub", low=22),
    _dump("iphonesubinfo", high=22),
    _dump("telephony.registry"),
    _dump("account"),
    _ask("users", "pm list users", "service:user", low=17),
    _ask("packages", "pm list packages -f", "packages", high=25),
    _ask("packages", "pm list packages -f -U --user 0", "packages", low=26),
    _ask("settings-secure", "content query --uri content://settings/secure", "settings_rows", low=16, high=22),
    _ask("settings-global", "content query --uri content://settings/global", "settings_rows", low=17, high=22),
    _ask("settings-secure", "settings list secure", "settings", low=23),
    _ask("settings-global", "settings list global", "settings", low=23),
    _file("adb-keys", "/data/misc/adb/adb_keys", "adb_keys"),
    _dump("adb", low=29),
    _dump("usb"),
    _dump("battery"),
    _dump("power"),
    _dump("display"),
    _dump("sensorservice"),
    _dump("bluetooth_manager", low=17),
    _dump("wifi", seconds=15.0, most=8 << 20),
    _ask("netcfg", "netcfg", "netcfg", high=22),  # without arguments it prints the interfaces
    _ask("ip-link", "ip link", "ip_link"),
    _file("wlan-address", "/sys/class/net/wlan0/address", "wlan_address"),
    _file("cpuinfo", "/proc/cpuinfo", "cpuinfo"),
    _file("kernel", "/proc/version", "kernel"),
    _file("meminfo", "/proc/meminfo", "meminfo"),
    _file("partitions", "/proc/partitions", "partitions"),
    # The serial number beside the CID is a part of it, so it is not asked for by itself.
    _file("emmc-cid", "/sys/block/mmcblk0/device/cid", "emmc_cid"),
    _file("ufs-serial", "/sys/bus/platform/devices/*ufs*/string_descriptors/serial_number", "ufs_serial"),
    _file("ufs-number", "/sys/class/scsi_host/host0/unique_number", "ufs_number", makers=("samsung",)),
    _file("soc-serial", "/sys/devices/soc0/serial_number", "soc_serial"),
    _file("battery-serial", "/sys/class/power_supply/battery/serial_number", "battery_serial"),
)

_NOTICE = "the phone may vibrate and show a notice while the report is made"
_REPORT = "leaves a report, and may leave a screenshot, in the phone's folder of bugreports"


def _slow(name: str, line: str, parser: str, *, seconds: float, most: int, changes: str = "") -> Command:
    return Command(name, line, parser, Speed.SLOW, seconds, most, changes)


_SLOW: tuple[_Row, ...] = (
    _Row(_slow("package", "dumpsys package", "service:package", seconds=60.0, most=64 << 20)),
    _Row(_slow("dumpsys", "dumpsys", "dumpsys", seconds=300.0, most=256 << 20)),
    _Row(_slow("bugreport", "bugreport", "bugreport", seconds=600.0, most=512 << 20, changes=_NOTICE), high=23),
    # Until 30 it can only say where its file is: the record keeps that path, and nothing is fetched.
    _Row(_slow("bugreport", "bugreportz", "none", seconds=900.0, most=1 << 20, changes=_REPORT), 24, 30),
    _Row(_slow("bugreport", "bugreportz -s", "bugreport_zip", seconds=900.0, most=1 << 30, changes=_REPORT), 31),
)


def commands(phone: Phone, *, slow: bool = False) -> tuple[Command, ...]:
    """What to ask ``phone`` after :data:`FIRST`, in order; the slow tier only where ``slow`` says so."""
    rows = _FAST + _SLOW if slow else _FAST
    fitting = (row.command for row in rows if row.fits(phone))
    return (*_parcels(phone), *fitting)


def _parcels(phone: Phone) -> list[Command]:
    """The calls of ``iphonesubinfo``, named by what they ask for: ``imei``, ``imei-0`` (slot 0), ``iccid``."""
    asked: list[tuple[str, str]] = []
    for name, known in (("imei", codes.IMEI), ("iccid", codes.ICCID)):
        plain = codes.code(known, phone.sdk)
        if plain is not None:
            asked.append((name, str(plain)))
    of_slot = codes.code(codes.IMEI_OF_SLOT, phone.sdk)
    if of_slot is not None:
        asked += [(f"imei-{slot}", f"{of_slot} i32 {slot} s16 com.android.shell") for slot in range(phone.slots)]
    return [Command(name, f"service call iphonesubinfo {call}", "parcel", most=64 << 10) for name, call in asked]


def boot_of(answer: bytes) -> str:
    """The boot that :data:`BOOT_ID` names; empty where it names none."""
    said = answer.decode(errors="replace").strip()
    return said if _BOOT.fullmatch(said) else ""


def serial_of(getprop: bytes) -> str:
    """What the phone calls itself; empty where it does not."""
    known = _properties(getprop)
    return known.get("ro.serialno") or known.get("ro.boot.serialno", "")


def _properties(getprop: bytes) -> dict[str, str]:
    known: dict[str, str] = {}
    for found in properties.read(lines(io.BytesIO(getprop))):
        if isinstance(found, properties.Property) and found.whole:
            known.setdefault(found.name, found.value.strip())
    return known


def phone_of(getprop: bytes) -> Phone:
    """What the guards look at, from the output of ``getprop``; what it does not say is unknown. Never raises."""
    known = _properties(getprop)
    maker = known.get("ro.product.manufacturer") or known.get("ro.product.brand", "")
    return Phone(
        sdk=_number(known.get("ro.build.version.sdk", ""), _ANY),
        maker=maker.lower(),
        model=known.get("ro.product.model", ""),
        build=known.get("ro.build.fingerprint", ""),
        slots=_slots(known),
    )


_SLOTS_OF = {"dsds": 2, "dsda": 2, "tsts": 3}  # dual SIM dual standby, dual SIM dual active, triple


def _slots(known: dict[str, str]) -> int:
    """SIM slots: the most that any property tells, for an empty slot answers null and costs one command."""
    words = ("persist.radio.multisim.config", "persist.vendor.radio.multisim.config")
    counts = ("ro.telephony.sim.count", "ro.multisim.simslotcount", "ro.vendor.multisim.simslotcount")
    said = [_SLOTS_OF.get(known.get(name, "").lower(), 1) for name in words]
    said += [_number(known.get(name, ""), _MOST_SLOTS) for name in counts]
    said.append(known.get("gsm.sim.state", "").count(",") + 1)
    return min(max(said), _MOST_SLOTS)


def _number(text: str, most: int) -> int:
    """A small decimal number; 0 for anything else."""
    plain = text.isascii() and text.isdigit() and len(text) <= 4
    return int(text) if plain and int(text) <= most else 0
