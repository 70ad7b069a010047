"""Bugreports: the corpus's real ones, what each section gives, and zips in every bad state."""

import io
import stat
import zipfile

import pytest
from corpus import corpus
from hypothesis import given
from hypothesis import strategies as st
from reading import TAKEN, read, values

from rackprint.fingerprint.parsers import find, inflate
from rackprint.fingerprint.parsers.accounts import account
from rackprint.fingerprint.parsers.bugreport_text import BUGREPORT_TEXT
from rackprint.fingerprint.parsers.bugreport_zip import BUGREPORT_ZIP
from rackprint.fingerprint.parsers.inflate import Bounded, salvage

KEY = "QAAAA" + "Ab9+" * 60
REPORT = f"""========================================================
== dumpstate: 2026-03-02 09:05:00
========================================================

Build fingerprint: 'b/p/d:9/ID/1:user/release-keys'
Command line: console=tty androidboot.serialno=A1B2C3 ro
Bugreport format version: 2.0

------ MEMORY INFO (/proc/meminfo) ------
MemTotal:        1884960 kB

------ SYSTEM PROPERTIES (getprop) ------
[ro.product.model]: [M1]
[ro.build.version.release]: [9]
------ 0.01s was the duration of 'SYSTEM PROPERTIES' ------
------ DUMPSYS CRITICAL (/system/bin/dumpsys) ------
DUMP OF SERVICE CRITICAL SurfaceFlinger:
GLES: Qualcomm, Adreno (TM) 530
-------------------------------------------------------------------------------
DUMP OF SERVICE account:
User UserInfo{{0:Owner:13}}:
  Accounts: 2
    Account {{name=a, b, type=com.facebook.auth.login}}
    Account {{name=u1, type=com.photogram.auth}}
  Accounts History
  1,action_account_add,2025-12-27 05:42:11,10131,accounts,0
--------- 0.006s was the duration of dumpsys account, ending at: 2026-03-02 09:05:00
    Account {{name=after the end, type=com.x.y}}
DUMP OF SERVICE adb:
  user_keys={KEY} farm@pc
  <adbKey key="{KEY}" lastConnection="1" />
DUMP OF SERVICE alarm:
  nowRTC=1772442300000=2026-03-02 10:05:00.000 nowELAPSED=3600000
DUMP OF SERVICE battery:
  USB powered: true
  level: 98
DUMP OF SERVICE bluetooth_manager:
  address: 8C:F5:A3:31:0B:61
  name: M1
  name: bonded headset
DUMP OF SERVICE display:
  mStableDisplaySize=Point(1080, 1920)
DUMP OF SERVICE iphonesubinfo:
  Device ID = 354957030329224
DUMP OF SERVICE isub:
  {{id=1 iccId=8988299164831047974 simSlotIndex=0 displayName=x}}
  {{id=2 iccId=898829916[****] simSlotIndex=-1 displayName=x}}
DUMP OF SERVICE package:
  Package [com.topjohnwu.magisk] (c0244a3):
    codePath=/data/app/com.topjohnwu.magisk-1
  Package [com.android.phone] (c0244a4):
    codePath=/system/priv-app/TeleService
DUMP OF SERVICE power:
  mWakefulness=Asleep
DUMP OF SERVICE settings:
SECURE SETTINGS (user 0)
_id:1 name:android_id pkg:android value:62547dd2c0e3d703 default:62547dd2c0e3d703 defaultSystemSet:true
GLOBAL SETTINGS (user 0)
_id:2 name:stay_on_while_plugged_in pkg:android value:7 default:7 defaultSystemSet:true
_id:3 name:http_proxy pkg:android value::0 default: defaultSystemSet:true
SECURE SETTINGS (user 10)
_id:1 name:android_id value:72547dd2c0e3d703
_id:4 name:default_input_method value:x/.Ime
DUMP OF SERVICE telephony.registry:
  mServiceState={{mVoiceOperatorAlphaLong=Net One, mOperatorNumeric=00101}}
  mCellInfo=[CellInfoLte:{{mRegistered=YES CellIdentityLte:{{ mCi=20481537 mPci=2 mTac=4107 mMcc=001 mMnc=01 }}}}]
  mCellInfo=[CellInfoLte:{{mRegistered=YES CellIdentityLte:{{ mCi=2147483647 mTac=4107 mMcc=001 mMnc=01 }}}}]
DUMP OF SERVICE user:
  UserInfo{{0:Owner:13}} serialNo=0
  UserInfo{{95:DualApps:30}} serialNo=95
DUMP OF SERVICE wifi:
mWifiInfo SSID: "RACK-AP", BSSID: b0:be:76:1d:40:2c, MAC: da:f5:a3:c7:5b:e9, Supplicant state: COMPLETED
------ 97.855s was the duration of 'DUMPSTATE' ------
"""


