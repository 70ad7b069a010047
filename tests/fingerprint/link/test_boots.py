"""Boot times as evidence: what they tie, and what they must not."""

import random
from datetime import timedelta

from linking import START, aid, drm, seen

from rackprint.fingerprint.link.linker import link


def login(name, *, app="com.a", boot=-3600.0, hours=0.0, ip="203.0.113.7", model="M1", **ids):
    """A login on an app, from a phone that booted ``boot`` seconds after the start."""
    return seen(
        name, source="platform:p", app=app, hours=hours, ip=ip, model=model,
        boot_time=int(START.timestamp() + boot), accounts=[f"p:{name}"], **ids,
    )  # fmt: skip


def devices(observations):
    return sorted(sorted(d.observations) for d in link(observations).devices)


def test_two_apps_of_one_boot_are_one_phone():
    found = link([login("a", android_id=aid(1)), login("b", app="com.b", hours=1, android_id=aid(2))])
    (device,) = found.devices
    assert device.observations == ("a", "b")
    (tie,) = found.ties
    assert tie.signal == "boot_time"
    assert "M1 at 203.0.113.7" in tie.key
    assert tie.bits > 10


def test_another_place_model_or_moment_is_another_phone():
    base = login("a", android_id=aid(1))
    for other in (
        login("b", app="com.b", android_id=aid(2), ip="203.0.113.8"),
        login("b", app="com.b", android_id=aid(2), model="M2"),
        login("b", app="com.b", android_id=aid(2), boot=-3500),
        login("b", app="com.b", android_id=aid(2), boot=7200),  # booted after it was seen: a clock that lies
    ):
        assert devices([base, other]) == [["a"], ["b"]]


def test_a_power_cut_ties_nobody():
    draw = random.Random(1)
    hall = [
        login(f"{n}{app}", app=f"com.{app}", boot=-3600 + draw.randrange(70), android_id=aid(2 * n + (app == "b")))
        for n in range(60)
        for app in "ab"
    ]
    assert len(devices(hall)) == 120


def test_a_script_that_reboots_a_rack_ties_nobody():
    draw = random.Random(2)
    boots = [[86_400.0 * night + draw.gauss(25, 4) for night in range(8)] for _ in range(12)]
    rack = [
        login(f"{n}-{night}{app}", app=f"com.{app}", boot=boot, hours=24 * night + 2, drm_id=drm(2 * n + (app == "b")))
        for n, nights in enumerate(boots)
        for night, boot in enumerate(nights)
        for app in "ab"
    ]
    for group in devices(rack):
        assert len({name.partition("-")[0] for name in group}) == 1


def test_a_boot_inside_the_uptime_of_another_contradicts():
    both = {"android_id": aid(1)}
    first = [login("a0", boot=0, hours=1, **both), login("a1", boot=0, hours=30, **both)]
    second = [
        login("b0", app="com.b", boot=0, hours=2, android_id=aid(2)),
        login("b1", app="com.b", boot=10 * 3600, hours=12, android_id=aid(2)),
    ]
    assert devices([*first, *second]) == [["a0", "a1"], ["b0", "b1"]]
    assert devices([first[0], *second]) == [["a0", "b0", "b1"]]


def test_copies_of_an_app_are_tied_where_boots_are_rare_and_left_open_where_they_are_not():
    copies = [
        login(f"c{n}-{day}", boot=86_400.0 * day - 90, hours=24 * day + n, android_id=aid(n), drm_id=drm(n))
        for n in range(4)
        for day in range(2)
    ]
    assert len(devices(copies)) == 1
    busy = [login(f"x{n}", boot=300.0 * n - 3600, hours=70, drm_id=drm(100 + n)) for n in range(400)]
    assert len([group for group in devices([*copies, *busy]) if group[0].startswith("c")]) == 4


def test_a_crowd_of_ids_in_one_boot_is_left_open():
    emulators = [login(f"e{n}", boot=-60, hours=n / 10, drm_id=drm(n), android_id=aid(n)) for n in range(20)]
    assert len(devices(emulators)) == 20


def test_units_that_contradict_are_not_tied():
    sides = [
        seen(f"u{n}", source="acquisition:x", serial=f"SERIAL{n}", ip="203.0.113.7", model="M1",
             boot_time=int((START - timedelta(hours=1)).timestamp()))
        for n in range(2)
    ]  # fmt: skip
    assert devices(sides) == [["u0"], ["u1"]]


def test_any_order_gives_the_same_answer():
    draw = random.Random(3)
    rack = [
        login(f"{n}-{k}", app=f"com.{draw.choice('abc')}", boot=9000.0 * n + draw.randrange(3), hours=24 + k,
              android_id=aid(10 * n + k % 3))
        for n in range(8)
        for k in range(6)
    ]  # fmt: skip
    wanted = link(rack)
    for _ in range(5):
        draw.shuffle(rack)
        assert link(rack) == wanted


def test_times_that_make_no_sense_are_passed_over():
    odd = [
        seen(f"t{n}", source="platform:p", ip="203.0.113.7", model="M1", boot_time=value, android_id=aid(n))
        for n, value in enumerate([0, -5, 1e18, "soon", 4_300_000_000])
    ]
    assert len(devices(odd)) == 5


def test_two_phones_that_were_restarted_together_once_are_left_open():
    once = [login(f"p{n}", boot=-60, hours=n, drm_id=drm(n), android_id=aid(n)) for n in range(2)]
    assert devices(once) == [["p0"], ["p1"]]
    again = [login(f"q{n}", boot=86_400, hours=25 + n, drm_id=drm(n), android_id=aid(n)) for n in range(2)]
    assert len(devices([*once, *again])) == 1
