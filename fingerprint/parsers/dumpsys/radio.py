"""What the phone is on the air: IMEI, SIMs, operator and cell, Wi-Fi and Bluetooth."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rackprint.fingerprint.commands.answers import Answer, of_value
from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line

_DEVICE_ID = re.compile(r"^\s*(?:Device ID|Device Id|IMEI)\s*=\s*(\S+)")
_SIM = re.compile(r"\biccId=([0-9A-FX*\[\]]+)")
_SLOT = re.compile(r"\bsimSlotIndex=(-?\d+)")
_OPERATOR = re.compile(r"m?VoiceOperatorAlphaLong=([^,}]+)")
_CELL = re.compile(r"mRegistered=YES.*?CellIdentity(\w+):\{(.*?)\}")
_CELL_PART = re.compile(r"\b(mMcc|mMnc|mTac|mLac|mCi|mCid|mNci)=\s*(\w+)")
_WIFI = re.compile(r"\bmWifiInfo[:,]?\s+SSID: (.*?), BSSID: (.*?), MAC: (.*?), ")
_ADDRESS = re.compile(r"^\s*[aA]ddress: (\S+)")
_NAME = re.compile(r"^\s*[nN]ame: (.+)")


def iphonesubinfo(lines: Iterable[Line], out: Findings) -> None:
    """Android 4 prints the device id, which is an IMEI on GSM phones and a MEID on CDMA ones."""
    for line in lines:
        found = _DEVICE_ID.match(line.text)
        if found:
            meid = not found[1].isdigit() and of_value(found[1]) is Answer.VALUE
            out.add("meid" if meid else "imei", found[1], line)


def isub(lines: Iterable[Line], out: Findings) -> None:
    """SIMs; a phone that hides the number's end gives a masked one, which is kept and never links."""
    for line in lines:
        sim = _SIM.search(line.text)
        if sim:
            slot = _SLOT.search(line.text)
            out.add("iccid_past" if slot and slot[1].startswith("-") else "iccid", sim[1], line)


def telephony(lines: Iterable[Line], out: Findings) -> None:
    """Operator and the cell that the phone was registered in, as mcc-mnc-area-cell."""
    for line in lines:
        operator = _OPERATOR.search(line.text)
        if operator:
            out.add("carrier", operator[1], line)
        for cell in _CELL.finditer(line.text):
            parts = dict(_CELL_PART.findall(cell[2]))
            area = parts.get("mTac") or parts.get("mLac")
            identity = parts.get("mCi") or parts.get("mCid") or parts.get("mNci")
            known = [parts.get("mMcc"), parts.get("mMnc"), area, identity]
            if all(part and part != "2147483647" for part in known):  # Integer.MAX_VALUE stands for unknown
                out.add("cell_id", "-".join(str(part) for part in known), line)


def wifi(lines: Iterable[Line], out: Findings) -> None:
    """The network in use, and the MAC that the phone shows there."""
    for line in lines:
        found = _WIFI.search(line.text)
        if found:
            ssid = found[1].strip()
            bare = ssid[1:-1] if len(ssid) > 1 and ssid[0] == ssid[-1] == '"' else ssid
            known = bare != "<unknown ssid>"
            out.add("ssid", ssid, line)
            out.add("bssid", found[2], line)
            out.add("wifi_mac", found[3], line, ssid=bare if known else "")


def bluetooth(lines: Iterable[Line], out: Findings) -> None:
    """The adapter's own address and name, which stand before the bonded devices."""
    wanted = {"bt_mac": _ADDRESS, "device_name": _NAME}
    for line in lines:
        for signal, pattern in list(wanted.items()):
            found = pattern.match(line.text)
            if found:
                out.add(signal, found[1], line)
                del wanted[signal]
        if not wanted:
            return
