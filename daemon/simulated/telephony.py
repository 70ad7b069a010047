"""How telephony answers a shell: parcels of Binder and the rows of the siminfo table."""

from __future__ import annotations

import struct

from rackprint.daemon.simulated.unit import Phone, Sim
from rackprint.fingerprint.commands import codes


def parcel(text: str | None) -> str:
    """A reply holding a nullable String16, as ``service`` dumps it: no exception, length, UTF-16LE, padded to words."""
    if text is None:
        return "Result: Parcel(00000000 ffffffff   '........')\n"
    return _printed(struct.pack("<I", 0) + _string(text))


def refusal(why: str) -> str:
    """A reply that is a SecurityException: code -1, the text, and no stack of the other side."""
    return _printed(struct.pack("<i", -1) + _string(why) + struct.pack("<I", 0))


def _string(text: str) -> bytes:
    body = struct.pack("<I", len(text)) + text.encode("utf-16-le") + b"\0\0"
    return body + b"\0" * (-len(body) % 4)


def _printed(body: bytes) -> str:
    lines = []
    for offset in range(0, len(body), 16):
        chunk = body[offset : offset + 16]
        words = " ".join(f"{word:08x}" for (word,) in struct.iter_unpack("<I", chunk))
        shown = "".join(chr(b) if 0x20 <= b < 0x7F else "." for b in chunk)
        lines.append(f"  0x{offset:08x}: {words:<35} '{shown:<16}'")
    return "Result: Parcel(\n" + "\n".join(lines) + ")\n"


def iphonesubinfo(phone: Phone, line: str) -> str:
    """What ``service call iphonesubinfo LINE`` prints. The codes are those of that SDK; what a shell is told differs by
    maker and version, as it does on real phones."""
    words = line.split()
    model, number = phone.model, words[0] if words else ""
    sdk = model.sdk
    open_handed = model.manufacturer in {"Xiaomi", "Google"} and sdk < 34
    if number == str(codes.code(codes.IMEI_OF_SLOT, sdk)) and words[1:2] == ["i32"] and len(words) > 2:
        slot = int(words[2]) if words[2].isdigit() else len(phone.imeis)
        if sdk >= 31 and not open_handed:
            return refusal(
                "getDeviceIdForPhone: The user 2000 does not meet the requirements to access device identifiers."
            )
        return parcel(phone.imeis[slot] if slot < len(phone.imeis) else None)
    if number == str(codes.code(codes.IMEI, sdk)):
        return parcel(phone.imeis[0]) if sdk < 30 else refusal("Package null does not belong to 2000")
    if number == str(codes.code(codes.ICCID, sdk)):
        if sdk >= 29 and not open_handed:
            return refusal(
                "getIccSerialNumber: The user 2000 does not meet the requirements to access device identifiers."
            )
        return parcel(phone.present[0].iccid if phone.present and sdk != 29 else None)
    return parcel(None)


def siminfo(phone: Phone) -> str:
    """Rows of ``content query --uri content://telephony/siminfo``; ``sim_id=-1`` is a SIM no longer in the phone."""
    rows = [(sim, slot) for slot, sim in enumerate(phone.present)] + [(sim, -1) for sim in phone.past]
    return "".join(f"Row: {n} {_row(phone, sim, slot, n + 1)}\n" for n, (sim, slot) in enumerate(rows))


def _row(phone: Phone, sim: Sim, slot: int, number: int) -> str:
    sdk = phone.model.sdk
    columns: dict[str, object] = {
        "_id": number,
        "icc_id": sim.iccid,
        "sim_id": slot,
        "display_name": "Test PLMN 1-1",
        "carrier_name": "Test PLMN 1-1" if slot >= 0 else "NULL",
        "name_source": 3,
        "color": -16746133,
        "number": sim.number if slot >= 0 else "NULL",
        "display_number_format": 1,
        "data_roaming": 0,
        "mcc": 1,
        "mnc": 1,
        "sim_provisioning_status": 0,
        "is_embedded": int(bool(sim.eid)),
        "card_id": sim.eid or sim.iccid,
        "access_rules": "NULL",
        "is_removable": 0,
        "volte_vt_enabled": -1,
        "wfc_ims_mode": -1,
    }
    if sdk >= 29:
        columns |= {
            "mcc_string": "001",
            "mnc_string": "01",
            "is_opportunistic": 0,
            "group_uuid": "NULL",
            "is_metered": 1,
            "iso_country_code": "",
            "carrier_id": -1,
            "subscription_type": 0,
            "imsi": sim.imsi,
        }
    if sdk >= 33:
        columns |= {
            "uicc_applications_enabled": 1,
            "allowed_network_types_for_reasons": "user=850943,carrier=588799",
            "phone_number_source_carrier": "NULL",
            "phone_number_source_ims": "NULL",
            "port_index": 0,
            "usage_setting": 0,
        }
    return ", ".join(f"{name}={value}" for name, value in columns.items())
