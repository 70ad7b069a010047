"""Every command of the table as phones of Android 4.4, 8, 11 and 14 answer it: what it gives, and what it gives not."""

import io
import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.fingerprint import ndjson
from rackprint.fingerprint.commands import table
from rackprint.fingerprint.commands.asked import asked
from rackprint.fingerprint.commands.model import Phone
from rackprint.fingerprint.commands.record import Record, State, pack
from rackprint.fingerprint.model import ArtifactInfo, Observation, Problem
from rackprint.fingerprint.parsers.adb.readers import FILES, UNREAD, reader
from rackprint.fingerprint.parsers.adb_record import ADB_RECORD

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
CONTEXT = {"handset", "usb_path", "hub"}
KEY = "QAAAA" + "Ab9+" * 175
IMEI = """Result: Parcel(
  0x00000000: 00000000 0000000f 00390034 00310030 '........4.9.0.1.'
  0x00000010: 00340035 00300032 00320033 00370033 '5.4.2.0.3.2.3.7.'
  0x00000020: 00310035 00000038                   '5.1.8...        ')
"""
ICCID = """Result: Parcel(
  0x00000000: 00000000 00000013 00390038 00340034 '........8.9.4.4.'
  0x00000010: 00330035 00350038 00330032 00300030 '5.3.8.5.2.3.0.0.'
  0x00000020: 00370034 00340031 00310034 00000039 '4.7.1.4.4.1.9...')
"""
NULL = "Result: Parcel(00000000 ffffffff   '........')\n"
DENIED = "Result: Parcel(ffffffff 00000028 00650052 00750071 '....(...R.e.q.u.')\n"
NO_CALL = 'Result: Parcel(Error: 0xffffffffffffffb6 "Unknown error 74")\n'
SECURE = {
    "android_id": "f6fbfcbcd8c63728", "bluetooth_address": "8C:F5:A3:31:0B:62", "adb_enabled": "1",
    "enabled_accessibility_services": "com.autotap.agent/.TapService", "default_input_method": "a.b/.C",
}  # fmt: skip
GLOBAL = {
    "adb_enabled": "1",
    "boot_count": "41",
    "stay_on_while_plugged_in": "7",
    "http_proxy": ":0",
    "device_name": "M1",
}
SECURE_GIVES = {
    "android_id": "f6fbfcbcd8c63728", "bt_mac": "8C:F5:A3:31:0B:62", "adb_enabled": "yes",
    "accessibility_services": "com.autotap.agent/.TapService", "input_method": "a.b/.C",
}  # fmt: skip
GLOBAL_GIVES = {"adb_enabled": "yes", "boot_count": 41, "stay_awake": "yes", "device_name": "M1"}
PACKAGE = """Packages:
  Package [com.autotap.agent] (3f2a1b):
    userId=10150
    codePath=/data/app/com.autotap.agent-1
  Package [com.android.settings] (aa):
    codePath=/system/priv-app/Settings
"""
APPS = {"app_set": "com.autotap.agent", "automation_apps": "com.autotap.agent"}
DUMP = f"""Currently running services:
  account
  battery
-------------------------------------------------------------------------------
DUMP OF SERVICE account:
    Account {{name=u1, type=com.photogram.auth}}
--------- 0.006s was the duration of dumpsys account, ending at: 2026-03-01 08:00:00
-------------------------------------------------------------------------------
DUMP OF SERVICE alarm:
  nowRTC={EPOCH}000=2026-03-01 09:00:00.000 nowELAPSED=3600000
-------------------------------------------------------------------------------
DUMP OF SERVICE battery:
  USB powered: true
  level: 98
"""
REPORT = f"""========================================================
== dumpstate: 2026-03-01 09:00:00
========================================================
Bootloader: B1
{DUMP}"""


def rows(settings):
    return "".join(f"Row: {n} _id={n + 1}, name={k}, value={v}\n" for n, (k, v) in enumerate(settings.items()))


def listed(settings):
    return "".join(f"{k}={v}\n" for k, v in settings.items())


def sim(more=""):
    return f"Row: 0 _id=1, icc_id=8944538523004714419, sim_id=0, display_name=A, carrier_name=Test, mcc=1{more}\n"


