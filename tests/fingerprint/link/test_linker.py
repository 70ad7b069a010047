"""Device ids, weights, account links and flags."""

import msgspec
import pytest
from linking import START, aid, device_of, drm, iccid, imei, seen

from rackprint.fingerprint.link import weights
from rackprint.fingerprint.link.gather import build
from rackprint.fingerprint.link.linker import link
from rackprint.fingerprint.link.paths import graph, path, widest
from rackprint.fingerprint.link.result import Tie, short
from rackprint.fingerprint.model import Scope, Tier

PHOTO = "platform:photogram"


def test_nothing_gives_nothing():
    linkage = link([])
    assert (linkage.devices, linkage.links, linkage.ties, linkage.conflicts, linkage.observations) == (
        (),
        (),
        (),
        (),
        0,
    )


def test_the_id_is_made_of_the_surest_value_and_outlives_more_observations():
    few = link([seen("a", imei=imei(1), serial="R58M1")])
    more = link([seen("0", PHOTO, serial="R58M1", drm_id=drm(1)), seen("a", imei=imei(1), serial="R58M1")])
    assert few.devices[0].anchor == ("imei", imei(1))
    assert few.devices[0].id == more.devices[0].id
    assert few.devices[0].id.startswith("d-")


def test_a_contested_value_is_no_anchor_and_without_any_value_the_observation_is():
    linkage = link([seen("a", imei=imei(1), serial="R58M1"), seen("b", imei=imei(1), serial="R58M2"), seen("c")])
    assert device_of(linkage, "a").anchor == ("serial", "R58M1")
    assert device_of(linkage, "b").anchor == ("serial", "R58M2")
    assert device_of(linkage, "c").anchor == ("", "c")


def test_devices_know_when_they_were_seen():
    device = link([seen("a", hours=5, serial="R58M1"), seen("b", hours=1, serial="R58M1")]).devices[0]
    assert (device.first_seen.hour, device.last_seen.hour) == (START.hour + 1, START.hour + 5)


def test_of_one_id_with_two_contents_the_same_one_counts_in_any_order():
    twice = [seen("a", serial="R58M1"), seen("a", serial="R58M2")]
    assert msgspec.json.encode(link(twice)) == msgspec.json.encode(link(twice[::-1]))
    assert link(twice).observations == 1


def test_columns_hold_valid_tying_values_once_and_say_who_read_them():
    columns = build(
        [
            seen("b", PHOTO, serial=["R58M1", "R58M1"], ip="203.0.113.7"),
            seen("a", serial="R58M1", imei="000000000000000"),
            seen("c", "capture:pcap", ssid="hall", wifi_mac=["00:16:32:aa:bb:01", "da:a1:19:00:00:01"]),
        ]
    )
    assert columns.n == 3
    assert columns.ids.to_pylist() == ["a", "b", "c"]
    assert [(c.signal, c.tier, c.scope) for c in columns.tying()] == [
        ("serial", Tier.HARDWARE, Scope.UNIT),
        ("wifi_mac", Tier.HARDWARE, Scope.UNIT),
        ("wifi_mac", Tier.INSTALL, Scope.UNIT),
    ]
    serials, _, randomised = columns.tying()
    assert (serials.rows.tolist(), serials.codes.tolist(), serials.keys.to_pylist()) == ([0, 1], [0, 0], ["R58M1"])
    assert columns.first_hand.tolist() == [True, False, True]
    assert randomised.keys.to_pylist() == ["ssid:hall|DA:A1:19:00:00:01"]
    assert columns.column("ip").carriers(0).tolist() == [1]


def test_weights_follow_the_priors_and_the_probability_the_number_of_others():
    assert weights.bits("exhibit", Tier.HARDWARE) > weights.bits("imei", Tier.HARDWARE) > 30
    assert weights.bits("wifi_mac", Tier.INSTALL) < weights.bits("wifi_mac", Tier.HARDWARE)
    assert weights.probability(10, 1024) == pytest.approx(0.5)
    assert weights.probability(0, 0) == pytest.approx(1 / 3)
    assert weights.probability(40, 100) == weights.CAP
    assert weights.probability(-5000, 10) == 0
    assert weights.probability(20, 1000) > weights.probability(20, 100_000)


