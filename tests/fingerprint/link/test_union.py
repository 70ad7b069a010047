"""What one phone is: shared values unite, contradictions keep apart, and no order of input changes the answer."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linking import aid, device_of, drm, groups, iccid, imei, seen

from rackprint.fingerprint.link.linker import link
from rackprint.fingerprint.model import SourceKind, Tier
from rackprint.fingerprint.signals import spec, tier

PHOTO, CHIRP = "platform:photogram", "platform:chirper"


@pytest.mark.parametrize(
    "shared",
    [
        {"imei": imei(1)},
        {"serial": "R58M12ABCDE"},
        {"wifi_mac": "00:16:32:aa:bb:01"},
        {"drm_id": drm(1)},
        {"android_id": aid(1)},
        {"gaid": "6f1b7c7e-9d54-4a64-8a3e-0d6f3c1b2a99"},
    ],
    ids=lambda s: next(iter(s)),
)
def test_one_shared_value_of_hardware_or_install_makes_one_device(shared):
    assert groups(link([seen("a", PHOTO, **shared), seen("b", PHOTO, **shared)])) == {frozenset("ab")}


@pytest.mark.parametrize(
    "shared",
    [
        {"iccid": iccid(1)},
        {"ip": "203.0.113.7"},
        {"bssid": "00:16:32:aa:bb:01"},
        {"hub": "1-1"},
        {"boot_time": 1771728752},
        {"imei": "000000000000000"},
        {"android_id": "9774d56d682e549c"},
        {"serial": "0123456789ABCDEF"},
        {"no_such_signal": "some-long-value-that-is-rare"},
    ],
    ids=lambda s: next(iter(s)),
)
def test_what_moves_is_shared_or_is_a_placeholder_ties_nothing(shared):
    linkage = link([seen("a", PHOTO, **shared), seen("b", PHOTO, **shared)])
    assert groups(linkage) == {frozenset("a"), frozenset("b")}
    assert not linkage.ties


def test_a_shared_account_ties_nothing():
    assert len(link([seen("a", PHOTO, accounts="photogram:u"), seen("b", PHOTO, accounts="photogram:u")]).devices) == 2


def test_app_values_compare_within_one_app_only():
    value = aid(3)
    linkage = link([seen("a", PHOTO, android_id=value), seen("b", CHIRP, android_id=value)])
    assert len(linkage.devices) == 2


def test_an_acquisition_that_names_the_app_meets_what_the_app_reported():
    app = "com.photogram.android"
    phone = seen("a", "acquisition:settings_ssaid", app=app, exhibit="E1", android_id=[aid(1), aid(2)])
    linkage = link([phone, seen("b", PHOTO, app=app, android_id=aid(1)), seen("c", PHOTO, app=app, android_id=aid(2))])
    assert groups(linkage) == {frozenset("abc")}


def test_a_randomised_mac_holds_on_its_network_only():
    mac = "da:a1:19:00:00:01"
    there = [seen(n, "capture:pcap", ssid=s, wifi_mac=mac) for n, s in (("a", "hall"), ("b", "hall"), ("c", "cafe"))]
    assert groups(link([*there, seen("d", "capture:pcap", wifi_mac=mac)])) == {
        frozenset("ab"),
        frozenset("c"),
        frozenset("d"),
    }


def test_two_exhibits_that_share_an_imei_come_apart_and_both_are_flagged():
    linkage = link(
        [
            seen("a1", exhibit="E1", imei=[imei(1), imei(2)]),
            seen("a2", exhibit="E1", imei=imei(1)),
            seen("b1", exhibit="E2", imei=[imei(1), imei(3)]),
        ]
    )
    assert groups(linkage) == {frozenset({"a1", "a2"}), frozenset({"b1"})}
    assert all("cloned_imei" in d.flags for d in linkage.devices)
    (conflict,) = linkage.conflicts
    assert (conflict.signal, conflict.key) == ("imei", imei(1))
    assert conflict.observations == ("a1", "a2", "b1")
    assert conflict.devices == tuple(sorted(d.id for d in linkage.devices))
    assert "different exhibit: E1, E2" in conflict.why


def test_phones_that_share_one_imei_and_have_another_each_come_apart_without_exhibits():
    linkage = link([seen("a", imei=[imei(1), imei(2)]), seen("b", imei=[imei(1), imei(3)])])
    assert len(linkage.devices) == 2
    assert "different imei" in linkage.conflicts[0].why


def test_a_dual_sim_phone_has_two_imeis_in_two_files():
    linkage = link([seen("a", imei=imei(1), serial="R58M1"), seen("b", imei=imei(2), serial="R58M1")])
    assert groups(linkage) == {frozenset("ab")}


def test_a_default_serial_on_many_phones_ties_none_of_them():
    linkage = link([seen(f"o{n}", serial="SERIAL-OF-A-BATCH", imei=imei(n)) for n in range(5)])
    assert len(linkage.devices) == 5
    assert all(d.flags == ("cloned_serial",) for d in linkage.devices)
    assert "and 2 more" in linkage.conflicts[0].why


def test_a_contested_value_ties_no_bystander_either():
    linkage = link(
        [
            seen("a", exhibit="E1", imei=imei(1)),
            seen("b", exhibit="E2", imei=imei(1)),
            seen("c", PHOTO, imei=imei(1)),
        ]
    )
    assert len(linkage.devices) == 3


def test_what_an_app_reports_never_vetoes():
    linkage = link(
        [
            seen("a", PHOTO, serial="R58M1", drm_id=drm(1), android_id=aid(1)),
            seen("b", PHOTO, serial="R58M1", drm_id=drm(2), android_id=aid(2)),
            seen("c", PHOTO, imei=imei(7), drm_id=drm(1)),
            seen("d", PHOTO, imei=imei(8), drm_id=drm(1)),
            seen("e", PHOTO, imei=imei(9), drm_id=drm(1)),
        ]
    )
    assert groups(linkage) == {frozenset("abcde")}
    assert not linkage.conflicts


def test_replaced_parts_do_not_contradict():
    linkage = link([seen(n, serial="R58M1", battery_serial=f"BATT{i:06d}") for i, n in enumerate("abc")])
    assert groups(linkage) == {frozenset("abc")}


def test_a_chain_of_fine_values_that_ends_in_a_contradiction_breaks_at_its_weakest_value():
    # a-b by IMEI, b-c by serial, a and c have different exhibits: IMEI is the stronger, so the serial is contested
    chain = [
        seen("a", exhibit="E1", imei=imei(1)),
        seen("b", imei=imei(1), serial="R58M1"),
        seen("c", exhibit="E2", serial="R58M1"),
    ]
    linkage = link(chain)
    assert groups(linkage) == {frozenset("ab"), frozenset("c")}
    assert linkage.conflicts[0].signal == "serial"
    assert linkage.conflicts[0].why.endswith("by way of other values")
    assert device_of(linkage, "a").flags == device_of(linkage, "c").flags == ("cloned_serial",)


def test_a_long_chain_between_two_exhibits_is_cut_once():
    chain = [seen(f"o{n:02d}", imei=[imei(n), imei(n + 1)]) for n in range(2)]
    links = [seen(f"p{n:02d}", PHOTO, battery_serial=[f"BATT{n:06d}", f"BATT{n + 1:06d}"]) for n in range(30)]
    ends = [
        seen("x", exhibit="E1", battery_serial=f"BATT{0:06d}"),
        seen("y", exhibit="E2", battery_serial=f"BATT{30:06d}"),
    ]
    linkage = link([*chain, *links, *ends])
    assert device_of(linkage, "x") != device_of(linkage, "y")
    assert len([c for c in linkage.conflicts if c.signal == "battery_serial"]) == 1


def test_an_android_id_beside_many_phones_drm_ids_is_a_cloners_not_a_phones():
    many = [seen(f"o{n}", PHOTO, drm_id=drm(n), android_id=aid(1)) for n in range(6)]
    linkage = link(many)
    assert len(linkage.devices) == 6
    assert "6 different drm_id of one app" in linkage.conflicts[0].why
    assert all(d.flags == ("cloned_android_id",) for d in linkage.devices)


def test_an_install_value_on_one_exhibit_is_not_contested_however_many_drm_ids_stand_beside_it():
    many = [seen(f"o{n}", exhibit="E1", app="com.x", drm_id=drm(n), android_id=aid(1)) for n in range(6)]
    linkage = link(many)
    assert len(linkage.devices) == 1
    assert not linkage.conflicts
    assert {t.signal for t in linkage.ties} == {"exhibit", "android_id"}


def test_a_value_that_others_settle_in_its_own_pass_is_not_reported_as_shared():
    gaid = "6f1b7c7e-9d54-4a64-8a3e-0d6f3c1b2a99"
    # the android_id stands beside three drm_ids, but each pair is tied by a gaid of its own
    other = "6f1b7c7e-9d54-4a64-8a3e-0d6f3c1b2a98"
    linkage = link(
        [
            seen("a", PHOTO, drm_id=drm(1), android_id=aid(1), gaid=gaid),
            seen("b", PHOTO, drm_id=drm(2), android_id=aid(1), gaid=[gaid, other]),
            seen("c", PHOTO, drm_id=drm(3), android_id=aid(1), gaid=other),
        ]
    )
    assert groups(linkage) == {frozenset("abc")}
    assert not linkage.conflicts
    assert "android_id" in {t.signal for t in linkage.ties}


values = st.integers(0, 4)
maybe = st.one_of(st.none(), values)


@st.composite
def racks(draw):
    found = []
    for n in range(draw(st.integers(1, 14))):
        signals = {}
        numbers = draw(st.lists(values, max_size=2, unique=True))
        if numbers:
            signals["imei"] = [imei(v) for v in numbers]
        for name, make in (
            ("serial", lambda v: f"R58M{v}"),
            ("wifi_mac", lambda v: f"00:16:32:00:00:0{v + 1}"),
            ("drm_id", drm),
            ("android_id", aid),
            ("iccid", iccid),
        ):
            value = draw(maybe)
            if value is not None and draw(st.booleans()):
                signals[name] = make(value)
        exhibit = draw(st.sampled_from(["", "", "", "E1", "E2", "E3"]))
        source = draw(st.sampled_from(["acquisition:getprop", "capture:pcap", PHOTO, "record:sheet"]))
        account = draw(st.sampled_from([(), "photogram:u1", "photogram:u2"]))
        hours = draw(st.integers(0, 5))
        found.append(seen(f"o{n}", source, hours, account, "com.photogram", "", exhibit, **signals))
    return found


@pytest.mark.no_cover  # traced it costs twice as much, and others come to the same lines
@settings(max_examples=150, deadline=None)
@given(racks(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_no_byte(rack, random):
    before = msgspec.json.encode(link(rack))
    turned = list(rack)
    random.shuffle(turned)
    assert msgspec.json.encode(link(turned)) == before


def units(observations):
    """What was read first hand, by signal; an observation that contradicts itself counts as it is."""
    found = {}
    for o in observations:
        for s in o.signals:
            level = spec(s.name)
            first_hand = o.source_kind in {SourceKind.ACQUISITION, SourceKind.CAPTURE} or s.name == "exhibit"
            if s.valid and first_hand and level.cardinality and tier(s) is Tier.HARDWARE:
                found.setdefault(s.name, set()).add(s.key)
    return found


@settings(max_examples=150, deadline=None)
@given(racks())
def test_every_observation_is_in_one_device_and_no_device_holds_a_contradiction(rack):
    linkage = link(rack)
    by_id = {o.id: o for o in rack}
    listed = [name for d in linkage.devices for name in d.observations]
    assert sorted(listed) == sorted(by_id)
    assert len({d.id for d in linkage.devices}) == len(linkage.devices)
    for device in linkage.devices:
        for signal, held in units(by_id[name] for name in device.observations).items():
            assert len(held) <= spec(signal).cardinality
    contested = {(c.signal, c.key) for c in linkage.conflicts}
    assert not contested & {(t.signal, t.key) for t in linkage.ties}
    assert all(len(c.devices) > 1 for c in linkage.conflicts)
    assert all({t.a, t.b} <= set(device_of(linkage, t.a).observations) for t in linkage.ties)


@settings(max_examples=80, deadline=None)
@given(racks())
def test_the_ties_alone_rebuild_the_devices(rack):
    linkage = link(rack)
    parent = {o.id: o.id for o in rack}

    def root(name):
        while parent[name] != name:
            name = parent[name]
        return name

    for t in linkage.ties:
        parent[root(t.a)] = root(t.b)
    rebuilt = {}
    for name in parent:
        rebuilt.setdefault(root(name), set()).add(name)
    assert {frozenset(g) for g in rebuilt.values()} == groups(linkage)
