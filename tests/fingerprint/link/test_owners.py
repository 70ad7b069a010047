"""Who used a phone and when: accounts that moved on, and phones that changed hands."""

import pytest
from linking import START, aid, device_of, drm, groups, seen

from rackprint.fingerprint.link.gather import build
from rackprint.fingerprint.link.linker import link, resolve


def stay(phone, *days, account="p:u"):
    return [seen(f"{phone}/{day}", "platform:p", 24 * day, account, "com.p", drm_id=drm(phone)) for day in days]


def test_an_account_that_moves_for_good_gives_one_transfer_and_fuses_nothing():
    linkage = link(stay(1, 0, 3) + stay(2, 5, 9))
    assert groups(linkage) == {frozenset({"1/0", "1/3"}), frozenset({"2/5", "2/9"})}
    (moved,) = linkage.transfers
    assert moved.account == "p:u"
    assert moved.from_device == device_of(linkage, "1/0").id
    assert moved.to_device == device_of(linkage, "2/5").id
    assert [(t - START).days for t in (moved.last_seen, moved.first_seen)] == [3, 5]


@pytest.mark.parametrize(("one", "other"), [((0, 2, 6, 8), (3, 4)), ((0, 4), (3, 7)), ((0, 3), (3, 7))])
def test_an_account_that_goes_back_and_forth_gives_none(one, other):
    linkage = link(stay(1, *one) + stay(2, *other))
    assert linkage.transfers == ()
    assert len(linkage.devices) == 2


def test_three_stations_give_two_moves():
    found = resolve(build(stay(1, 0, 1) + stay(2, 2, 3) + stay(3, 4, 5)))
    first, second = found.moves
    assert first.new == second.old
    assert len({first.old, first.new, second.new}) == 3
    assert first.last < first.first < second.last < second.first


@pytest.mark.parametrize(("before", "after"), [((0,), (5, 9)), ((0, 3), (5,)), ((0,), (5,))])
def test_one_sighting_makes_no_stay(before, after):
    assert link(stay(1, *before) + stay(2, *after)).transfers == ()


def test_moves_are_told_by_account():
    rows = [
        o for name in "cab" for o in (*stay(ord(name), 0, 1, account=name), *stay(ord(name) + 100, 2, 3, account=name))
    ]
    assert [t.account for t in link(rows).transfers] == ["a", "b", "c"]


def phone(day, account, install, serial="R58M1234567"):
    name = f"{day}/{account}"
    return seen(name, "platform:p", 24 * day, account, "com.p", serial=serial, android_id=aid(install))


def reset(before, after):
    """A phone with accounts ``before`` and ``after`` a reset on its tenth day."""
    rows = [phone(day, account, 1) for day in (0, 4, 8) for account in before]
    return [*rows, *(phone(day, account, 2) for day in (10, 14, 18) for account in after)]


def test_a_phone_whose_accounts_all_changed_with_a_reset_changed_hands():
    (device,) = link(reset(["p:a", "p:b"], ["p:c"])).devices
    assert {"factory_reset", "changed_hands"} <= set(device.flags)
    note = device.notes[device.flags.index("changed_hands")]
    assert note == "2 accounts before the reset of 2026-03-11 08:00 UTC and 1 after it, none both"


def test_a_phone_that_keeps_an_account_through_a_reset_did_not():
    (device,) = link(reset(["p:a", "p:b"], ["p:b", "p:c"])).devices
    assert "factory_reset" in device.flags
    assert "changed_hands" not in device.flags


@pytest.mark.parametrize(("before", "after"), [([()], ["p:c"]), (["p:a"], [()])])
def test_a_reset_phone_without_accounts_on_a_side_did_not(before, after):
    (device,) = link(reset(before, after)).devices
    assert "factory_reset" in device.flags
    assert "changed_hands" not in device.flags


def test_new_accounts_without_a_reset_are_no_new_owner():
    (device,) = link([phone(day, "p:a", 1) for day in (0, 4)] + [phone(day, "p:b", 1) for day in (10, 14)]).devices
    assert device.flags == ()


def test_the_latest_change_of_owner_is_told():
    rows = reset(["p:a"], ["p:b"]) + [phone(day, "p:c", 3) for day in (20, 24)]
    (device,) = link(rows).devices
    note = device.notes[device.flags.index("changed_hands")]
    assert note == "2 accounts before the reset of 2026-03-21 08:00 UTC and 1 after it, none both"
