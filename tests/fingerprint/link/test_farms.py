"""Farms: phones that are run together, and the offices, families, labs and shops that only look alike."""

import random

import pytest
from linking import drm, iccid, seen
from msgspec.structs import replace

from rackprint.fingerprint.link.farms import farms
from rackprint.fingerprint.link.gather import build
from rackprint.fingerprint.link.linker import link, resolve

HALL = "203.0.113.7"
DAYS = (0, 2, 4)


def used(phone, accounts, *, days=DAYS, ip=HALL, model="M1", action="", target="", **signals):
    """What a platform saw of a phone: each account once a day, minutes apart."""
    look = {"model": model, "android_version": "9", "screen": "1080x2220"} | signals
    return [
        replace(
            seen(f"{phone}/{account}/{day}/{action}{target}", "platform:p", 24 * day + n / 60, account, "com.p",
                 ip=ip, **({"drm_id": drm(_number(phone))} | look)),
            action=action, target=target,
        )
        for day in days
        for n, account in enumerate(accounts)
    ]  # fmt: skip


def _number(phone):
    kind, number = phone[0], int(phone[1:])
    return 1000 * ord(kind) + number


def own(phone, count=1, platform="p"):
    return [f"{platform}:{phone}{'abcdefgh'[n]}" for n in range(count)]


def rack(phones=8, accounts=3, name="r", **more):
    return [o for n in range(phones) for o in used(f"{name}{n}", own(f"{name}{n}", accounts), **more)]


def names(linkage, farm):
    """The phones of a farm, by the names that their observations begin with."""
    of = {d.id: {name.partition("/")[0] for name in d.observations} for d in linkage.devices}
    return set().union(*(of[d] for d in farm.devices))


def told(observations):
    """(members, kind) of each farm."""
    linkage = link(observations)
    return [(names(linkage, farm), farm.kind) for farm in linkage.farms]


def numbered(name, count):
    return {f"{name}{n}" for n in range(count)}


def test_a_rack_of_phones_with_several_lasting_accounts_each_is_one_farm():
    linkage = link(rack())
    (farm,) = linkage.farms
    assert set(farm.devices) == {d.id for d in linkage.devices}
    assert len(farm.devices) == 8
    assert farm.kind == "hand-driven rack"
    assert 0.5 < farm.probability < 1
    assert "8 of 8 devices share an address or an access point" in farm.notes
    assert "8 of 8 devices hold two or more lasting accounts of one platform at once, up to 3" in farm.notes
    shared = {(s.kind, s.value): s for s in farm.shared}
    place = shared["place", f"ip {HALL}"]
    assert place.devices == 8
    assert {o for s in farm.shared for o in s.observations} <= {o for d in linkage.devices for o in d.observations}


def test_the_same_phones_with_one_account_each_are_none():
    assert told(rack(accounts=1)) == []


def test_four_phones_are_none():
    assert told(rack(phones=4, hub="1-1")) == []


@pytest.mark.parametrize("ip", ["10.1.2.3", "100.64.8.9", "192.168.1.5", "127.0.0.1", "fd00::1", "no address"])
def test_private_and_carrier_addresses_make_no_place(ip):
    assert told(rack(ip=ip)) == []


def test_a_carriers_address_written_as_ipv6_makes_no_place():
    assert told(rack(ip="::ffff:100.64.8.9")) == []


def test_the_access_point_is_a_place_where_the_address_is_private():
    ((members, kind),) = told(rack(ip="192.168.1.5", bssid="00:16:32:aa:bb:01"))
    assert (members, kind) == (numbered("r", 8), "hand-driven rack")


def test_an_office_is_none():
    assert told(rack(phones=40, accounts=1, name="o")) == []


def test_a_cafe_is_none():
    guests = []
    for n in range(60):
        look = {"model": f"M{n % 20}", "screen": f"{n % 7}"}
        accounts = own(f"g{n}", 3 if n % 10 == 0 else 1)
        guests += used(f"g{n}", accounts, ip=f"198.51.100.{n}", days=(0, 2, 4, 6), **look)
        guests += used(f"g{n}", accounts, days=(1, 3), **look)
    assert told(guests) == []


def test_people_with_many_accounts_who_meet_in_a_cafe_are_none():
    guests = []
    for n in range(8):
        guests += used(f"g{n}", own(f"g{n}", 3), ip=f"198.51.100.{n}", days=(0, 2, 4, 6))
        guests += used(f"g{n}", own(f"g{n}", 3), days=(1, 3))
    assert told(guests) == []


def test_a_family_with_a_shared_account_is_none():
    assert told([o for n in range(5) for o in used(f"f{n}", [*own(f"f{n}"), "p:all"], model=f"M{n}")]) == []


@pytest.mark.parametrize("shared", [["p:all", "p:tv"], ["p:all", "q:all", "q:own"]], ids=len)
def test_a_family_with_two_shared_accounts_is_none(shared):
    family = []
    for n in range(5):
        accounts = [*own(f"f{n}"), *(f"{a}{n}" if a == "q:own" else a for a in shared)]
        family += used(f"f{n}", accounts, model=f"M{n}")
    assert told(family) == []


def test_a_test_lab_is_none():
    key = f"sha256:{7:032x}"
    lab = [o for n in range(30) for o in used(f"l{n}", ["p:t1", "p:t2", "p:t3"], adb_host_key=key)]
    assert told(lab) == []


def test_a_test_lab_whose_phones_have_an_account_of_their_own_too_is_none():
    key = f"sha256:{7:032x}"
    lab = [o for n in range(30) for o in used(f"l{n}", ["p:t1", "p:t2", "p:t3", *own(f"l{n}")], adb_host_key=key)]
    assert told(lab) == []


