"""The registry of signals: what each can prove, where its values compare, and how a raw text becomes its normal form.

It is data, in one place: :data:`REGISTRY`. Tiers and scopes are those of the design; ``u_bits`` are shipped priors for
-log2 of the chance that two different devices show the same valid value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite
from types import MappingProxyType

from rackprint.fingerprint.identifiers import drm, eid, exhibit, iccid, imei, imsi, install, mac, masks, meid, serial
from rackprint.fingerprint.model import Identifier, Position, Scope, Signal, SourceKind, Tier, Value

Read = Callable[[str], tuple[Value, bool, str]]


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """One signal. ``cardinality`` is how many valid values one unit may hold at once (0: no limit, so two values never
    contradict); ``tolerance`` is how far two numbers may lie apart and still agree, in the signal's own unit;
    ``epoch`` is what ends a value's life ("reset", "reboot" or "" for never); ``deny`` lists the placeholders that
    ``read`` refuses; ``canonical`` is a pattern of texts that are their own normal form, unless they are denied or end
    in one character over and over."""

    name: str
    tier: Tier
    scope: Scope
    read: Read
    cardinality: int = 0
    tolerance: float = 0.0
    deny: frozenset[str] = frozenset()
    u_bits: float = 0.0
    numeric: bool = False
    epoch: str = ""
    canonical: str = ""

    @property
    def ties(self) -> bool:
        """Whether an equal valid value may tie two observations."""
        return self.tier in {Tier.HARDWARE, Tier.INSTALL}


def _text(raw: str) -> tuple[Value, bool, str]:
    value = raw.strip()
    return value, bool(value), "" if value else "empty"


def _lower(raw: str) -> tuple[Value, bool, str]:
    return _text(raw.lower())


def _ssid(raw: str) -> tuple[Value, bool, str]:
    """dumpsys wifi quotes an SSID that is text; ``<unknown ssid>`` is Android's word for none."""
    value = raw.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    known = value not in {"", "<unknown ssid>", "<none>", "0x"}
    return value, known, "" if known else "no network"


_LARGEST = 1e18  # no measure is larger, and whole numbers stay within 64 bits


def _number(raw: str) -> tuple[Value, bool, str]:
    text = raw.strip()
    try:
        value = float(text)
    except ValueError:
        return text, False, "not a number"
    if not isfinite(value) or abs(value) > _LARGEST:
        return text, False, "not a finite number" if not isfinite(value) else "out of range"
    return (int(value) if value.is_integer() else value), True, ""


def _flag(raw: str) -> tuple[Value, bool, str]:
    word = raw.strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return "yes", True, ""
    if word in {"0", "false", "no", "off"}:
        return "no", True, ""
    return word, False, "neither yes nor no"


_KEY_HASH = re.compile("sha256:[0-9a-f]{32}")


def _adb_key(raw: str) -> tuple[Value, bool, str]:
    """An adb public key (base64, with a comment ``user@host`` or none) by its SHA-256; that hash reads as itself."""
    if _KEY_HASH.fullmatch(raw.strip()):
        return raw.strip(), True, ""
    body = raw.split(maxsplit=1)[0] if raw.strip() else ""
    if len(body) < 100:
        return raw.strip(), False, "no adb public key"
    return f"sha256:{sha256(body.encode()).hexdigest()[:32]}", True, ""


def _of(read: Callable[[str], Identifier]) -> Read:
    def values(raw: str) -> tuple[Value, bool, str]:
        found = read(raw)
        return found.value, found.valid, found.why

    return values


def _hardware(
    name: str, read: Callable[[str], Identifier], cardinality: int, u_bits: float, deny: frozenset[str] = frozenset()
) -> SignalSpec:
    return SignalSpec(name, Tier.HARDWARE, Scope.UNIT, _of(read), cardinality, deny=deny, u_bits=u_bits)


def _all(tier: Tier, names: str, read: Read = _text) -> list[SignalSpec]:
    return [SignalSpec(name, tier, Scope.NONE, read, numeric=read is _number) for name in names.split()]


