"""Whose an address was when."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rackprint.fingerprint.capture import leases
from rackprint.fingerprint.capture.leases import Leases

A, B, SECOND = "3c:5a:b4:00:00:0a", "3c:5a:b4:00:00:0b", 1_000_000_000


def test_a_lease_that_changes_hands_keeps_both_times():
    held = Leases()
    held.give("10.0.0.5", A, 100)
    held.give("10.0.0.5", B, 200)
    assert [held.holder("10.0.0.5", t) for t in (99, 100, 199, 200, 10**15)] == ["", A, A, B, B]
    assert held.holder("10.0.0.6", 150) == ""


def test_a_lease_runs_out_is_renewed_and_is_given_back():
    held = Leases()
    held.give("10.0.0.5", A, 0, 10)
    assert [held.holder("10.0.0.5", t * SECOND) for t in (9, 10)] == [A, ""]
    held.give("10.0.0.5", A, 5 * SECOND, 10)
    assert [held.holder("10.0.0.5", t * SECOND) for t in (1, 14, 15)] == [A, A, ""]
    held.end("10.0.0.5", B, 6 * SECOND)
    held.end("10.0.0.5", A, 7 * SECOND)
    assert [held.holder("10.0.0.5", t * SECOND) for t in (6, 7)] == [A, ""]


def test_leases_are_bounded(monkeypatch):
    monkeypatch.setattr(leases, "LEASES", 2)
    monkeypatch.setattr(leases, "CHANGES", 2)
    held = Leases()
    for n in range(4):
        held.give(f"10.0.0.{n}", A, 0)
        held.give("10.0.0.0", f"3c:5a:b4:00:00:{n:02x}", n * 10)
    assert [bool(held.holder(f"10.0.0.{n}", 100)) for n in range(4)] == [True, True, False, False]
    assert [held.holder("10.0.0.0", t) for t in (15, 25, 35)] == ["", "3c:5a:b4:00:00:02", "3c:5a:b4:00:00:03"]
    held.give("10.0.0.0", B, 5)  # of before: the capture's clock ran backwards
    assert held.holder("10.0.0.0", 35) == "3c:5a:b4:00:00:03"
