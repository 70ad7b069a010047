"""What a device on USB is, told by its interfaces and ids, and what an analyst can do about it.

Interface codes: ADB ff/42/01 and fastboot ff/42/03 (AOSP packages/modules/adb, adb.h; system/core/fastboot), MTP and
PTP 06/01/01 (USB Still Image class 1.0). Ids: linux-usb.org's usb.ids, and the rules that Linux distributions ship.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from rackprint.fingerprint.usb.model import Device


class Kind(StrEnum):
    """What it is, as far as USB tells."""

    HUB = "hub"
    ADB = "android"
    QUIET = "android without adb"
    APPLE = "apple"
    FASTBOOT = "fastboot"
    DOWNLOAD = "download mode"
    OTHER = "other"


PHONES = frozenset(Kind) - {Kind.HUB, Kind.OTHER}
NOT_ACQUIRED = "not acquired; slot, VID:PID and serial are kept"

TODO = {
    Kind.HUB: "",
    Kind.ADB: "",
    Kind.QUIET: "ADB is off: unlock it and turn on USB debugging",
    Kind.APPLE: f"not Android: {NOT_ACQUIRED}",
    Kind.FASTBOOT: f"in fastboot, which answers nothing that is asked here: start Android on it; {NOT_ACQUIRED}",
    Kind.DOWNLOAD: f"start Android on it; {NOT_ACQUIRED}",
    Kind.OTHER: "no phone that is known",
}

DOWNLOAD = {
    "05c6:9008": "Qualcomm emergency download (EDL)",
    "05c6:900e": "Qualcomm crash dump",
    "05c6:9006": "Qualcomm mass storage of a boot loader",
    "0e8d:0003": "MediaTek boot ROM",
    "0e8d:2000": "MediaTek preloader",
    "0e8d:2001": "MediaTek download agent",
    "04e8:685d": "Samsung download mode",
    "04e8:1234": "Samsung Exynos boot ROM",
    "1782:4d00": "Unisoc download mode",
    "12d1:3609": "HiSilicon download mode",
}
APPLE_MODES = {
    "05ac:1222": "Apple device in DFU mode", "05ac:1227": "Apple device in DFU mode",
    "05ac:1280": "Apple device in recovery mode", "05ac:1281": "Apple device in recovery mode",
    "05ac:1282": "Apple device in recovery mode", "05ac:1283": "Apple device in recovery mode",
}  # fmt: skip

MAKERS = {  # of Android phones, by vendor id
    "0414": "Gigabyte", "0482": "Kyocera", "0489": "Foxconn", "0502": "Acer", "04c5": "Fujitsu", "04da": "Panasonic",
    "04dd": "Sharp", "04e8": "Samsung", "05c6": "Qualcomm", "0b05": "ASUS", "0bb4": "HTC", "0e8d": "MediaTek",
    "0fce": "Sony", "1004": "LG", "109b": "Hisense", "10a9": "Pantech", "12d1": "Huawei", "1782": "Unisoc",
    "17ef": "Lenovo", "18d1": "Google", "1949": "Amazon", "19a5": "Honor", "19d2": "ZTE", "1bbb": "TCL",
    "1ebf": "Coolpad", "201e": "Haier", "2207": "Rockchip", "22b8": "Motorola", "22d9": "OPPO", "2717": "Xiaomi",
    "271d": "Gionee", "29a9": "Smartisan", "2a45": "Meizu", "2a47": "BQ", "2a70": "OnePlus", "2a96": "Micromax",
    "2ae5": "Fairphone", "2b4c": "ZUK", "2c3f": "Nextbit", "2c7c": "Quectel", "2d95": "vivo", "2e04": "Nokia",
    "2e17": "Essential", "339b": "Honor",
}  # fmt: skip
CAMERAS = frozenset({"04a9", "04b0", "04cb", "054c", "07b4", "0a17", "25fb", "2672", "2ca3"})  # they speak PTP as well

# Classes of things that makers of phones make as well. A device that shows nothing else is no phone.
_THINGS = frozenset({0x01, 0x03, 0x07, 0x08, 0x0B, 0x0E, 0x10, 0x11, 0xE0})
_SAMSUNG_PHONES = "04e8:68"  # Samsung's phones in all their modes, USB storage of old ones among them


class Nature(msgspec.Struct, frozen=True):
    """What a device is: its ``kind``, that in words, and what can be done (empty: nothing need be)."""

    kind: Kind
    words: str
    do: str

    @property
    def phone(self) -> bool:
        return self.kind in PHONES


def nature(device: Device) -> Nature:
    """What the device is; the surest sign decides."""
    kind, words = _told(device)
    return Nature(kind, words or str(kind), TODO[kind])


def _told(device: Device) -> tuple[Kind, str]:
    codes = {interface.code for interface in device.interfaces}
    head = device.descriptors.head
    if device.root or (head and head.cls == 0x09) or device.text("bDeviceClass").strip() == "09":
        return Kind.HUB, ""
    if "ff/42/01" in codes:
        return Kind.ADB, ""
    if "ff/42/03" in codes:
        return Kind.FASTBOOT, ""
    if device.id in APPLE_MODES or device.id.startswith("05ac:12"):
        return Kind.APPLE, APPLE_MODES.get(device.id, "Apple phone or tablet")
    if device.id in DOWNLOAD:
        return Kind.DOWNLOAD, DOWNLOAD[device.id]
    return (Kind.QUIET, "") if _android(device, codes) else (Kind.OTHER, "")


def _android(device: Device, codes: set[str]) -> bool:
    """Whether it is an Android phone that shows no ADB: it offers files (MTP, PTP), says so, or its maker makes phones
    and it is nothing else that they make."""
    if device.vendor in CAMERAS:
        return False
    if "06/01/01" in codes or "MTP" in {text.strip().upper() for text in device.interface_texts}:
        return True
    if device.id.startswith(_SAMSUNG_PHONES) or "android" in device.product.lower():
        return True
    classes = {interface.cls for interface in device.interfaces}
    return device.vendor in MAKERS and not (classes and classes <= _THINGS)