_SPECS: list[SignalSpec] = [
    # `handset` is a slot in a run, which is its scope: the files of a slot are of one phone, and two slots are two.
    # A second radio or a docked USB gadget may show a second MAC; a dual-SIM phone has two IMEIs; parts such as the
    # battery are replaced, so two values of them do not contradict.
    _hardware("exhibit", exhibit.read, 1, 60.0),
    _hardware("handset", exhibit.read, 1, 50.0),
    _hardware("imei", imei.read, 2, 34.0, imei.DENY),
    _hardware("meid", meid.read, 1, 34.0, meid.DENY),
    _hardware("serial", serial.read, 1, 32.0, serial.DENY),
    _hardware("label_serial", serial.read, 1, 32.0, serial.DENY),
    _hardware("usb_serial", serial.read, 1, 32.0, serial.DENY),
    _hardware("wifi_mac", mac.read, 1, 36.0, mac.DENY),
    _hardware("bt_mac", mac.read, 1, 36.0, mac.DENY),
    _hardware("emmc_cid", serial.read_part, 1, 40.0, serial.DENY),
    _hardware("ufs_serial", serial.read_part, 1, 36.0, serial.DENY),
    # Of a chip, makers print one number under several names, whole or in part: two texts may be one part.
    _hardware("cpu_serial", serial.read_part, 2, 36.0, serial.DENY),
    _hardware("soc_serial", serial.read_part, 1, 36.0, serial.DENY),  # Qualcomm's own number, socinfo in sysfs
    _hardware("ufs_number", serial.read_part, 1, 36.0, serial.DENY),  # Samsung's; it holds more than the serial
    _hardware("battery_serial", serial.read_part, 0, 24.0, serial.DENY),
    _hardware("eid", eid.read, 0, 40.0),
    SignalSpec("drm_id", Tier.HARDWARE, Scope.APP, _of(drm.read), u_bits=40.0, canonical="^[0-9a-f]{32,128}$"),
    SignalSpec(
        "android_id",
        Tier.INSTALL,
        Scope.APP,
        _of(install.android_id),
        deny=install.DENY,
        u_bits=34.0,
        epoch="reset",
        canonical="^[0-9a-f]{16}$",
    ),
    SignalSpec(
        "gaid",
        Tier.INSTALL,
        Scope.UNIT,
        _of(install.uuid),
        u_bits=34.0,
        epoch="reset",
        canonical="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    ),
    SignalSpec("gsf_id", Tier.INSTALL, Scope.UNIT, _of(install.gsf_id), u_bits=32.0, epoch="reset"),
    SignalSpec(
        "app_instance",
        Tier.INSTALL,
        Scope.APP,
        _of(install.token),
        u_bits=34.0,
        epoch="reset",
        canonical="^[A-Za-z0-9_:]{8,}$",
    ),
    SignalSpec("boot_id", Tier.INSTALL, Scope.UNIT, _of(install.uuid), u_bits=40.0, epoch="reboot"),
    *[SignalSpec(n, Tier.SUBSCRIBER, Scope.NONE, _of(iccid.read)) for n in ("iccid", "iccid_past")],
    *[SignalSpec(n, Tier.SUBSCRIBER, Scope.NONE, _of(imsi.read)) for n in ("imsi", "imsi_past")],
    SignalSpec("msisdn", Tier.SUBSCRIBER, Scope.NONE, _of(imsi.msisdn)),
    SignalSpec("imeisv", Tier.CLASS, Scope.NONE, _of(imei.read_sv)),
    SignalSpec("bssid", Tier.CONTEXT, Scope.NONE, _of(mac.read)),
    SignalSpec("adb_host_key", Tier.CONTEXT, Scope.NONE, _adb_key),
    SignalSpec("ssid", Tier.CONTEXT, Scope.NONE, _ssid),
    *_all(Tier.CONTEXT, "account ip usb_path hub cell_id hostname device_name sni dns_name probe_ssid"),
    *_all(
        Tier.CLASS,
        "brand model device product board manufacturer build_fingerprint android_version sdk security_patch kernel "
        "baseband bootloader cpu screen density gl_renderer sensors locale timezone carrier operator user_agent ja4 "
        "dhcp_params dhcp6_params dhcp_vendor tcp_syn probe_ies app_set factory_barcode usb_id usb_product soc",
    ),
    *_all(Tier.CLASS, "ram_mb storage_gb battery_capacity_mah", _number),
    SignalSpec("boot_time", Tier.MEASURE, Scope.NONE, _number, tolerance=5.0, numeric=True),
    *_all(Tier.MEASURE, "clock_skew_ppm phones_behind storage_free_mb battery_level boot_count first_boot", _number),
    *_all(
        Tier.OPERATION,
        "usb_charging screen_on adb_enabled developer_options mirroring mock_location rooted stay_awake",
        _flag,
    ),
    *_all(Tier.OPERATION, "brightness volume user_count screen_off_timeout_ms", _number),
    SignalSpec(
        "lab_adb_key", Tier.OPERATION, Scope.NONE, _adb_key
    ),  # of the host that acquired: says nothing of a rack
    *_all(
        Tier.OPERATION,
        "accessibility_services automation_apps proxy sim_state orientation account_history input_method user_name",
    ),
]

_IDENTIFYING = {Tier.HARDWARE, Tier.INSTALL, Tier.SUBSCRIBER}

REGISTRY: Mapping[str, SignalSpec] = MappingProxyType({s.name: s for s in _SPECS})


def spec(name: str) -> SignalSpec:
    """The registry's entry; a name it does not know is kept as UNKNOWN, which never ties."""
    return REGISTRY.get(name) or SignalSpec(name, Tier.UNKNOWN, Scope.NONE, _text)


def tier(signal: Signal) -> Tier:
    """A signal's tier; a locally administered Wi-Fi MAC lasts until its network is forgotten: an install id."""
    if signal.name == "wifi_mac" and mac.is_local(str(signal.value)):
        return Tier.INSTALL
    return spec(signal.name).tier


def read_signal(
    name: str, raw: Value, *, scope_key: str = "", parser: str = "", position: Position = Position()
) -> Signal:
    """Normalises ``raw`` by the registry; never raises: a value that does not hold is kept with ``valid`` False.

    A global MAC is the unit's on every network; a randomised one without a network to be steady on cannot link."""
    entry = spec(name)
    text = str(raw)
    value, valid, why = entry.read(text)
    if not valid and entry.tier in _IDENTIFYING and masks.masked(text):
        why = "masked"
    if valid and name == "wifi_mac":
        if not mac.is_local(str(value)):
            scope_key = ""
        elif not scope_key:
            valid, why = False, "randomised, and its network is not known"
    return Signal(name, value, text, valid, why, scope_key, parser, position)


def scope_key(name: str, *, source_kind: SourceKind, source: str, app: str = "", ssid: str = "") -> str:
    """The space in which a value of ``name`` from this source is unique; empty for the unit.

    App scope is the app, else the source that reported it; an acquisition without an app reads the value of user 0.
    A Wi-Fi MAC gets its network's scope, which :func:`read_signal` drops where the MAC turns out to be global."""
    if name == "wifi_mac":
        return f"ssid:{ssid}" if ssid else ""
    if spec(name).scope is Scope.APP:
        if app:
            return f"app:{app}"
        return "user:0" if source_kind is SourceKind.ACQUISITION else f"app:{source}"
    return ""
