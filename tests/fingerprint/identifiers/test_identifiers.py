"""Every identifier reader: what it takes, in which normal form, and what it refuses, with the reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.fingerprint.identifiers import digits, drm, eid, exhibit, iccid, imei, imsi, install, mac, meid, serial
from rackprint.fingerprint.model import Scope

DIGITS = "0123456789"


@pytest.mark.parametrize(
    ("read", "raw", "value"),
    [
        (imei.read, "490154203237518", "490154203237518"),  # the example of 3GPP TS 23.003 annex B
        (imei.read, " 49-015420-323751-8 ", "490154203237518"),
        (imei.read, "49015420323751", "490154203237518"),  # without its check digit
        (imei.read_sv, "4901542032375101", "4901542032375101"),
        (meid.read, "A0000000002329", "A0000000002329"),
        (meid.read, "a0000000002329", "A0000000002329"),
        (meid.read, "268435456000008992", "A0000000002320"),
        (meid.read, "A00000000023290", "A0000000002329"),
        (iccid.read, "8988299164831047974", "8988299164831047974"),
        (iccid.read, "8988299164831047974F", "8988299164831047974"),
        (iccid.read, "89984320001566073987", "89984320001566073987"),
        (imsi.read, "466920123456789", "466920123456789"),
        (imsi.read, "001010123456789", "001010123456789"),
        (imsi.msisdn, "+44 7700 900-000", "+447700900000"),
        (mac.read, "8c-f5-a3-31-0b-61", "8C:F5:A3:31:0B:61"),
        (mac.read, "8cf5.a331.0b61", "8C:F5:A3:31:0B:61"),
        (serial.read, " R58J16F0659 ", "R58J16F0659"),
        (serial.read, "90241ad3", "90241ad3"),
        (serial.read_part, "0x90 24 1a d3", "90241AD3"),
        (eid.read, "89033023427100000000000001719763", "89033023427100000000000001719763"),
        (install.android_id, "F6FBFCBCD8C6372", "0f6fbfcbcd8c6372"),
        (install.uuid, "{38400000-8CF0-11BD-B23E-10B96E40000D}", "38400000-8cf0-11bd-b23e-10b96e40000d"),
        (install.gsf_id, "3845678901234567890", "355e9895dc4d0ad2"),
        (install.gsf_id, "355E9895DC4D0AD2", "355e9895dc4d0ad2"),
        (install.token, "eX3k-91_ab", "eX3k-91_ab"),
        (drm.read, "AB" * 15 + "01", "ab" * 15 + "01"),
        (drm.read, "AAECAwQFBgcICQoLDA0ODw==", "000102030405060708090a0b0c0d0e0f"),
        (exhibit.read, " RACK  A\t01 ", "RACK A 01"),
    ],
)
def test_a_good_value_in_its_normal_form(read, raw, value):
    found = read(raw)
    assert (found.value, found.valid, found.why, found.raw) == (value, True, "", raw)


@pytest.mark.parametrize(
    ("read", "raw", "why"),
    [
        (imei.read, "490154203237519", "check digit"),
        (imei.read, "0" * 15, "placeholder"),
        (imei.read, "012345678901237", "placeholder"),
        (imei.read, "4901542032375", "15 digits"),
        (imei.read, "", "15 digits"),
        (imei.read, "٤٩٠١٥٤٢٠٣٢٣٧٥١٨", "15 digits"),  # digits, but of another script
        (imei.read_sv, "490154203237518", "16 digits"),
        (imei.read_sv, "0" * 16, "placeholder"),
        (meid.read, "49015420323751", "A to F"),
        (meid.read, "G0000000002329", "14 hex"),
        (meid.read, "F" * 14, "placeholder"),
        (meid.read, "9" * 18, "range"),
        (iccid.read, "1101260971143441721", "starts with 89"),
        (iccid.read, "8901260971143441722", "check digit"),
        (iccid.read, "898829916XXXXXXXXXX", "masked"),
        (iccid.read, "898829916[****]", "masked"),
        (iccid.read, "89" + "0" * 17, "placeholder"),
        (iccid.read, "89012", "18 to 22"),
        (imsi.read, "46692012345678x", "masked"),
        (imsi.read, "140920123456789", "no country"),
        (imsi.read, "9" * 15, "placeholder"),
        (imsi.read, "46692", "14 or 15"),
        (imsi.msisdn, "0000000000", "7 to 15"),
        (imsi.msisdn, "call me", "7 to 15"),
        (mac.read, "02:00:00:00:00:00", "placeholder"),
        (mac.read, "01:00:5e:00:00:01", "group"),
        (mac.read, "8C:F5:A3", "12 hex"),
        (serial.read, "0123456789ABCDEF", "placeholder"),
        (serial.read, "0123456789abcdef", "placeholder"),
        (serial.read, "emulator-5554", "placeholder"),
        (serial.read, "00000000", "placeholder"),
        (serial.read, "a b", "letters"),
        (serial.read_part, "0" * 32, "placeholder"),
        (eid.read, "89033023427100000000000001719764", "check digits"),
        (eid.read, "890330234271", "32 digits"),
        (eid.read, "89" + "0" * 30, "placeholder"),
        (install.android_id, "9774d56d682e549c", "placeholder"),
        (install.android_id, "hello", "hex"),
        (install.uuid, "00000000-0000-0000-0000-000000000000", "placeholder"),
        (install.uuid, "x", "UUID"),
        (install.gsf_id, "zz", "hex"),
        (install.gsf_id, "1" * 16, "placeholder"),
        (install.token, "short", "8 characters"),
        (install.token, "--------", "placeholder"),
        (drm.read, "abc", "16 to 64 bytes"),
        (drm.read, "0" * 64, "placeholder"),
        (drm.read, "A" * 22, "placeholder"),
        (drm.read, "A" * 21 + "=", "16 to 64 bytes"),
        (exhibit.read, "  ", "empty"),
    ],
)
def test_a_bad_value_is_kept_raw_with_the_reason(read, raw, why):
    found = read(raw)
    assert not found.valid
    assert why in found.why
    assert found.raw == raw


@pytest.mark.parametrize(
    "read",
    [imei.read, imei.read_sv, meid.read, iccid.read, imsi.read, imsi.msisdn, mac.read, serial.read, serial.read_part,
     eid.read, install.android_id, install.uuid, install.gsf_id, install.token, drm.read, exhibit.read],
)  # fmt: skip
@given(raw=st.one_of(st.text(), st.text(DIGITS + "abcdefABCDEF:-XF", max_size=40)))
def test_no_text_makes_a_reader_raise_and_normal_forms_are_stable(read, raw):
    found = read(raw)
    assert found.valid == (not found.why)
    if found.valid:
        again = read(str(found.value))
        assert (again.value, again.valid) == (found.value, True)


@given(st.text(DIGITS, min_size=1, max_size=30), st.integers(0, 29), st.integers(1, 9))
def test_luhn_finds_every_single_wrong_digit(body, at, by):
    whole = body + digits.luhn_digit(body)
    assert digits.luhn_ok(whole)
    at %= len(whole)
    wrong = whole[:at] + str((int(whole[at]) + by) % 10) + whole[at + 1 :]
    assert not digits.luhn_ok(wrong)


def test_luhn_agrees_with_python_stdnum():
    from stdnum import luhn

    for number in range(0, 10**6, 37):
        assert digits.luhn_ok(str(number).zfill(7)) == luhn.is_valid(str(number).zfill(7))


def test_tac_and_operator():
    assert imei.tac("490154203237518") == "49015420"
    found = imsi.operator("466920123456789")
    assert (found["mcc"], found["mnc"], found["operator"]) == ("466", "92", "Chunghwa Telecom")


def test_a_randomised_mac_belongs_to_its_network():
    assert mac.read("8C:F5:A3:31:0B:61").scope is Scope.UNIT
    assert mac.read("DA:A1:19:31:0B:61").scope is Scope.NETWORK
    assert not mac.is_local("")