def test_what_each_section_gives():
    (found,), problems = read(BUGREPORT_TEXT, REPORT.encode())
    assert not problems
    said = {s.name: s.value for s in found.signals if s.name not in {"iccid", "android_id"}}
    wanted = {
        "build_fingerprint": "b/p/d:9/ID/1:user/release-keys", "serial": "A1B2C3", "ram_mb": 1840, "model": "M1",
        "android_version": "9", "gl_renderer": "Qualcomm, Adreno (TM) 530", "usb_charging": "yes", "battery_level": 98,
        "bt_mac": "8C:F5:A3:31:0B:61", "device_name": "M1", "screen": "1080x1920", "imei": "354957030329224",
        "app_set": "com.topjohnwu.magisk", "automation_apps": "com.topjohnwu.magisk", "rooted": "yes",
        "screen_on": "no",
        "stay_awake": "yes", "carrier": "Net One", "cell_id": "001-01-4107-20481537", "user_count": 2,
        "ssid": "RACK-AP",
        "bssid": "B0:BE:76:1D:40:2C", "wifi_mac": "DA:F5:A3:C7:5B:E9", "boot_time": 1772438700,
        "account_history": "2025-12-27 05:42:11 action_account_add uid 10131",
    }  # fmt: skip
    assert {name: said.get(name) for name in wanted} == wanted
    assert "proxy" not in said
    assert "input_method" not in said
    assert values(found, "iccid") == ["8988299164831047974"]
    assert values(found, "iccid_past", valid=False) == ["898829916[****]"]
    assert [s.key for s in found.signals if s.name == "android_id"] == [
        "user:0|62547dd2c0e3d703",
        "user:10|72547dd2c0e3d703",
    ]
    assert next(s for s in found.signals if s.name == "wifi_mac").scope_key == "ssid:RACK-AP"
    assert len(values(found, "adb_host_key", valid=True)) == 1
    assert found.accounts == ("facebook:a, b", "photogram:u1")


def test_its_time_is_turned_to_utc_by_the_phones_own_clocks():
    (found,), _ = read(BUGREPORT_TEXT, REPORT.encode())
    assert f"{found.time:%Y-%m-%d %H:%M}" == "2026-03-02 08:05"  # the phone was an hour ahead


def test_every_position_leads_back_to_the_line():
    data = REPORT.encode()
    (found,), _ = read(BUGREPORT_TEXT, data)
    for signal in found.signals:
        at = signal.position
        line = data[at.offset :].split(b"\n", 1)[0]
        assert line == data.split(b"\n")[at.line - 1]
        if signal.name in {"imei", "android_id", "serial", "model"}:
            assert str(signal.value).encode() in line


def test_a_report_that_breaks_off_is_said_and_read():
    (found,), problems = read(BUGREPORT_TEXT, REPORT[: REPORT.index("DUMP OF SERVICE battery")].encode())
    assert values(found, "serial") == ["A1B2C3"]
    assert "ends before dumpstate was done" in problems[0].reason


def test_a_time_that_is_none_leaves_the_time_it_was_taken():
    text = REPORT.replace("2026-03-02 09:05:00\n=", "2026-13-42 09:05:00\n=")
    (found,), _ = read(BUGREPORT_TEXT, text.encode())
    assert found.time == TAKEN


def test_the_android_10_report_of_the_corpus():
    path = corpus("android/bugreport/bugreport-sailfish-QP1A.191005.007.A3-2020-01-08-15-30-07.zip")
    (found,), problems = read(BUGREPORT_ZIP, path.read_bytes())
    assert not problems
    assert values(found, "serial") == ["FA69P0301911"]
    assert values(found, "model") == ["Pixel"]
    assert values(found, "bt_mac") == ["AC:37:43:88:FE:F1"]
    assert values(found, "build_fingerprint")[0].startswith("google/sailfish/sailfish:10/QP1A.191005.007.A3/")
    assert len(values(found, "adb_host_key")) == 2
    assert values(found, "user_count") == [2]
    assert values(found, "wifi_mac", valid=True) == []
    assert found.accounts == ()
    assert f"{found.time:%Y-%m-%d %H:%M:%S}" == "2020-01-08 14:30:07"
    assert next(s for s in found.signals if s.name == "serial").position.member.endswith(".txt")


def test_the_2011_report_of_the_corpus():
    (found,), _ = read(BUGREPORT_TEXT, corpus("android/bugreport/bugreport_deadlock.txt").read_bytes())
    assert values(found, "serial") == ["HT9CMP803066"]
    assert values(found, "imei", valid=True) == ["354957030329224"]
    assert values(found, "model") == ["Nexus One"]
    assert found.accounts == ("google:user01@example.org",)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("com.google", "google:x"),
        ("com.photogram.auth", "photogram:x"),
        ("org.telegram.messenger", "telegram:x"),
        ("www.example.account", "www.example.account:x"),
        ("LOCAL", "local:x"),
        ("a:b", "a_b:x"),
    ],
)
def test_account_types_become_platforms(kind, name):
    assert account("x", kind) == name


def zipped(members, **options) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.external_attr = (stat.S_IFLNK | 0o777) << 16
    return found


GOOD = [("version.txt", "2.0"), ("bugreport-m1.txt", REPORT), ("FS/data/x.txt", "x")]