# command, SDK, answer, what it gives
GIVES = [
    ("boot-id", 34, "0e8b6ab2-9a35-4f4b-8c0e-2b1f6c9d7e11\n", {"boot_id": "0e8b6ab2-9a35-4f4b-8c0e-2b1f6c9d7e11"}),
    ("getprop", 19, "[ro.serialno]: [A1B2C3]\n[ro.product.model]: [M1]\n", {"serial": "A1B2C3", "model": "M1"}),
    ("imei", 19, IMEI, {"imei": "490154203237518"}),
    ("imei-1", 30, IMEI, {"imei": "490154203237518"}),
    ("iccid", 28, ICCID, {"iccid": "8944538523004714419"}),
    ("uptime", 19, f"3600.52 9000.10\n{EPOCH}\n", {"boot_time": EPOCH - 3601}),
    ("uptime", 34, f"120.00 400.10\n{EPOCH + 12}\n", {"boot_time": EPOCH - 108}),
    ("siminfo", 19, sim(), {"iccid": "8944538523004714419", "carrier": "Test"}),
    ("siminfo", 34, sim(", imsi=001010123456789"), {"iccid": "8944538523004714419", "imsi": "001010123456789"}),
    ("isub", 26, "  {id=1, iccId=8944538523004714419 simSlotIndex=0}\n", {"iccid": "8944538523004714419"}),
    ("iphonesubinfo", 22, "Phone Subscriber Info:\n  Phone Type = GSM\n  Device ID = 490154203237518\n",
     {"imei": "490154203237518"}),
    ("telephony-registry", 30, "  mServiceState={mVoiceOperatorAlphaLong=Test PLMN 1-1, mX=1}\n",
     {"carrier": "Test PLMN 1-1"}),
    ("account", 26, "User UserInfo{0:Owner:13}:\n    Account {name=u1, type=com.photogram.auth}\n",
     {"account": "photogram:u1"}),
    ("users", 19, "Users:\n\tUserInfo{0:Owner:13} running\n\tUserInfo{10:Clone:30}\n", {"user_count": 2}),
    ("packages", 19, "package:/system/app/Phone.apk=com.android.phone\npackage:/data/app/com.autotap.agent-1.apk="
     "com.autotap.agent\n", APPS),
    ("packages", 30, "package:/data/app/~~Zk3w==/com.autotap.agent-Qx9==/base.apk=com.autotap.agent uid:10150\n", APPS),
    ("settings-secure", 19, rows(SECURE), SECURE_GIVES),
    ("settings-global", 19, rows(GLOBAL), GLOBAL_GIVES),
    ("settings-secure", 30, listed(SECURE), SECURE_GIVES),
    ("settings-global", 34, listed(GLOBAL), GLOBAL_GIVES),
    ("adb-keys", 19, f"{KEY} farm@pc\n", {"adb_host_key"}),
    ("adb", 30, f"ADB MANAGER STATE (dumpsys adb):\n    user_keys={KEY} farm@pc\n", {"adb_host_key"}),
    ("usb", 19, f"USB Manager State:\n  USB Debugging State:\n    User keys:\n{KEY} farm@pc\n", {"adb_host_key"}),
    ("battery", 19, "  USB powered: true\n  level: 97\n", {"usb_charging": "yes", "battery_level": 97}),
    ("power", 26, "Power Manager State:\n  mWakefulness=Asleep\n", {"screen_on": "no"}),
    ("display", 30, "  mStableDisplaySize=Point(1080, 1920)\n", {"screen": "1080x1920"}),
    ("display", 19, '    mBaseDisplayInfo=DisplayInfo{"Built-in Screen", app 720 x 1280, real 720 x 1280}\n',
     {"screen": "720x1280"}),
    ("sensorservice", 19,
     "Sensor List:\nBMA150 3-axis Accelerometer        | Bosch         | 0x00000000 | maxRate=   0.00Hz | last=< 1>\n"
     "AK8973 Orientation sensor  | Asahi Kasei  | 0x00000002 | maxRate= 0.00Hz | last=<0>\n5 h/w sensors:\na|b|c\n",
     {"sensors": "AK8973 Orientation sensor; BMA150 3-axis Accelerometer"}),
    ("sensorservice", 30,
     "Sensor Device:\nTotal 2 h/w sensors, 2 running:\nSensor List:\n"
     "0x00000001) BMI160 accelerometer      | Bosch           | ver: 1 | type: android.sensor.accelerometer(1) |\n"
     "\tcontinuous | minRate=6.25Hz | maxRate=400.00Hz | FIFO (max,reserved) = (5736, 3000) events | non-wakeUp | \n"
     "Fusion States:\n9-axis fusion disabled (0 clients) | x | y\n", {"sensors": "BMI160 accelerometer"}),
    ("bluetooth-manager", 19, "Bluetooth Status\n  address: 8C:F5:A3:31:0B:62\n  name: M1\n",
     {"bt_mac": "8C:F5:A3:31:0B:62", "device_name": "M1"}),
    ("wifi", 26, 'mWifiInfo SSID: "RACK", BSSID: 0c:80:63:11:22:33, MAC: 8c:f5:a3:31:0b:61, Supplicant state: X\n',
     {"wifi_mac": "8C:F5:A3:31:0B:61", "ssid": "RACK", "bssid": "0C:80:63:11:22:33"}),
    ("netcfg", 19, "lo       UP      127.0.0.1/8   0x00000049 00:00:00:00:00:00\n"
     "p2p0     UP      0.0.0.0/0     0x00001003 8e:f5:a3:31:0b:61\n"
     "wlan0    UP      192.0.2.7/24  0x00001043 8c:f5:a3:31:0b:61\n", {"wifi_mac": "8C:F5:A3:31:0B:61"}),
    ("ip-link", 30, "1: lo: <LOOPBACK,UP> mtu 65536\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
     "23: wlan0: <BROADCAST,UP> mtu 1500\n    link/ether 8c:f5:a3:31:0b:61 brd ff:ff:ff:ff:ff:ff\n"
     "24: p2p0: <BROADCAST> mtu 1500\n    link/ether 8e:f5:a3:31:0b:61 brd ff:ff:ff:ff:ff:ff\n",
     {"wifi_mac": "8C:F5:A3:31:0B:61"}),
    ("wlan-address", 26, "8c:f5:a3:31:0b:61\n", {"wifi_mac": "8C:F5:A3:31:0B:61"}),
    ("cpuinfo", 19, "Processor\t: ARMv7\nHardware\t: SAMSUNG M2\nRevision\t: 000c\nSerial\t\t: 3a1f00c9d2e4b871\n",
     {"soc": "SAMSUNG M2", "cpu_serial": "3A1F00C9D2E4B871"}),
    ("kernel", 30, "Linux version 4.14.117 (b@h) #1 SMP\n", {"kernel": "Linux version 4.14.117 (b@h) #1 SMP"}),
    ("meminfo", 30, "MemTotal:        1884960 kB\nMemFree: 1 kB\n", {"ram_mb": 1840}),
    ("partitions", 19, "major minor  #blocks  name\n\n 179        0   15388672 mmcblk0\n"
     " 179        1      20480 mmcblk0p1\n"
     " 179       32   31166976 mmcblk1\n", {"storage_gb": 16}),
    ("partitions", 30, " 8  0  122855424 sda\n 8  1  1 sda1\n 8 16  4096 sdb\n 179 0 31166976 mmcblk0\n",
     {"storage_gb": 128}),
    ("emmc-cid", 19, "15010042424e544d42072d5a7c1a8301\n", {"emmc_cid": "15010042424E544D42072D5A7C1A8301"}),
    ("ufs-serial", 30, "3c2a9f11d07b\n", {"ufs_serial": "3C2A9F11D07B"}),
    ("ufs-number", 30, "CE0123A9F11D07B54C\n", {"ufs_number": "CE0123A9F11D07B54C"}),
    ("soc-serial", 30, "3268469741\n", {"soc_serial": "3268469741"}),
    ("battery-serial", 30, "R3A1F00C9D\n", {"battery_serial": "R3A1F00C9D"}),
    ("package", 30, PACKAGE, APPS),
    ("dumpsys", 30, DUMP, {"account": "photogram:u1", "boot_time": EPOCH - 3600, "battery_level": 98}),
    ("bugreport", 19, REPORT, {"bootloader": "B1", "account": "photogram:u1", "boot_time": EPOCH - 3600}),
]  # fmt: skip


