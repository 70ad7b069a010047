"""The parsers of small text files: getprop, parcels, siminfo, settings_ssaid; the corpus, and hostile input."""

import json

import pytest
from corpus import corpus
from hypothesis import given
from hypothesis import strategies as st
from reading import read, values

from rackprint.fingerprint.parsers import find
from rackprint.fingerprint.parsers.getprop import GETPROP
from rackprint.fingerprint.parsers.parcels import PARCELS, kind_of
from rackprint.fingerprint.parsers.properties import signal_of
from rackprint.fingerprint.parsers.settings_ssaid import SETTINGS_SSAID
from rackprint.fingerprint.parsers.siminfo import SIMINFO

PROPS = b"[ro.serialno]: [A1B2C3]\n[ro.product.model]: [M1]\n"


def one(parser, data, **info):
    found, problems = read(parser, data, **info)
    assert not problems, problems
    assert len(found) == 1
    return found[0]


def test_getprop_of_a_dual_sim_phone_of_android_4():
    path = corpus("android/getprop/huawei_g700_android4.4_dualsim.txt")
    found = one(GETPROP, path.read_bytes())
    assert values(found, "serial") == ["MANSI23G9N57F4K1"]
    assert values(found, "model") == ["G700-U20"]
    assert values(found, "imei", valid=True) == ["862698023449786", "862698023505397"]
    assert values(found, "iccid", valid=True) == ["89984320001566073987", "89981139000073728668"]
    assert values(found, "build_fingerprint") == ["Xiaomi/2013023/HM2013023:4.4.2/HM2013023/7.2.9:user/release-keys"]
    assert values(found, "locale") == ["en-US"]
    line = path.read_bytes().split(b"\n")[next(s for s in found.signals if s.name == "serial").position.line - 1]
    assert b"MANSI23G9N57F4K1" in line


@pytest.mark.parametrize(
    ("name", "serial", "model", "fingerprint"),
    [
        ("oneplus_billie_android11", "90241ad3", "BE2028", "OnePlus/OnePlusN10TMO/OnePlusN10TMO:11/RKQ1.201217.002"),
        ("mobly_device_properties", "11191FDD4002M4", "Pixel 5", "google/redfin/redfin:11/RQ3A.211001.001/7641976"),
    ],
)
def test_getprop_of_other_phones(name, serial, model, fingerprint):
    found = one(GETPROP, corpus(f"android/getprop/{name}.txt").read_bytes())
    assert values(found, "serial") == [serial]
    assert values(found, "model") == [model]
    assert values(found, "build_fingerprint")[0].startswith(fingerprint)
    assert values(found, "imei") == []


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("ro.ril.miui.imei0", "imei"),
        ("ro.ril.oem.imei", "imei"),
        ("persist.radio.imei1", "imei"),
        ("gsm.imei.sim2", "imei"),
        ("ro.imei.check", ""),
        ("ril.iccid.sim1", "iccid"),
        ("persist.radio.cfu.iccid.0", "iccid"),
        ("ro.ril.miui.meid", "meid"),
        ("persist.radio.imsi.slot2", "imsi"),
        ("ro.setupwizard.esim_cid_ignore", ""),
        ("ro.boot.serialno", "serial"),
        ("ril.serialnumber", "label_serial"),
    ],
)
def test_which_property_is_which_signal(name, signal):
    assert signal_of(name) == signal


def test_the_handset_and_its_place_stand_beside_what_was_read():
    found = one(GETPROP, PROPS, exhibit="RACK-A-01", context=(("usb_path", "lab1:1-1.1"),))
    assert (values(found, "exhibit"), values(found, "usb_path")) == (["RACK-A-01"], ["lab1:1-1.1"])
    assert (found.id[-2:], found.source, found.exhibit) == (":1", "acquisition:getprop", "RACK-A-01")
    signal = next(s for s in found.signals if s.name == "model")
    assert (signal.parser, signal.position.line, signal.position.offset) == ("getprop/1", 2, 24)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_any_encoding_a_shell_may_write(codec):
    data = (PROPS.decode() + "[gsm.operator.alpha]: [Telefónica]\n").encode(codec)
    assert find(data[:65536], "x.txt") is GETPROP
    (found,), problems = read(GETPROP, data)
    assert values(found, "serial") == ["A1B2C3"]
    assert values(found, "carrier") == ["Telefónica"]
    assert len(problems) == ("16" in codec)


