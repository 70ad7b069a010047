from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.daemon.cells import cell, csv_cell, guarded, printable

NOON = datetime(2026, 3, 1, 12, 30, 15, 5, UTC)


@pytest.mark.parametrize(
    ("value", "shown", "in_csv"),
    [
        (None, "", ""),
        (NOON, "2026-03-01 12:30", "2026-03-01T12:30:15.000005Z"),
        (0.999999, "0.999999", "0.999999"),
        (0.5, "0.500", "0.5"),
        (33.926, "33.9", "33.926"),
        (["a", "=b"], "a, =b", "a;=b"),
        (["=a"], "=a", "'=a"),
        ("=cmd()", "=cmd()", "'=cmd()"),
        ("-5", "-5", "-5"),
        (-5, "-5", "-5"),
    ],
)
def test_values_for_people_and_for_programs(value, shown, in_csv):
    assert cell(value) == shown
    assert csv_cell(value) == in_csv


@given(st.text())
def test_no_text_drives_a_terminal_or_starts_a_formula(text):
    assert printable(text).isprintable()
    safe = guarded(text)
    if safe[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        float(safe)  # only a number may start so