def every():
    """Each command of the table, for any phone."""
    phones = [Phone(sdk=sdk, maker="samsung", slots=2) for sdk in range(14, 37)]
    return {c for phone in phones for c in (*table.FIRST, *table.commands(phone, slow=True))}


def parser_of(name, sdk):
    phone = Phone(sdk=sdk, maker="samsung", slots=2)
    return next(c.parser for c in (*table.FIRST, *table.commands(phone, slow=True)) if c.name == name)


def packed(name, sdk, answer, stderr=b"", **more):
    fields = {"state": State.COMPLETE, "exit_code": 0, "parser": parser_of(name, sdk), "ended": NOW, **more}
    record = Record(acquisition="bench@1", slot="1-1.2", command=name, table=table.VERSION, line=name, sdk=sdk,
                    started=NOW - timedelta(seconds=1), **fields)  # fmt: skip
    return pack(record, answer if isinstance(answer, bytes) else answer.encode(), stderr)


def parse(data):
    found = list(ADB_RECORD.parse(io.BytesIO(data), ArtifactInfo("r", "a" * 64, NOW)))
    return [f for f in found if isinstance(f, Observation)], [f for f in found if isinstance(f, Problem)]


def signals(data):
    (found,), problems = parse(data)
    assert not problems, problems
    return [s for s in found.signals if s.name not in CONTEXT]