def test_latin_1_and_nuls_are_read_and_said():
    data = PROPS + "[gsm.operator.alpha]: [Telefónica]\n".encode("latin-1") + b"[ro.product.brand]: [b\0rand]\n"
    (found,), problems = read(GETPROP, data)
    assert values(found, "carrier") == ["Telefónica"]
    assert values(found, "brand") == ["brand"]
    assert [p.position.line for p in problems] == [3, 4]
    assert "Latin-1" in problems[0].reason
    assert "NUL" in problems[1].reason


def test_values_over_lines_junk_and_a_cut_end():
    data = b"[a]: [x\ny]\nhello\nworld\n" + PROPS + b"[ro.product.brand]: [hal"
    (found,), problems = read(GETPROP, data)
    assert values(found, "serial") == ["A1B2C3"]
    assert values(found, "brand") == []
    reasons = sorted(str(p) for p in problems)
    assert "no property (and 1 more)" in reasons[0]
    assert "ro.product.brand is cut off" in reasons[1]


def test_an_overlong_line_costs_only_itself():
    data = b"[x]: [" + b"y" * (3 << 20) + b"]\n" + PROPS
    (found,), problems = read(GETPROP, data)
    assert values(found, "serial") == ["A1B2C3"]
    assert problems


def cases():
    try:
        return json.loads(corpus("android/parcels.json").read_text())["cases"]
    except pytest.skip.Exception:
        return []


@pytest.mark.parametrize("case", cases(), ids=lambda c: c["name"])
def test_every_parcel_of_the_corpus_gives_its_value_or_is_refused(case):
    found, _ = read(PARCELS, case["output"].encode())
    got = [v for o in found for v in values(o, case["kind"], valid=True)]
    assert got == ([case["value"]] if case["value"] else [])


def parcel(words: str, text: str) -> bytes:
    return f"Result: Parcel({words} '{text}')\n".encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"Result: Parcel(\n  0x00000000: 00000000 0000", "cut off"),
        (b"Result: Parcel(\n  0x00000000: 00000000 0000000f 00360038 00390037 '........8.6.7.9.')\n", "cut off"),
        (parcel("00000000 00000001 00360038", "........9.6."), "disagree"),
        (b"Result: Parcel(zzzz)\n", "damaged"),
        (b"Result: Parcel(\nResult: Parcel(\n", "cut off"),
        (parcel("00000000", "...."), "cut off"),
        (b"Result: Parcel(\n" + b"  0x00000000: 00000000 '....'\n" * 100, "longer than any"),
    ],
)
def test_damaged_parcels_are_said_and_give_nothing(data, why):
    found, problems = read(PARCELS, data)
    assert not found
    assert why in problems[0].reason


def test_a_phone_that_denies_or_has_nothing_is_no_problem():
    assert read(PARCELS, parcel("ffffffff 00000010", "........") + parcel("00000000 ffffffff", "........")) == ([], [])


@pytest.mark.parametrize(
    ("text", "call", "kind"),
    [
        ("867981021893899", "", "imei"),
        ("466920123456789", "", "imsi"),
        ("490154203237518", "1", "imei"),
        ("867981021893898", "", "imei"),  # wrong check digit, but no country has the code 867
        ("8988299164831047974", "11", "iccid"),
        ("+447700900000", "", ""),
        ("12", "", ""),
    ],
)
def test_the_value_tells_what_was_asked_for(text, call, kind):
    assert kind_of(text, call) == kind