def test_a_zip_gives_what_its_text_gives_with_the_member_named():
    (found,), problems = read(BUGREPORT_ZIP, zipped(GOOD))
    assert not problems
    assert find(zipped(GOOD), "x.zip") is BUGREPORT_ZIP
    assert values(found, "serial") == ["A1B2C3"]
    assert found.signals[0].position.member == "bugreport-m1.txt"


def test_names_that_lead_out_and_links_are_refused_and_the_rest_is_read():
    bad = [("../../etc/bugreport-x.txt", REPORT), ("/bugreport.txt", "x"), (link("bugreport-l.txt"), "/etc/passwd")]
    (found,), problems = read(BUGREPORT_ZIP, zipped([*bad, *GOOD]))
    assert values(found, "serial") == ["A1B2C3"]
    assert [(p.position.member, p.reason.partition(" ")[2][:9]) for p in problems] == [
        ("../../etc/bugreport-x.txt", "name lead"),
        ("/bugreport.txt", "name lead"),
        ("bugreport-l.txt", "is a symb"),
    ]


@pytest.mark.parametrize(
    ("method", "streamed"),
    [(zipfile.ZIP_DEFLATED, False), (zipfile.ZIP_DEFLATED, True), (zipfile.ZIP_STORED, False)],
)
def test_a_truncated_zip_gives_what_is_there(method, streamed):
    out = io.BytesIO()

    class Pipe(io.RawIOBase):  # a zip written to a pipe has its sizes behind the data
        def writable(self):
            return True

        def write(self, data):
            return out.write(data)

    with zipfile.ZipFile(Pipe() if streamed else out, "w", method) as archive:
        for name, content in GOOD[:2]:
            archive.writestr(name, content)
    data = out.getvalue()
    (found,), problems = read(BUGREPORT_ZIP, data[: data.index(b"PK\x01\x02") - 40])
    assert values(found, "serial") == ["A1B2C3"]
    assert "cut off" in problems[0].reason


def test_a_zip_that_lost_bytes_in_the_middle_gives_what_is_there():
    data = zipped([("bugreport-m1.txt", REPORT), ("noise.bin", "".join(map(str, range(5000))))])
    cut = data[:-2000] + data[-1900:]  # the directory's offsets now lead nowhere
    (found,), problems = read(BUGREPORT_ZIP, cut)
    assert values(found, "serial") == ["A1B2C3"]
    assert "directory does not fit" in problems[0].reason


def test_a_zip_bomb_is_stopped(monkeypatch):
    monkeypatch.setattr(inflate, "RATIO_FROM", 1 << 20)
    bomb = REPORT.encode() + b"\0" * (64 << 20)
    (found,), problems = read(BUGREPORT_ZIP, zipped([("bugreport-m1.txt", bomb)]))
    assert values(found, "serial") == ["A1B2C3"]
    assert any("a zip bomb" in p.reason and p.position.member for p in problems)


def test_the_size_limit_holds_whatever_the_ratio():
    bounded = Bounded(io.BytesIO(b"x" * 1000), 0, limit=500)
    assert len(io.BufferedReader(bounded, 100).read()) == 500
    assert "zip bomb" in bounded.stopped


def test_a_damaged_member_keeps_what_came_before():
    data = bytearray(zipped([("bugreport-m1.txt", REPORT + "\n".join(map(str, range(200_000))))]))
    data[len(data) // 2] ^= 0xFF
    (found,), problems = read(BUGREPORT_ZIP, bytes(data))
    assert values(found, "serial") == ["A1B2C3"]
    assert any("damaged" in p.reason for p in problems)


def test_an_encrypted_member_and_a_zip_without_a_report_are_said():
    data = bytearray(zipped([("bugreport-m1.txt", REPORT)]))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    found, problems = read(BUGREPORT_ZIP, bytes(data))
    assert not found
    assert "encrypted" in problems[0].reason
    assert "no bugreport text" in read(BUGREPORT_ZIP, zipped([("version.txt", "2.0")]))[1][0].reason
    assert "no bugreport text" in read(BUGREPORT_ZIP, zipped(GOOD[:1])[:40])[1][-1].reason


def test_a_text_under_another_name_is_found():
    (found,), _ = read(BUGREPORT_ZIP, zipped([("version.txt", "2"), ("dumpstate-m1.txt", REPORT)]))
    assert values(found, "serial") == ["A1B2C3"]


def test_salvage_stops_at_what_it_cannot_pass():
    assert list(salvage(io.BytesIO(b""))) == []
    assert list(salvage(io.BytesIO(b"PK\x03\x04" + b"\0" * 10))) == []
    odd = bytearray(zipped([("a.txt", "x")]))
    odd[8] = 99  # a compression method that no phone uses
    assert list(salvage(io.BytesIO(bytes(odd)))) == []


@given(st.binary(max_size=400), st.integers(0, 3000))
def test_no_bytes_make_a_bugreport_parser_raise(data, at):
    whole = zipped(GOOD)
    for parser, body in ((BUGREPORT_ZIP, whole), (BUGREPORT_TEXT, REPORT.encode())):
        at %= len(body)
        for changed in (data, body[:at] + data + body[at + len(data) :], body[:at]):
            read(parser, changed)
            parser.probe(changed, "bugreport.zip")
