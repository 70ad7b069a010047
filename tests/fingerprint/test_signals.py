import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.fingerprint.model import Scope, SourceKind, Tier
from rackprint.fingerprint.signals import REGISTRY, read_signal, scope_key, spec, tier

DESIGN = {
    Tier.HARDWARE: "imei meid serial usb_serial wifi_mac bt_mac emmc_cid ufs_serial cpu_serial battery_serial eid "
    "drm_id exhibit",
    Tier.INSTALL: "android_id gaid gsf_id app_instance boot_id",
    Tier.SUBSCRIBER: "iccid imsi msisdn",
    Tier.CONTEXT: "ip bssid ssid usb_path hub adb_host_key cell_id hostname",
    Tier.CLASS: "brand model device build_fingerprint android_version security_patch kernel baseband bootloader cpu "
    "ram_mb storage_gb battery_capacity_mah screen density gl_renderer sensors locale timezone carrier user_agent ja4 "
    "dhcp_params dhcp_vendor tcp_syn app_set",
    Tier.MEASURE: "boot_time clock_skew_ppm storage_free_mb battery_level boot_count",
    Tier.OPERATION: "usb_charging screen_on brightness volume adb_enabled developer_options accessibility_services "
    "automation_apps mirroring mock_location proxy rooted user_count sim_state orientation",
}


def test_every_signal_of_the_design_has_its_tier():
    for wanted, names in DESIGN.items():
        for name in names.split():
            assert REGISTRY[name].tier is wanted, name


def test_only_hardware_and_install_signals_tie():
    assert {s.tier for s in REGISTRY.values() if s.ties} == {Tier.HARDWARE, Tier.INSTALL}
    for found in REGISTRY.values():
        assert found.ties == (found.u_bits > 0), found.name
        assert (found.scope is Scope.NONE) == (not found.ties), found.name


@pytest.mark.parametrize("entry", [s for s in REGISTRY.values() if s.deny], ids=lambda s: s.name)
def test_what_is_on_a_deny_list_never_links(entry):
    for value in entry.deny:
        assert not read_signal(entry.name, value).valid, value


@given(st.sampled_from([*REGISTRY, "no_such_signal"]), st.one_of(st.text(), st.integers(), st.floats()))
def test_reading_never_raises_and_keeps_the_raw_value(name, raw):
    found = read_signal(name, raw)
    assert found.raw == str(raw)
    assert found.valid == (not found.why)


def test_an_unknown_signal_is_kept_and_never_ties():
    found = read_signal("shoe_size", "42")
    assert (found.value, found.valid) == ("42", True)
    assert tier(found) is Tier.UNKNOWN
    assert not spec("shoe_size").ties


@pytest.mark.parametrize(
    ("name", "kind", "app", "ssid", "key"),
    [
        ("imei", SourceKind.PLATFORM, "com.x", "", ""),
        ("android_id", SourceKind.PLATFORM, "com.x", "", "app:com.x"),
        ("android_id", SourceKind.PLATFORM, "", "", "app:photogram"),
        ("android_id", SourceKind.RECORD, "", "", "app:photogram"),
        ("android_id", SourceKind.ACQUISITION, "com.x", "", "app:com.x"),
        ("android_id", SourceKind.ACQUISITION, "", "", "user:0"),
        ("drm_id", SourceKind.ACQUISITION, "", "", "user:0"),
        ("gaid", SourceKind.PLATFORM, "com.x", "", ""),
        ("wifi_mac", SourceKind.CAPTURE, "", "RACK", "ssid:RACK"),
        ("wifi_mac", SourceKind.CAPTURE, "", "", ""),
    ],
)
def test_values_compare_inside_one_scope_only(name, kind, app, ssid, key):
    assert scope_key(name, source_kind=kind, source="photogram", app=app, ssid=ssid) == key


def test_a_global_mac_is_the_units_and_a_randomised_one_its_networks():
    fixed = read_signal("wifi_mac", "8c:f5:a3:31:0b:61", scope_key="ssid:RACK")
    assert (fixed.key, tier(fixed)) == ("8C:F5:A3:31:0B:61", Tier.HARDWARE)
    made_up = read_signal("wifi_mac", "da:a1:19:31:0b:61", scope_key="ssid:RACK")
    assert (made_up.key, tier(made_up)) == ("ssid:RACK|DA:A1:19:31:0B:61", Tier.INSTALL)
    nowhere = read_signal("wifi_mac", "da:a1:19:31:0b:61")
    assert not nowhere.valid


@pytest.mark.parametrize(
    ("name", "raw", "value", "valid"),
    [
        ("boot_time", "1771728752", 1771728752, True),
        ("clock_skew_ppm", "-12.5", -12.5, True),
        ("boot_time", "inf", "inf", False),
        ("boot_time", "soon", "soon", False),
        ("boot_time", "-1e308", "-1e308", False),
        ("adb_enabled", "1", "yes", True),
        ("adb_enabled", "False", "no", True),
        ("adb_enabled", "maybe", "maybe", False),
        ("ssid", '"RACK-AP"', "RACK-AP", True),
        ("ssid", "<unknown ssid>", "<unknown ssid>", False),
        ("model", "  ", "", False),
        ("adb_host_key", "QAAAA short", "QAAAA short", False),
    ],
)
def test_plain_readers(name, raw, value, valid):
    found = read_signal(name, raw)
    assert (found.value, found.valid) == (value, valid)


def test_an_adb_key_is_named_by_its_hash_whatever_its_comment():
    key = "QAAAA" + "x" * 700
    assert read_signal("adb_host_key", f"{key} farm@pc").value == read_signal("adb_host_key", key).value
    assert re.fullmatch("sha256:[0-9a-f]{32}", read_signal("adb_host_key", key).value)


def test_the_registry_loads_nothing_heavy():
    code = "import rackprint.fingerprint.signals, sys; print({'stdnum', 'pyarrow', 'scapy'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert shown.stdout.strip() == "set()"
