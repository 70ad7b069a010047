"""What a case says of records of commands: what was given, and of what was not, why, each down to its artifact."""

from datetime import UTC, datetime

import pytest

from rackprint.daemon.export.report import render
from rackprint.daemon.pipeline import ingest
from rackprint.daemon.queries import Answers
from rackprint.fingerprint.commands.record import Record, State, pack

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
ANSWERS = (
    ("getprop", "getprop", b"[ro.serialno]: [A1B2C3D4]\n[ro.product.model]: [M1]\n", b"", 0),
    ("wlan-address", "wlan_address", b"", b"cat: /sys/class/net/wlan0/address: Permission denied\n", 1),
    ("ip-link", "ip_link", b"", b"/system/bin/sh: ip: inaccessible or not found\n", 127),
    ("imei", "parcel", b"Result: Parcel(00000000 ffffffff   '........')\n", b"", 0),
    ("isub", "service:isub", b" {id=1 iccId=8944538[****] simSlotIndex=0}\n", b"", 0),
)


@pytest.fixture
def case(tmp_path):
    for name, parser, out, err, code in ANSWERS:
        record = Record(acquisition="bench@1", slot="1-1.2", command=name, table=1, line=name, parser=parser, sdk=30,
                        state=State.COMPLETE, exit_code=code, started=NOW, ended=NOW)  # fmt: skip
        (tmp_path / f"{name}.rec").write_bytes(pack(record, out, err))
    said = []
    ingest(sorted(tmp_path.glob("*.rec")), tmp_path / "case", said.append)
    assert not said
    return tmp_path / "case"


def test_the_answers_of_a_handset_are_one_device_and_each_why_stands_by_itself(case):
    with Answers(case) as answers:
        (sheet,) = answers.sheets()
        told = {(u.name, u.signal.why) for u in sheet.uses if not u.signal.valid}
        assert told == {("wifi_mac", "denied"), ("wifi_mac", "absent"), ("imei", "null"), ("iccid", "masked")}
        assert all(u.artifact and u.signal.position.offset for u in sheet.uses if not u.signal.valid)
        assert (sheet.first("serial"), sheet.model, sheet.sims) == ("A1B2C3D4", "M1", 0)


def test_the_report_says_what_was_not_given_and_why(case):
    page = render(case)
    for why in ("denied", "absent", "null"):
        assert f"not given: {why}" in page
    assert "(masked)" in page
