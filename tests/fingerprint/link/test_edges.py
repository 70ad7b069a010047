"""The far ends of what may come in: nothing, everything alike, times at the end of the calendar."""

import random
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from linking import START, aid, drm, groups, iccid, imei, seen
from msgspec.structs import replace

from rackprint.fingerprint.link.gather import build
from rackprint.fingerprint.link.linker import link, partition, resolve
from rackprint.fingerprint.link.result import Linkage

APP = "platform:p"
SECONDS = 30  # of the processor, on a busy machine


def test_unknown_signals_are_counted_and_never_tie():
    rows = [seen(f"o{n}", APP, no_such_signal="one-long-value-that-is-rare", other=[f"{n}", "x"]) for n in range(3)]
    linkage = link(rows)
    assert linkage.unknown == (("no_such_signal", 3), ("other", 6))
    assert len(linkage.devices) == 3
    assert not linkage.ties
    assert not linkage.conflicts


def test_unknown_signals_change_nothing_else():
    plain = [seen(f"o{n}", APP, n, f"p:{n}", drm_id=drm(n // 2)) for n in range(6)]
    extra = [seen(f"o{n}", APP, n, f"p:{n}", drm_id=drm(n // 2), no_such_signal="v") for n in range(6)]
    assert replace(link(extra), unknown=()) == link(plain)


@pytest.mark.parametrize("year", [1970, 2106], ids=str)
def test_times_at_the_ends_of_the_calendar(year):
    edge = datetime(1970, 1, 1, tzinfo=UTC) if year == 1970 else datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC)
    signals = {"drm_id": drm(1), "ip": "203.0.113.7", "model": "M1"}
    rows = [
        replace(seen(f"o{n}", APP, accounts="p:u", boot_time=int(edge.timestamp()), **signals), time=edge + step)
        for n, step in enumerate([timedelta(0), timedelta(microseconds=1), timedelta(hours=1)])
    ]
    linkage = link([*rows, seen("now", APP, drm_id=drm(1), accounts="p:u")])
    (device,) = linkage.devices
    assert (device.first_seen, device.last_seen) == (min(edge, START), max(edge + timedelta(hours=1), START))
    assert linkage.links[0].first_seen == device.first_seen


def test_times_a_hundred_years_apart_are_one_phone():
    ends = [datetime(1970, 1, 1, tzinfo=UTC), datetime(2106, 2, 7, 6, 28, 16, tzinfo=UTC)]
    rows = [
        replace(
            seen(f"o{n}", APP, accounts=f"p:{n}", drm_id=drm(1), model="M1", ip="203.0.113.7",
                 boot_time=int(when.timestamp())),
            time=when,
        )
        for n, when in enumerate(ends)
    ]  # fmt: skip
    assert groups(link(rows)) == {frozenset({"o0", "o1"})}


def test_ten_thousand_accounts_on_one_phone_in_one_observation():
    accounts = [f"p:u{n:05d}" for n in range(10_000)]
    linkage = link([seen("a", accounts=accounts, serial="R58M1234567"), seen("b", APP, serial="R58M1234567")])
    (device,) = linkage.devices
    assert [x.account for x in linkage.links] == accounts
    assert {x.device for x in linkage.links} == {device.id}


def test_ten_thousand_accounts_on_one_phone_one_by_one():
    began = time.process_time()
    linkage = link([seen(f"o{n:05d}", APP, n / 60, f"p:u{n}", drm_id=drm(1)) for n in range(10_000)])
    assert len(linkage.devices) == 1
    assert len(linkage.links) == 10_000
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("common", [{"imei": imei(1)}, {"android_id": aid(1)}], ids=lambda s: next(iter(s)))
def test_one_value_in_every_row_ties_none(common):
    began = time.process_time()
    linkage = link([seen(f"o{n:04d}", app="com.p", serial=f"R58M{n:07d}", **common) for n in range(2000)])
    assert len(linkage.devices) == 2000
    (conflict,) = linkage.conflicts
    assert len(conflict.observations) == len(conflict.devices) == 2000
    assert len(conflict.why) < 500
    assert all(d.flags == (f"cloned_{conflict.signal}",) for d in linkage.devices)
    assert time.process_time() - began < SECONDS


def test_nothing_gives_an_empty_answer():
    assert link([]) == Linkage()
    assert partition(build([])).tolist() == []
    assert resolve(build([])).farms == []


def test_observations_that_show_nothing_stand_alone():
    linkage = link([seen("a"), seen("b", APP), seen("c", "record:sheet", accounts="p:u")])
    assert len(linkage.devices) == 3
    assert linkage.links[0].reasons


def mixed():
    """Phones of a hall with copies and shared accounts, a cloned IMEI, a lab's acquisitions, orders and sales."""
    draw = random.Random(5)
    rows = []
    for phone in range(12):
        looks = {"model": f"M{phone % 3}", "screen": "1080x2220", "android_version": "9", "ip": "203.0.113.7"}
        for day in range(6):
            boot = int(START.timestamp()) + 86_400 * day - 600 - 40 * phone
            for app in "ab":
                row = seen(
                    f"r{phone}/{day}{app}", f"platform:{app}", 24 * day + draw.random(), f"{app}:{phone}-{day % 3}",
                    f"com.{app}", drm_id=drm(2 * phone + (app == "b")), android_id=aid(100 * phone + day // 3),
                    boot_time=boot, iccid=iccid(draw.randrange(6)), **looks,
                )  # fmt: skip
                rows.append(replace(row, action="like", target=f"t:{day}"))
        rows.append(seen(f"x{phone}", exhibit=f"E{phone}", imei=[imei(1), imei(phone + 2)], serial=f"R58M{phone}"))
    rows += [seen(f"s{n}", APP, 24 * n, "p:sold", drm_id=drm(900 + n // 2), strange="x") for n in range(4)]
    return rows


def test_shuffled_input_gives_the_same_bytes():
    rows = mixed()
    wanted = msgspec.json.encode(link(rows))
    found = link(rows)
    assert found.farms
    assert found.transfers
    assert found.conflicts
    assert any(tie.signal == "boot_time" for tie in found.ties)
    for seed in range(5):
        random.Random(seed).shuffle(rows)
        assert msgspec.json.encode(link(rows)) == wanted


def test_rows_that_come_twice_count_once():
    rows = mixed()
    again = link(rows + rows[::-1])
    assert replace(again, unknown=()) == replace(link(rows), unknown=())


def test_unknown_signals_of_rows_that_come_twice_count_once():
    rows = [seen(f"o{n}", APP, no_such_signal="v") for n in range(3)]
    assert link(rows + rows).unknown == link(rows).unknown


@pytest.mark.parametrize("ids", [{}, {"drm_id": 1}, {"android_id": 1}], ids=str)
def test_a_hall_that_boots_in_one_second_explodes_nothing(ids):
    began = time.process_time()
    make = {"drm_id": drm, "android_id": aid}
    rows = [
        seen(f"o{n:04d}", APP, n / 3600, f"p:{n}", boot_time=int(START.timestamp()) - 60, ip="203.0.113.7", model="M1",
             **{name: make[name](n) for name in ids})
        for n in range(3000)
    ]  # fmt: skip
    linkage = link(rows)
    assert len(linkage.devices) == 3000
    assert not linkage.farms
    assert time.process_time() - began < SECONDS
