"""Lockstep: who serves the same targets in the same order within minutes, and who only meets in a crowd."""

import random

import pytest
from linking import drm, seen
from msgspec.structs import replace

from rackprint.fingerprint.link.contexts import in_lockstep
from rackprint.fingerprint.link.gather import build
from rackprint.fingerprint.link.linker import resolve

WEEK = 7 * 1440


def act(phone, target, minutes, action="like"):
    row = seen(f"{phone}/{target}/{minutes:.3f}", "platform:p", minutes / 60, f"p:{phone}", "com.p", drm_id=drm(phone))
    return replace(row, action=action, target=target)


def together(observations):
    """The groups of phones in lockstep."""
    found = resolve(build(observations))
    phone = {
        device: int(name.partition("/")[0])
        for device, name in zip(found.device.tolist(), found.columns.ids.to_pylist(), strict=True)
    }
    context = in_lockstep(found)
    grouped = {}
    for device, value in zip(context.devices.tolist(), context.values.tolist(), strict=True):
        grouped.setdefault(value, set()).add(phone[device])
    return sorted(map(sorted, grouped.values()))


def orders(phones, count, first=0.0, name="t", action="like"):
    """Each order is served by all phones within minutes, and the next one comes a day later."""
    return [
        act(phone, f"{name}{order}", first + 1440 * order + n, action)
        for order in range(count)
        for n, phone in enumerate(phones)
    ]


def test_the_same_targets_in_the_same_order_group_the_phones():
    assert together(orders(range(6), 5)) == [list(range(6))]


def test_phones_that_serve_other_orders_are_another_group():
    both = orders(range(6), 5) + orders(range(10, 15), 5, first=700, name="u")
    assert together(both) == [list(range(6)), list(range(10, 15))]


def test_phones_that_skip_an_order_now_and_then_are_grouped():
    rows = [act(p, f"t{order}", 1440 * order + p) for order in range(6) for p in range(8) if p % 6 != order]
    assert together(rows) == [list(range(8))]


def test_two_orders_do_not_group():
    assert together(orders(range(6), 2)) == []


def test_three_phones_do_not_group():
    assert together(orders(range(3), 5)) == []


def test_orders_served_many_minutes_apart_do_not_group():
    assert together([act(p, f"t{order}", 1440 * order + 9 * p) for order in range(5) for p in range(6)]) == []


def test_a_popular_targets_constant_traffic_does_not_group():
    draw = random.Random(1)
    rows = [act(draw.randrange(40), f"star{star}", draw.uniform(0, WEEK / 7)) for star in range(4) for _ in range(700)]
    assert together(rows) == []


def test_orders_are_found_beside_popular_targets():
    draw = random.Random(1)
    rows = [act(draw.randrange(20, 60), f"star{star}", draw.uniform(0, WEEK)) for star in range(4) for _ in range(700)]
    assert together(rows + orders(range(6), 5)) == [list(range(6))]


def test_strangers_who_meet_in_a_viral_hour_do_not_group():
    draw = random.Random(2)
    rows = [act(phone, "viral", draw.uniform(0, 59)) for phone in range(60)]
    rows += [act(phone, f"own{phone}-{k}", draw.uniform(0, WEEK)) for phone in range(60) for k in range(5)]
    assert together(rows) == []


def test_strangers_who_meet_in_viral_hours_of_three_days_do_not_group():
    draw = random.Random(3)
    rows = []
    for day in range(3):
        crowd = draw.sample(range(400), 60)
        rows += [act(phone, f"viral{day}", 1440 * day + draw.uniform(0, 59)) for phone in crowd]
    assert len(together(rows)) == 0


CROWDS = "lockstep._bursts takes a crowd of any size, and lockstep() any order that four of it share, chance or not"


@pytest.mark.parametrize("crowd", [60, 120])
def test_a_crowd_at_three_targets_of_one_viral_hour_does_not_group(crowd):
    draw = random.Random(4)
    rows = [act(phone, f"viral{k}", draw.uniform(0, 59)) for phone in range(crowd) for k in range(3)]
    rows += [act(phone, f"own{phone}-{k}", draw.uniform(0, WEEK)) for phone in range(crowd) for k in range(5)]
    assert together(rows) == []


@pytest.mark.parametrize("target", ["star", "post"])
def test_fans_who_come_within_the_hour_of_most_of_a_stars_posts_do_not_group(target):
    draw = random.Random(60)
    rows = [
        act(phone, f"post{day}" if target == "post" else "star", 1440 * day + min(50, draw.expovariate(1 / 15)))
        for day in range(6)
        for phone in range(60)
        if draw.random() < 0.7
    ]
    rows += [act(phone, f"own{phone}-{k}", draw.uniform(0, WEEK)) for phone in range(60) for k in range(5)]
    assert together(rows) == []


def test_the_same_targets_in_another_order_do_not_group():
    rows = [act(p, f"t{k}", (k if p < 3 else 4 - k) / 2) for p in range(6) for k in range(5)]
    assert together(rows) == []
    assert together([act(p, f"t{k}", k / 2) for p in range(6) for k in range(5)]) == [list(range(6))]


@pytest.mark.parametrize("action", ["login", "logout", "signup", "open", "session"])
def test_what_serves_no_target_never_counts(action):
    assert together(orders(range(6), 5, action=action)) == []


@pytest.mark.parametrize("action", ["follow", "review", "view", ""])
def test_any_other_action_on_a_target_counts(action):
    assert together(orders(range(6), 5, action=action)) == [list(range(6))]


def test_one_phone_with_many_accounts_is_no_crowd():
    rows = [replace(o, accounts=(f"p:{n}",), id=f"{o.id}/{n}") for n, o in enumerate(orders([1] * 8, 5))]
    assert together(rows) == []


def test_nothing_and_no_targets_group_nobody():
    assert together([]) == []
    assert together([seen(f"{n}/", "platform:p", drm_id=drm(n)) for n in range(6)]) == []