def test_every_answer_has_a_reader():
    for command in every():
        read = reader(command.parser, asked(command.name)) or FILES.get(command.parser)
        assert bool(read) == (command.parser != UNREAD), command.name


def test_every_command_has_a_case():
    assert {c.name.removesuffix("-0") for c in every()} <= {name for name, *_ in GIVES} | {"imei-1"}


@pytest.mark.parametrize(("name", "sdk", "answer", "wanted"), GIVES, ids=lambda v: str(v)[:24].replace("\n", " "))
def test_what_a_phone_answers_gives_its_signals_at_their_place(name, sdk, answer, wanted):
    data = packed(name, sdk, answer)
    found = signals(data)
    got = {s.name: s.value for s in found if s.valid}
    if isinstance(wanted, set):
        assert set(got) == wanted
    else:
        assert wanted.items() <= got.items()
    for s in found:
        line = data.split(b"\n")[s.position.line - 1]
        assert data[s.position.offset :].startswith(line)
        assert s.position.line > 2


@pytest.mark.parametrize(
    ("name", "sdk", "answer", "stderr", "signal", "why"),
    [
        ("imei", 19, NULL, "", "imei", "null"),
        ("imei-0", 30, DENIED, "", "imei", "denied"),
        ("iccid", 30, NO_CALL, "", "iccid", "absent"),
        ("imei", 30, "service: Service iphonesubinfo does not exist\n", "", "imei", "absent"),
        ("imei", 30, "", "", "imei", "null"),
        ("iccid", 30, IMEI, "", "iccid", "absent"),  # a build whose calls are shifted
        ("siminfo", 30, "No result found.\n", "", "iccid", "null"),
        ("siminfo", 30, "", "java.lang.SecurityException: No permission\n\tat a.b(C.java:1)\n", "iccid", "denied"),
        ("isub", 30, "Can't find service: isub\n", "", "iccid", "absent"),
        ("isub", 30, " {id=1 iccId=8944538[****] simSlotIndex=0}\n", "", "iccid", "masked"),
        ("isub", 24, " {id=1 iccId=894453852XXXXXXXXXX simSlotIndex=0}\n", "", "iccid", "masked"),
        ("iphonesubinfo", 22, "Phone Subscriber Info:\n  Phone Type = GSM\n  Device ID = null\n", "", "imei", "null"),
        ("account", 30, "Permission Denial: can't dump AccountManagerService\n", "", "account", "denied"),
        ("settings-secure", 30, "android_id=null\nadb_enabled=1\n", "", "android_id", "null"),
        ("settings-secure", 30, "adb_enabled=1\n", "", "android_id", "absent"),
        ("settings-secure", 19, rows({"android_id": "null", "a": "b"}), "", "android_id", "null"),
        ("adb-keys", 30, "", "cat: /data/misc/adb/adb_keys: Permission denied\n", "adb_host_key", "denied"),
        ("adb-keys", 19, "/data/misc/adb/adb_keys: No such file or directory\n", "", "adb_host_key", "absent"),
        ("bluetooth-manager", 33, "Bluetooth Status\n  address: XX:XX:XX:XX:0B:62\n", "", "bt_mac", "masked"),
        ("bluetooth-manager", 26, "Bluetooth Status\n  enabled: false\n  address: null\n", "", "bt_mac", "null"),
        ("wifi", 30, "mWifiInfo SSID: <unknown ssid>, BSSID: <none>, MAC: 02:00:00:00:00:00, Supplicant state: X\n", "",
         "wifi_mac", "masked"),
        ("netcfg", 22, "/system/bin/sh: netcfg: not found\n", "", "wifi_mac", "absent"),
        ("ip-link", 30, "", "Cannot bind netlink socket: Permission denied\n", "wifi_mac", "denied"),
        ("wlan-address", 30, "", "cat: /sys/class/net/wlan0/address: Permission denied\n", "wifi_mac", "denied"),
        ("wlan-address", 24, "02:00:00:00:00:00\n", "", "wifi_mac", "masked"),
        ("cpuinfo", 24, "Hardware\t: MT6580\nSerial\t\t: 0000000000000000\n", "", "cpu_serial", "null"),
        ("cpuinfo", 34, "processor\t: 0\nCPU part\t: 0xd05\n", "", "cpu_serial", "absent"),
        ("emmc-cid", 30, "cat: /sys/block/mmcblk0/device/cid: Permission denied\n", "", "emmc_cid", "denied"),
        ("emmc-cid", 34, "", "cat: /sys/block/mmcblk0/device/cid: No such file or directory\n", "emmc_cid", "absent"),
        ("ufs-serial", 34, "\n", "", "ufs_serial", "null"),
        ("battery-serial", 34, "************\n", "", "battery_serial", "masked"),
        ("boot-id", 34, "/proc/sys/kernel/random/boot_id: Permission denied\n", "", "boot_id", "denied"),
    ],
)  # fmt: skip
def test_what_was_asked_for_and_not_given_says_why_and_never_links(name, sdk, answer, stderr, signal, why):
    data = packed(name, sdk, answer, stderr.encode())
    (found,) = [s for s in signals(data) if s.name == signal]
    assert (found.valid, found.why) == (False, why)
    assert found.position.offset is not None
    (observation,), _ = parse(data)
    line = msgspec.json.decode(ndjson.line(observation))
    assert line["invalid"][signal] == why
    assert all(not s.valid for s in observation.signals if s.name == signal)


