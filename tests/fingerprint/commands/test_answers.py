"""Four ways of not answering, in the words of phones of Android 4 to 15, and answers that only look like one."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.fingerprint.commands.answers import LOOKED_AT, Answer, of, of_value
from rackprint.fingerprint.commands.record import Record, State

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def record(state=State.COMPLETE, exit_code=0):
    return Record(acquisition="a", slot="1-1", command="c", table=2, line="c", state=state, started=NOW, ended=NOW,
                  exit_code=exit_code)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # toolbox (4, 5), toybox (6 and later)
        ("/sys/block/mmcblk0/device/cid: No such file or directory\n", Answer.ABSENT),
        ("cat: /sys/block/mmcblk0/device/cid: No such file or directory\n", Answer.ABSENT),
        ("cat: /sys/block/mmcblk0/device/cid: Permission denied\n", Answer.DENIED),
        ("/data/misc/adb/adb_keys: Permission denied\n", Answer.DENIED),
        ("request send failed: Permission denied\n", Answer.DENIED),  # ip link behind SELinux, Android 11
        ("cat: /proc/version: Operation not permitted\n", Answer.DENIED),
        # mksh
        ("/system/bin/sh: netcfg: not found\n", Answer.ABSENT),
        ("/system/bin/sh: ip: inaccessible or not found\n", Answer.ABSENT),
        ("sh: settings: not found", Answer.ABSENT),
        # dumpsys, service
        ("Can't find service: isub\n", Answer.ABSENT),
        ("service: Service iphonesubinfo does not exist\n", Answer.ABSENT),
        (
            "Permission Denial: can't dump WifiService from from pid=4123, uid=2000 without permission "
            "android.permission.DUMP\n",
            Answer.DENIED,
        ),
        # content, settings, pm
        (
            "Error while accessing provider:telephony\njava.lang.SecurityException: Permission Denial: opening "
            "provider com.android.providers.telephony.TelephonyProvider from (null) (pid=1, uid=2000) requires "
            "android.permission.READ_PHONE_STATE\n\tat android.os.Parcel.readException(Parcel.java:1425)\n",
            Answer.DENIED,
        ),
        ("java.lang.SecurityException: No permission to access APN settings\n", Answer.DENIED),
        ("java.lang.IllegalStateException: Could not find provider: telephony\n", Answer.ABSENT),
        ("Error: unknown command 'list'\n", Answer.ABSENT),
        ("Unknown command: list\n", Answer.ABSENT),
        ("java.lang.IllegalArgumentException: Unknown URL content://settings/global\n", Answer.ABSENT),
        ("No result found.\n", Answer.NULL),
        ("", Answer.NULL),
        ("\n \n", Answer.NULL),
        ("null\n", Answer.NULL),
        ("unknown\n", Answer.NULL),
        # one value
        ("02:00:00:00:00:00\n", Answer.MASKED),
        ("XX:XX:XX:XX:1A:2B\n", Answer.MASKED),
        ("****************\n", Answer.MASKED),
        ("8988303000[****]\n", Answer.MASKED),
        ("898830300XXXXXXXXXX\n", Answer.MASKED),
        ("8c:f5:a3:31:0b:61\n", Answer.VALUE),
        ("0123456789ABCDEF\n", Answer.VALUE),  # a placeholder is a value; its reader refuses it
        ("MAXXUM-4711\n", Answer.VALUE),
        ("Row: 0 _id=1, icc_id=8944538523004714419, sim_id=0\nRow: 1 _id=2, icc_id=, sim_id=-1\n", Answer.VALUE),
    ],
)  # fmt: skip
def test_what_a_phone_says_is_told_apart_wherever_it_says_it(text, wanted):
    assert of(record(), text.encode()) is wanted
    if wanted in {Answer.ABSENT, Answer.DENIED}:
        assert of(record(exit_code=1), b"", text.encode()) is wanted


def test_a_dump_that_quotes_a_refusal_further_down_is_no_refusal():
    dump = b"Wi-Fi is enabled\n" + b"  a line of the log\n" * 400 + b"java.lang.SecurityException: x\n"
    assert len(dump) > LOOKED_AT
    assert of(record(), dump) is Answer.VALUE


@pytest.mark.parametrize(("code", "wanted"), [(126, Answer.DENIED), (127, Answer.ABSENT), (1, Answer.NULL)])
def test_an_exit_code_tells_where_no_word_does(code, wanted):
    assert of(record(exit_code=code), b"") is wanted


def test_a_phone_that_was_not_done_has_not_answered():
    for state in (State.TIMED_OUT, State.TRUNCATED):
        assert of(record(state, None), b"") is None
        assert of(record(state, None), b"8c:f5") is None
        assert of(record(state, None), b"Can't find service: isub\n") is Answer.ABSENT
    assert of(record(State.DENIED, None), b"") is Answer.DENIED


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_one_of_them(out, err):
    assert of(record(), out, err) in set(Answer)
    assert of_value(out.decode("latin-1")) in set(Answer)