def test_a_shop_whose_visitors_are_gone_within_the_day_is_none():
    shop = []
    for n in range(8):
        shop += used(f"s{n}", own(f"s{n}"), days=(0, 2, 4, 6))
        for day in range(6):
            for visitor in own(f"v{n}{day}", 3):
                shop += used(f"s{n}", [visitor], days=(day, day + 0.05))
                number = 18 * n + 3 * day + "abc".index(visitor[-1])
                home = {"ip": f"198.51.{number}.1", "model": f"M{number}"}
                shop += used(f"v{number}", [visitor], days=(day + 0.5, day + 1.5), **home)
    assert told(shop) == []


def test_ordinary_phones_behind_the_racks_address_are_no_members():
    guests = [o for n in range(12) for o in used(f"g{n}", own(f"g{n}"), model=f"M{n + 2}")]
    assert told(rack() + guests) == [(numbered("r", 8), "hand-driven rack")]


def test_ordinary_phones_of_the_racks_own_model_are_no_members():
    assert told(rack() + rack(phones=6, accounts=1, name="g")) == [(numbered("r", 8), "hand-driven rack")]


@pytest.mark.parametrize("guests", [0, 20])
def test_phones_of_two_models_in_one_hall_are_one_farm(guests):
    hall = rack() + rack(name="q", model="M2")
    hall += [o for n in range(guests) for o in used(f"g{n}", own(f"g{n}"), model=f"M{n + 3}")]
    assert told(hall) == [(numbered("r", 8) | numbered("q", 8), "hand-driven rack")]


def test_two_halls_are_two_farms_the_larger_first():
    small, large = rack(phones=6), rack(phones=9, name="q", ip="198.51.100.4")
    assert [members for members, _ in told(small + large)] == [numbered("q", 9), numbered("r", 6)]


def test_an_emulator_host_is_named_so():
    assert told(rack(model="sdk_gphone_x86_64")) == [(numbered("r", 8), "emulator host")]


def test_an_app_cloner_is_named_so():
    rows = []
    for n in range(8):
        for copy, account in enumerate(own(f"c{n}", 4)):
            rows += used(f"c{n}", [account], serial=f"R58M{n:07d}", drm_id=drm(10 * n + copy))
    assert told(rows) == [(numbered("c", 8), "app cloner")]


def test_rotation_through_a_pool_of_sims_is_named_so():
    rows = []
    for n in range(8):
        for day in range(6):
            rows += used(f"p{n}", own(f"p{n}", 2), days=(day,), iccid=iccid((n + day) % 8))
    assert told(rows) == [(numbered("p", 8), "SIM-pool rotation")]


def test_a_computer_driven_rack_is_named_so():
    linkage = link(rack(adb_host_key=f"sha256:{7:032x}"))
    (farm,) = linkage.farms
    assert farm.kind == "computer-driven rack"
    assert "8 of 8 devices share a computer that they trust over ADB" in farm.notes


def test_a_factorys_accounts_leave_and_their_buyers_are_no_members():
    rows = []
    for n in range(8):
        made = own(f"t{n}", 4)
        rows += used(f"t{n}", made, days=(0,), action="signup") + used(f"t{n}", made, days=(0.1, 0.2))
        for k, account in enumerate(made):
            home = {"ip": f"198.51.{10 * n + k}.1", "model": f"M{k}"}
            rows += used(f"b{10 * n + k}", [account], days=(5, 7, 9), **home)
    linkage = link(rows)
    (farm,) = linkage.farms
    assert (names(linkage, farm), farm.kind) == (numbered("t", 8), "turnkey account factory")
    assert "32 accounts were signed up on them" in farm.notes
    assert len(linkage.transfers) == 32


def test_home_click_workers_share_no_hardware():
    rows = []
    for n in range(8):
        home = {"ip": f"198.51.{n}.1", "model": f"M{n}"}
        for order in range(5):
            when = order + n / 1440
            rows += used(f"w{n}", own(f"w{n}"), days=(when,), action="like", target=f"t:{order}", **home)
    linkage = link(rows)
    (farm,) = linkage.farms
    assert (names(linkage, farm), farm.kind) == (numbered("w", 8), "home click workers")
    assert any("no shared hardware" in note for note in farm.notes)


def test_targets_are_listed_by_the_accounts_of_the_farm_that_acted_on_them():
    rows = rack()
    for n in range(8):
        rows += used(f"r{n}", own(f"r{n}", 3), days=(1,), action="like", target="t:all")
        rows += used(f"r{n}", own(f"r{n}", 1), days=(1, 3), action="like", target="t:some")
        rows += used(f"r{n}", own(f"r{n}", 3), days=(3,), action="login", target="t:none")
    for n in range(30):
        home = {"ip": f"198.51.100.{n}", "model": f"M{n + 2}"}
        rows += used(f"g{n}", own(f"g{n}"), days=(n / 10,), action="like", target="t:some", **home)
    (farm,) = link(rows).farms
    assert farm.targets == (("t:all", 24), ("t:some", 8))


def test_the_order_of_the_input_changes_nothing():
    rows = (
        rack()
        + rack(name="q", model="M2")
        + rack(phones=6, name="s", ip="198.51.100.4", adb_host_key="sha256:" + "7" * 32)
    )
    wanted = link(rows).farms
    assert len(wanted) == 2
    for seed in range(4):
        random.Random(seed).shuffle(rows)
        assert link(rows).farms == wanted


def test_no_phone_is_in_two_farms_and_nothing_makes_none():
    found = resolve(build(rack() + rack(name="q", ip="198.51.100.4", hub="1-1") + rack(name="s", ip=HALL, hub="1-1")))
    members = [device for farm in found.farms for device in farm.members]
    assert len(members) == len(set(members)) == 24
    assert farms(resolve(build([]))) == []