def test_an_account_weighs_as_much_as_the_weakest_tie_on_its_way_to_the_phone():
    app = "com.photogram"
    linkage = link(
        [
            seen("phone", "acquisition:bugreport", exhibit="E1", accounts="photogram:own"),
            seen("ssaid", "acquisition:settings_ssaid", app=app, exhibit="E1", android_id=aid(1)),
            seen("login", PHOTO, 3, "photogram:far", app, android_id=aid(1), drm_id=drm(1)),
            seen("again", PHOTO, 9, "photogram:far", app, drm_id=drm(1)),
        ]
    )
    found = {x.account: x for x in linkage.links}
    assert found["photogram:own"].weight == weights.bits("exhibit", Tier.HARDWARE)
    far = found["photogram:far"]
    assert far.weight == weights.bits("android_id", Tier.INSTALL)
    assert far.probability == weights.probability(far.weight, 4)
    assert far.observations == ("again", "login")
    assert (far.last_seen - far.first_seen).total_seconds() == 6 * 3600
    assert any(r.startswith("android_id ") and "2 observations" in r for r in far.reasons)
    assert "listed on the phone (bugreport)" in found["photogram:own"].reasons


def test_an_account_without_any_identifier_has_no_weight_and_says_so():
    (found,) = link([seen("a", PHOTO, accounts="photogram:u", ip="203.0.113.7")]).links
    assert found.weight == 0
    assert found.reasons == ("nothing in it tells the phone",)


def test_no_reason_claims_more_than_a_weight():
    linkage = link([seen(n, PHOTO, accounts="photogram:u", drm_id=drm(1)) for n in "abc"])
    text = " ".join(r for x in linkage.links for r in x.reasons).lower()
    assert "drm_id" in text
    assert "match" not in text
    assert "proof" not in text


def test_an_account_on_two_phones_has_two_links():
    linkage = link([seen(n, PHOTO, accounts="photogram:u", serial=f"R58M{n}") for n in "ab"])
    assert [x.account for x in linkage.links] == ["photogram:u"] * 2
    assert len({x.device for x in linkage.links}) == 2


def epochs(*hours_by_id, **more):
    """One phone's platform observations: for each android_id the hours it was seen at."""
    return [
        seen(f"o{n}-{h}", PHOTO, h, app="com.photogram", android_id=aid(n), drm_id=drm(1), **more)
        for n, hours in enumerate(hours_by_id)
        for h in hours
    ]


def test_a_reset_changes_the_android_id_while_the_drm_id_holds_the_phone_together():
    linkage = link(epochs([0, 1, 2], [10, 11, 12]))
    assert [d.flags for d in linkage.devices] == [("factory_reset",)]
    assert "2026-03-01 18:00" in linkage.devices[0].notes[0]


def test_a_copy_of_the_app_that_lives_at_the_same_time_is_no_reset():
    assert link(epochs([0, 4, 8], [2, 6, 10])).devices[0].flags == ()


def test_a_copy_that_began_later_while_the_first_lives_on_is_no_reset():
    assert link(epochs([0, 1, 2, 20], [10, 11, 12])).devices[0].flags == ()


def test_one_observation_on_a_side_says_too_little_for_a_reset():
    assert link(epochs([0, 1, 2], [10])).devices[0].flags == ()


