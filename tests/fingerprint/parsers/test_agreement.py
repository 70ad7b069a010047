"""What a phone answers live agrees with a file of the same content: same signals, same values, same validity."""

import io
import json
import re
from datetime import UTC, datetime

import pytest
from corpus import corpus

from rackprint.fingerprint.commands.answers import Answer
from rackprint.fingerprint.commands.record import Record, State, header, pack
from rackprint.fingerprint.commands.table import VERSION
from rackprint.fingerprint.model import ArtifactInfo, Observation
from rackprint.fingerprint.parsers import find
from rackprint.fingerprint.parsers.adb_record import ADB_RECORD

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
OUTSIDE = {"handset", "usb_path", "hub"}
NOT_GIVEN = {a.value for a in Answer}


def live(command, parser, sdk, data):
    record = Record(acquisition="bench@1", slot="1-1.2", command=command, table=VERSION, line=command, sdk=sdk,
                    parser=parser, state=State.COMPLETE, exit_code=0, started=NOW, ended=NOW, host="bench",
                    usb_path="1-1.2")  # fmt: skip
    return pack(record, data)


def observations(parser, data):
    found = parser.parse(io.BytesIO(data), ArtifactInfo("f", "a" * 64, NOW))
    return [f for f in found if isinstance(f, Observation)]


def told(found):
    """Names, values, validity and scopes; without what the record adds: the place, and what was not given."""
    return {
        (s.name, s.value, s.valid, s.scope_key)
        for o in found
        for s in o.signals
        if s.name not in OUTSIDE and not (s.value == "" and s.why in NOT_GIVEN)
    }


def cases():
    try:
        return json.loads(corpus("android/parcels.json").read_text())["cases"]
    except pytest.skip.Exception:
        return []


@pytest.mark.parametrize("case", cases(), ids=lambda c: c["name"])
def test_every_parcel_passes_its_checks_or_is_refused(case):
    data = case["output"].encode()
    found = observations(ADB_RECORD, live(case["kind"], "parcel", case["sdk"], data))
    file = find(data, "parcel.txt")
    plain = observations(file, data) if file else []
    good = [s.value for o in found for s in o.signals if s.valid and s.name not in OUTSIDE]
    assert good == ([case["value"]] if case["value"] else [])
    # what is asked for by its name is read as such, though it fails its checks; the file does not tell what was asked
    assert told(plain) <= told(found)
    assert {t for t in told(found) - told(plain) if t[2]} == set()
    if not case["value"]:
        (why,) = {s.why for o in found for s in o.signals if s.name == case["kind"]}
        assert why


def test_null_parcels_are_null_and_no_value():
    for kind in ("imei", "iccid"):
        data = b"Result: Parcel(00000000 ffffffff   '........')\n"
        (found,) = observations(ADB_RECORD, live(kind, "parcel", 30, data))
        assert [(s.value, s.valid, s.why) for s in found.signals if s.name == kind] == [("", False, "null")]


FILES = [
    ("getprop", "getprop", 19, "android/getprop/huawei_g700_android4.4_dualsim.txt"),
    ("getprop", "getprop", 30, "android/getprop/mobly_device_properties.txt"),
    ("getprop", "getprop", 30, "android/getprop/oneplus_billie_android11.txt"),
    ("bugreport", "bugreport", 9, "android/bugreport/bugreport_deadlock.txt"),
    (
        "bugreport",
        "bugreport_zip",
        31,
        "android/bugreport/bugreport-sailfish-QP1A.191005.007.A3-2020-01-08-15-30-07.zip",
    ),
]


@pytest.mark.parametrize(("command", "parser", "sdk", "path"), FILES, ids=lambda v: str(v)[-12:])
def test_real_files_agree_and_stand_at_their_place(command, parser, sdk, path):
    data = corpus(path).read_bytes()
    plain = observations(find(data[:65536], path), data)
    packed = live(command, parser, sdk, data)
    found = observations(find(packed[:65536], "x"), packed)
    assert told(found) == told(plain)
    assert len(told(found)) > 8
    _, start = header(io.BytesIO(packed))
    places = {(s.name, s.scope_key, str(s.value)): s.position for o in plain for s in o.signals}
    for s in (s for o in found for s in o.signals if (s.name, s.scope_key, str(s.value)) in places):
        place = places[s.name, s.scope_key, str(s.value)]
        moved = (0, 0) if place.member else (2, start)  # of a member, the place is within it
        assert (s.position.line, s.position.offset) == (place.line + moved[0], place.offset + moved[1])
        assert s.position.member == place.member
    assert {o.time for o in found} == ({NOW} if command == "getprop" else {o.time for o in plain})


def test_the_services_of_a_real_report_agree_one_by_one_with_the_whole():
    """Each service by itself gives what the report's section of it gives."""
    path = "android/bugreport/bugreport_deadlock.txt"
    data = corpus(path).read_bytes()
    whole = told(observations(find(data[:65536], path), data))
    for service, names in (("iphonesubinfo", {"imei"}), ("sensorservice", {"sensors"}), ("battery", {"usb_charging"})):
        section = re.search(rf"^DUMP OF SERVICE {service}:\s*?\n(.*?)^-----".encode(), data, re.DOTALL | re.MULTILINE)[
            1
        ]
        found = told(observations(ADB_RECORD, live(service, f"service:{service}", 10, section)))
        assert {t for t in found if t[0] in names} == {t for t in whole if t[0] in names} != set()