def test_a_number_that_fails_its_check_stays_a_value_with_its_reason():
    (found,) = signals(packed("imei", 30, IMEI.replace("00000038", "00000039").replace("5.1.8.", "5.1.9.")))
    assert (found.raw, found.valid, found.why) == ("490154203237519", False, "check digit is wrong")


def test_a_phone_that_did_not_finish_has_not_said_that_there_is_nothing():
    found, problems = parse(packed("emmc-cid", 30, "", state=State.TIMED_OUT, exit_code=None))
    assert (found, len(problems)) == ([], 1)
    (found,), problems = parse(packed("bluetooth-manager", 30, "  name: M1\n  addr", state=State.TRUNCATED))
    assert {s.name for s in found.signals} - CONTEXT == {"device_name"}


def test_adb_that_refuses_is_a_refusal():
    (found,), problems = parse(packed("emmc-cid", 30, "", state=State.DENIED, exit_code=None))
    assert not problems
    assert [(s.name, s.why) for s in found.signals if s.name not in CONTEXT] == [("emmc_cid", "denied")]


def test_a_randomised_address_is_its_networks():
    bare = packed("wlan-address", 30, "da:a1:19:31:0b:61\n")
    (found,) = [s for s in signals(bare) if s.name == "wifi_mac"]
    assert (found.valid, found.why) == (False, "randomised, and its network is not known")
    (found,) = [
        s for s in signals(packed("wlan-address", 30, "da:a1:19:31:0b:61\n", ssid="RACK")) if s.name == "wifi_mac"
    ]
    assert (found.valid, found.key) == (True, "ssid:RACK|DA:A1:19:31:0B:61")