def test_ids_of_different_apps_are_no_reset():
    found = [
        seen(f"o{n}", PHOTO, n, app=f"com.app{n // 3}", android_id=aid(n // 3), serial="R58M1", drm_id=drm(n // 3))
        for n in range(6)
    ]
    assert link(found).devices[0].flags == ()


def test_four_sims_are_churn_and_three_are_not():
    def rack(count):
        return [
            seen("a", serial="R58M1", iccid=iccid(0), iccid_past=[iccid(n) for n in range(1, count)]),
            seen("b", serial="R58M1", iccid=iccid(0)),
        ]

    assert link(rack(3)).devices[0].flags == ()
    device = link(rack(4)).devices[0]
    assert device.flags == ("sim_churn",)
    assert device.notes == ("4 different SIMs were in it",)


def test_values_are_shortened_for_a_line_of_text_without_their_scope():
    assert short("app:com.x|" + "a" * 64) == "aaaaaaaa…aaaa"
    assert short("R58M1") == "R58M1"


def test_the_widest_way_beats_a_short_one_and_ties_of_one_value_count_as_one_step():
    ties = [
        Tie("a", "d", "gsf_id", "v", 5.0, 2),
        Tie("a", "b", "imei", "v", 30.0, 2),
        Tie("b", "c", "drm_id", "v", 40.0, 3),
        Tie("d", "b", "drm_id", "v", 40.0, 3),
        Tie("x", "y", "imei", "w", 30.0, 2),
    ]
    best = widest(graph(ties), {"a": 60.0})
    assert best["a"] == (60.0, None)
    assert best["d"][0] == best["c"][0] == 30.0
    assert "x" not in best
    assert [(t.a, t.b, t.signal) for t in path(best, "d")] == [("a", "b", "imei"), ("b", "d", "drm_id")]
    from_c = widest(graph(ties), {"c": 60.0})
    assert [(t.a, t.b) for t in path(from_c, "d")] == [("c", "d")]


def test_resets_at_regular_times_are_a_cadence():
    (device,) = link(epochs(*[[24 * n, 24 * n + 1, 24 * n + 2] for n in range(4)])).devices
    assert device.flags == ("factory_reset", "reset_cadence")
    assert device.notes[1] == "3 resets, 1.0 days apart on average"
    assert link(epochs(*[[24 * n, 24 * n + 1] for n in range(3)])).devices[0].flags == ("factory_reset",)


def test_copies_of_an_app_side_by_side_are_told_and_a_second_one_is_not():
    def copies(count):
        return [
            seen(f"o{n}-{h}", PHOTO, h, app="com.photogram", drm_id=drm(n), serial="R58M1")
            for n in range(count)
            for h in (0, 20)
        ]

    assert link(copies(2)).devices[0].flags == ()
    (device,) = link(copies(3)).devices
    assert device.flags == ("app_copies",)
    assert device.notes == ("3 copies of com.photogram were used side by side, told by their drm_id",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "sdk_gphone64_x86_64"),
        ("gl_renderer", "Android Emulator OpenGL ES Translator (SwiftShader)"),
        ("cpu", "ranchu"),
        ("build_fingerprint", "generic/vbox86p/vbox86p:5.0/LRX21M/1:userdebug/test-keys"),
    ],
)
def test_emulators_are_told(name, value):
    (device,) = link([seen("a", serial="R58M1", **{name: value})]).devices
    assert device.flags == ("emulator",)
    assert value in device.notes[0]


def test_phones_that_trust_one_computer_are_told_and_no_other():
    key, own = "QAAAA" + "x" * 200, "QAAAA" + "y" * 200
    phones = [seen(f"p{n}", serial=f"R58M{n}", adb_host_key=[key]) for n in range(3)]
    linkage = link([*phones, seen("own", serial="R58M9", adb_host_key=[own])])
    told = {d.observations[0]: (d.flags, d.notes) for d in linkage.devices}
    assert told["own"] == ((), ())
    assert told["p0"][0] == ("shared_adb_key",)
    assert "2 other devices" in told["p0"][1][0]


def test_a_tac_that_names_another_model_is_told_of_the_odd_one_only():
    usual = [seen(f"p{n}", serial=f"R58M{n}", imei=imei(n), model="SM-J530F") for n in range(5)]
    odd = seen("odd", serial="R58M9", imei=imei(9), model="M2006C3LG")
    told = {d.observations[0]: d for d in link([*usual, odd]).devices}
    assert told["odd"].flags == ("tac_mismatch",)
    assert told["odd"].notes == ("its IMEI's TAC 35268809 is seen with SM-J530F, and this is a M2006C3LG",)
    assert all(not told[f"p{n}"].flags for n in range(5))
    assert all(not d.flags for d in link([*usual[:2], odd]).devices)  # too few to say