def test_siminfo_rows_of_the_corpus():
    rows = json.loads(corpus("android/parcels.json").read_text())["siminfo_rows"]
    found = one(SIMINFO, "\n".join(rows).encode())
    assert values(found, "iccid") == ["89010005475451640413"]
    assert values(found, "imsi") == ["466920123456789"]
    assert values(found, "iccid_past") == ["89886017157803910426", "89010005475451640413"]
    assert values(found, "imsi_past") == ["466011700391046", "466920123456789"]
    assert values(found, "eid", valid=True) == ["89033023427100000000000001719763"]
    assert [s.position.line for s in found.signals if s.name == "imsi_past"] == [2, 3]


def test_a_display_name_cannot_pass_for_other_columns():
    row = (
        "Row: 0 _id=1, icc_id=8988299164831047974, sim_id=0, display_name=x, sim_id=-1, icc_id=8988299349831457907, "
        "number=+447700900000\n"
    )
    found = one(SIMINFO, row.encode())
    assert values(found, "iccid") == ["8988299164831047974"]
    assert values(found, "iccid_past") == []
    assert values(found, "msisdn") == ["+447700900000"]


def test_a_sim_row_that_is_cut_off_is_said():
    found, problems = read(SIMINFO, b"Row: 0 _id=1, icc_id=89882")
    assert not found
    assert "cut off" in problems[0].reason


XML = b"""<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>
<settings version="-1">
<setting id="0" name="userkey" value="A0E4" package="android" />
<setting id="1" name="10131" value="8e4353219d7d4488" package="com.photogram.android" />
<setting id="2" name="10132" value="9774d56d682e549c" package="com.chirper.app" />
</settings>"""


def test_each_app_has_an_android_id_of_its_own():
    found = one(SETTINGS_SSAID, XML)
    ids = [(s.key, s.valid, s.position.line) for s in found.signals]
    assert ids == [
        ("app:com.photogram.android|8e4353219d7d4488", True, 4),
        ("app:com.chirper.app|9774d56d682e549c", False, 5),
    ]


def test_damaged_xml_keeps_what_came_before():
    (found,), problems = read(SETTINGS_SSAID, XML[:-60])
    assert values(found, "android_id") == ["8e4353219d7d4488"]
    assert "XML ends here" in problems[0].reason


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"ABX\0\x10\xe4", "binary XML"),
        (b"<?xml version='1.0' encoding='UTX-8' ?><settings package='x'/>", "unknown encoding"),
        (b"<?xml version='1.0' encoding='utf-7' ?><settings package='x'/>", "encoding"),
        (b'<!DOCTYPE s [<!ENTITY a "aaaa">]><settings package="&a;"/>', "document type"),
        (b"<settings package='" + b"x" * (17 << 20), "larger than 16 MiB"),
    ],
)
def test_xml_that_no_phone_writes_is_refused(data, why):
    found, problems = read(SETTINGS_SSAID, data)
    assert not found
    assert why in problems[0].reason
    assert find(data[:65536], "settings_ssaid.xml") is SETTINGS_SSAID


@pytest.mark.parametrize("parser", [GETPROP, PARCELS, SIMINFO, SETTINGS_SSAID], ids=lambda p: p.name)
@given(data=st.binary(max_size=300))
def test_no_bytes_make_a_parser_raise(parser, data):
    samples = {GETPROP: PROPS, SIMINFO: b"Row: 0 _id=1, ", SETTINGS_SSAID: XML}
    samples[PARCELS] = parcel("00000000 00000001", "........")
    for body in (data, samples[parser] + data, samples[parser][: len(data)] + data):
        read(parser, body)
        parser.probe(body, "x")


@given(st.integers(0, 600), st.integers(0, 255))
def test_one_changed_byte_never_makes_a_parcel_say_another_imei(at, byte):
    whole = (
        b"Result: Parcel(\n  0x00000000: 00000000 0000000f 00350033 00360032 '........3.5.2.6.'\n"
        b"  0x00000010: 00380038 00390030 00340038 00360034 '8.8.0.9.8.4.4.6.'\n"
        b"  0x00000020: 00320030 00000030                   '0.2.0...        ')\n"
    )
    at %= len(whole)
    found, _ = read(PARCELS, whole[:at] + bytes([byte]) + whole[at + 1 :])
    assert {v for o in found for v in values(o, "imei", valid=True)} <= {"352688098446020"}
