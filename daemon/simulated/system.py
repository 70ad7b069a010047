"""What the kernel and the package manager of a phone print: files of /proc and /sys, interfaces, lists of apps."""

from __future__ import annotations

from datetime import UTC, datetime

from rackprint.daemon.simulated import ids, services
from rackprint.daemon.simulated.unit import Phone

_SYSTEM_APPS = {
    "com.android.settings": "/system/priv-app/Settings/Settings.apk",
    "com.android.phone": "/system/priv-app/TeleService/TeleService.apk",
    "com.android.providers.telephony": "/system/priv-app/TelephonyProvider/TelephonyProvider.apk",
    "com.android.systemui": "/system/priv-app/SystemUI/SystemUI.apk",
    "com.android.bluetooth": "/system/app/Bluetooth/Bluetooth.apk",
}


def boot_id(phone: Phone) -> str:
    """A UUID of random bits, one a boot (random(4))."""
    r = ids.rng("boot-id", phone.name, phone.boot.isoformat())
    text = ids.hexes(r, 32)
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{r.choice('89ab')}{text[17:20]}-{text[20:]}\n"


def uptime(phone: Phone, now: datetime) -> str:
    """``cat /proc/uptime; date +%s``: seconds since the boot, seconds that the cores idled, and the phone's clock."""
    up = (now - phone.boot).total_seconds()
    return f"{up:.2f} {up * phone.model.cores * 0.8:.2f}\n{int(now.timestamp())}\n"


def users(phone: Phone) -> str:
    """``pm list users``."""
    rows = (
        f"\tUserInfo{{{n}:{'Owner' if n == 0 else 'DualApps'}:{13 if n == 0 else 30}}} running\n" for n in phone.users
    )
    return "Users:\n" + "".join(rows)


def packages(phone: Phone) -> str:
    """``pm list packages -f``, since Android 8 with ``-U``: apk, name, uid."""
    apps = {name: f"/data/app/{name}-1/base.apk" for name in services.apps_of(phone)} | _SYSTEM_APPS
    uids = services.apps_of(phone)
    shown = (f" uid:{10_000 + uids.get(name, 1)}" if phone.model.sdk >= 26 else "" for name in apps)
    return "".join(f"package:{path}={name}{uid}\n" for (name, path), uid in zip(apps.items(), shown, strict=True))


def settings(phone: Phone, table: str) -> str:
    """``settings list TABLE``; before Android 6 the rows of the content provider."""
    rows = services.settings_of(phone)[table]
    if phone.model.sdk >= 23:
        return "".join(f"{name}={value}\n" for name, value in rows.items())
    return "".join(f"Row: {n} _id={n + 1}, name={k}, value={v}\n" for n, (k, v) in enumerate(rows.items()))


def ip_link(phone: Phone) -> str:
    return (
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1\n"
        "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
        "12: wlan0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq state UP mode DORMANT group default qlen 3000\n"
        f"    link/ether {phone.wifi} brd ff:ff:ff:ff:ff:ff\n"
    )


def netcfg(phone: Phone) -> str:
    return (
        "lo       UP                                   127.0.0.1/8   0x00000049 00:00:00:00:00:00\n"
        f"wlan0    UP                          {phone.address:>18}/24  0x00001043 {phone.wifi}\n"
    )


def cpuinfo(phone: Phone) -> str:
    core = "BogoMIPS\t: 38.40\nFeatures\t: fp asimd evtstrm aes pmull sha1 sha2 crc32\nCPU implementer\t: 0x41\n\n"
    cores = "".join(f"processor\t: {number}\n{core}" for number in range(phone.model.cores))
    return (
        f"Processor\t: AArch64 Processor rev 4 (aarch64)\n{cores}Hardware\t: {phone.model.chip or phone.model.board}\n"
    )


def kernel(phone: Phone) -> str:
    return f"Linux version {phone.model.kernel} (build@build) (gcc version 4.9.x) #1 SMP PREEMPT\n"


def meminfo(phone: Phone) -> str:
    free = ids.rng("meminfo", phone.name).randrange(40_000, 200_000)
    return f"MemTotal:       {phone.model.ram_kb:>8} kB\nMemFree:        {free:>8} kB\nBuffers:           24512 kB\n"


def partitions(phone: Phone) -> str:
    blocks = phone.model.storage_gb * 1_000_000_000 * 97 // 100 // 1024
    name, major = ("sda", 8) if phone.model.ufs else ("mmcblk0", 179)
    part = f"{name}1" if phone.model.ufs else f"{name}p1"
    rows = f" {major:>3}        0 {blocks:>10} {name}\n {major:>3}        1      65536 {part}\n"
    return f"major minor  #blocks  name\n\n{rows}"


def emmc_cid(phone: Phone) -> str:
    """The card's register of 16 bytes: maker, package, OEM, name, revision, serial number, date, CRC7 (JESD84-B51)."""
    r = ids.rng("emmc", phone.name)
    name = r.choice((b"QE63MB", b"RX1BMB", b"BJTD4R"))
    body = b"\x15\x01\x00" + name + b"\x07" + r.randbytes(4) + bytes((r.randrange(1, 13) << 4 | r.randrange(3, 9),))
    return f"{(body + bytes((_crc7(body) << 1 | 1,))).hex()}\n"


def _crc7(data: bytes) -> int:
    crc = 0
    for byte in data:
        for bit in range(8):
            top = (crc >> 6 ^ byte >> (7 - bit)) & 1
            crc = (crc << 1 & 0x7F) ^ (0x09 if top else 0)
    return crc


def soc_serial(phone: Phone) -> str:
    return f"{ids.rng('soc', phone.name).randrange(1 << 28, 1 << 32)}\n"


def ufs_number(phone: Phone) -> str:
    return f"{ids.hexes(ids.rng('ufs', phone.name), 18).upper()}\n"


def day_of(when: datetime) -> datetime:
    """The day's first moment: what a rack says by the clock is the same all day."""
    return datetime(when.year, when.month, when.day, tzinfo=UTC)