@pytest.mark.parametrize(
    ("clock", "start", "said"),
    [
        (EPOCH - 30, EPOCH - 630, ""),
        (EPOCH - 31, EPOCH - 600, "off by -31 s"),
        (1_230_768_000, EPOCH - 600, f"off by {1_230_768_000 - EPOCH} s"),
        ("date: not found", EPOCH - 600, "not told"),
    ],
)
def test_the_start_is_by_the_phones_clock_unless_that_was_never_set(clock, start, said):
    (found,), problems = parse(packed("uptime", 30, f"600.00 1200.00\n{clock}\n"))
    assert [s.value for s in found.signals if s.name == "boot_time"] == [start]
    assert [said in p.reason and "this host's" in p.remedy for p in problems] == [True] * bool(said)


def test_the_own_key_of_this_host_is_told_by_name_and_the_controllers_stays():
    own, other = "QAAAA" + "Zz0+" * 175, KEY
    name = signals(packed("adb-keys", 30, f"{own} lab@host\n"))[0].value
    for command, answer in (("adb-keys", f"{own} lab@host\n{other} farm@pc\n"), ("bugreport", REPORT)):
        sdk = 19 if command == "bugreport" else 30
        text = answer if command == "adb-keys" else f"{answer}DUMP OF SERVICE usb:\n{own} lab@host\n{other} farm@pc\n"
        found = signals(packed(command, sdk, text, lab_keys=(name,)))
        keys = {s.name: s for s in found if "adb" in s.name}
        assert set(keys) == {"lab_adb_key", "adb_host_key"}
        assert (keys["lab_adb_key"].value, keys["lab_adb_key"].valid) == (name, True)
        assert keys["adb_host_key"].value != name
    # what is written and read again keeps the label
    (observation,), _ = parse(packed("adb-keys", 30, f"{own} lab@host\n", lab_keys=(name,)))
    assert set(msgspec.json.decode(ndjson.line(observation))["signals"]) - CONTEXT == {"lab_adb_key"}


def test_an_observation_says_that_it_is_of_a_live_acquisition():
    for name, sdk, answer, _ in GIVES:
        (found,), _ = parse(packed(name, sdk, answer))
        assert found.source == "acquisition:adb_record"


@pytest.mark.parametrize(("name", "sdk", "answer", "_"), GIVES, ids=lambda v: str(v)[:24].replace("\n", " "))
def test_no_change_of_an_answer_makes_its_reader_raise(name, sdk, answer, _):
    draw = random.Random(f"{name} {sdk}")
    for _ in range(60):
        body = bytearray(answer.encode())
        for _ in range(draw.randrange(1, 10)):
            at = draw.randrange(len(body) + 1)
            body[at : at + draw.randrange(3)] = draw.choice(
                (draw.randbytes(3), b"\0\0", b"\n\n", b"\xff\xfe", b"=", b"|", b"9" * 40)
            )
        found, problems = parse(packed(name, sdk, bytes(body)))
        assert all(p.reason and p.remedy for p in problems)
        for observation in found:
            msgspec.msgpack.encode(observation)
            ndjson.line(observation, positions=True)


@given(st.sampled_from(sorted({(n, s) for n, s, *_ in GIVES})), st.binary(max_size=400))
def test_any_bytes_as_an_answer(command, answer):
    found, problems = parse(packed(*command, answer))
    assert all(isinstance(o, Observation) for o in found)
    assert all(p.remedy for p in problems)


def test_an_answer_without_end_is_bounded():
    line = b"9" * (3 << 20)
    for name, sdk in {(n, s) for n, s, *_ in GIVES}:
        for observation in parse(packed(name, sdk, line))[0]:
            assert sum(len(str(s.value)) for s in observation.signals) < 2 << 20
