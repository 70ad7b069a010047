"""An explanation names each shared value, its weight, where it stands, what speaks against, and what is not enough."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linking import aid, drm, iccid, imei, seen

from rackprint.fingerprint.link import weights
from rackprint.fingerprint.link.explain import explain
from rackprint.fingerprint.link.linker import link
from rackprint.fingerprint.model import Tier

PHOTO, CHIRP = "platform:photogram", "platform:chirper"
P, C = {"app": "com.photogram"}, {"app": "com.chirper"}


def rack():
    return [
        seen("phone", "acquisition:bugreport", exhibit="E1", imei=imei(1), accounts="photogram:own"),
        seen("ssaid-p", "acquisition:settings_ssaid", exhibit="E1", android_id=aid(1), **P),
        seen("ssaid-c", "acquisition:settings_ssaid", exhibit="E1", android_id=aid(2), **C),
        seen("p1", PHOTO, 1, "photogram:u", android_id=aid(1), drm_id=drm(1), ip="203.0.113.7", **P),
        seen("c1", CHIRP, 2, "chirper:v", android_id=aid(2), ip="203.0.113.7", **C),
        seen("p2", PHOTO, 3, "photogram:w", android_id=aid(1), drm_id=drm(1), **P),
        seen("x1", PHOTO, 3, "photogram:else", android_id=aid(9), ip="203.0.113.7", iccid=iccid(1), **P),
        seen("y1", PHOTO, 4, "photogram:lone", android_id=aid(8), ip="203.0.113.7", iccid=iccid(1), **P),
    ]


@pytest.fixture
def told():
    observations = rack()
    linkage = link(observations)
    by_id = {o.id: o for o in observations}
    return lambda a, b=None: explain(linkage, by_id, a, b)


def test_two_accounts_on_one_phone_name_every_step_down_to_the_line(told):
    found = told("photogram:u", "chirper:v")
    assert found.device
    assert [(s.signal, s.a.observation, s.b.observation) for s in found.steps] == [
        ("android_id", "p1", "ssaid-p"),
        ("exhibit", "ssaid-p", "ssaid-c"),
        ("android_id", "ssaid-c", "c1"),
    ]
    first = found.steps[0]
    assert first.bits == weights.bits("android_id", Tier.INSTALL)
    assert (first.observations, first.devices, first.value) == (3, 1, aid(1))
    assert first.a.artifact == "ab" * 32
    assert str(first.a) == f"{PHOTO} {'ab' * 6} (line 1)"
    assert found.weakest.signal == "android_id"
    assert found.weight == found.weakest.bits
    assert {s.account for s in found.shown} == {"photogram:u", "chirper:v"}
    lines = [*found.summary(), *found.remarks()]
    assert any("share device" in x for x in lines)
    assert any(x.startswith("weakest step: android_id") for x in lines)
    assert [r["step"] for r in found.rows()] == ["1", "2", "3"]


def test_further_values_of_the_same_two_observations_are_listed_beside_the_path(told):
    found = told("photogram:u", "photogram:w")
    assert [s.signal for s in found.steps] == ["drm_id"]
    assert [s.signal for s in found.beside] == ["android_id"]
    assert [r["step"] for r in found.rows()] == ["1", "beside"]


def test_one_account_is_led_to_the_phones_surest_value(told):
    found = told("photogram:u")
    assert found.b == ""
    assert [s.signal for s in found.steps] == ["android_id"]
    assert next(iter(found.summary())).startswith("photogram:u on device d-")


def test_an_account_listed_on_the_phone_itself_needs_no_step(told):
    found = told("photogram:own")
    assert found.steps == ()
    assert found.weakest is None
    assert found.weight == weights.bits("exhibit", Tier.HARDWARE)


def test_apart_says_so_and_names_what_is_shared_but_not_sufficient(told):
    found = told("photogram:else", "photogram:lone")
    assert (found.device, found.steps, found.probability) == ("", (), 0.0)
    why = {s.signal: s.why for s in found.shared}
    assert why["iccid"] == "SIMs move between phones"
    assert "which many phones share" in why["ip"]
    assert "no device that both were on" in next(iter(found.summary()))
    assert sum("ties no devices" in x for x in found.remarks()) == 2


def test_an_unknown_account_is_a_key_error(told):
    with pytest.raises(KeyError):
        told("photogram:nobody")
    with pytest.raises(KeyError):
        told("photogram:u", "photogram:nobody")


def test_observations_that_list_both_accounts_are_named():
    observations = [seen("a", "acquisition:bugreport", exhibit="E1", accounts=["photogram:u", "photogram:v"])]
    found = explain(link(observations), {o.id: o for o in observations}, "photogram:u", "photogram:v")
    assert [p.observation for p in found.both] == ["a"]
    assert found.steps == ()
    assert any("both are listed in" in line for line in found.summary())


def test_conflicts_resets_and_differing_values_speak_against():
    observations = [
        seen("a", exhibit="E1", imei=imei(1)),
        seen("b", exhibit="E2", imei=imei(1), accounts="photogram:far"),
        *[seen(f"o{n}", PHOTO, n, "photogram:u", exhibit="E1", android_id=aid(n // 2), **P) for n in range(2)],
        *[seen(f"o{n}", PHOTO, n, "photogram:v", exhibit="E1", android_id=aid(n // 2), **P) for n in range(2, 4)],
    ]
    by_id = {o.id: o for o in observations}
    found = explain(link(observations), by_id, "photogram:u", "photogram:v")
    assert any(x.startswith(f"imei {imei(1)} also stands on d-") for x in found.against)
    assert any(x.startswith("factory_reset: ") for x in found.against)
    assert "2 different android_id in com.photogram" in found.against
    apart = explain(
        link([*observations, seen("c", PHOTO, accounts="photogram:c", imei=imei(1))]),
        by_id | {"c": seen("c", PHOTO, accounts="photogram:c", imei=imei(1))},
        "photogram:far",
        "photogram:c",
    )
    assert [(s.signal, s.why) for s in apart.shared] == [("imei", "contested: more than one unit carries it")]


def test_many_places_are_counted_and_not_all_shown():
    observations = [seen(f"o{n}", PHOTO, n, "photogram:u", drm_id=drm(1)) for n in range(8)]
    lines = list(explain(link(observations), {o.id: o for o in observations}, "photogram:u").summary())
    assert lines[-1].strip() == "photogram:u stands in 5 more observations"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("uvwx"), st.integers(0, 5), st.integers(0, 5), st.booleans()), min_size=2, max_size=14
    )
)
def test_any_pair_of_accounts_is_explained_by_a_path_whose_steps_join(parts):
    observations = [
        seen(f"o{n}", PHOTO, n, f"photogram:{who}", drm_id=drm(d), **({"android_id": aid(a)} if with_id else {}), **P)
        for n, (who, d, a, with_id) in enumerate(parts)
    ]
    linkage = link(observations)
    by_id = {o.id: o for o in observations}
    accounts = sorted({x.account for x in linkage.links})
    for a in accounts:
        for b in accounts:
            if a < b:
                found = explain(linkage, by_id, a, b)
                for before, after in zip(found.steps, found.steps[1:], strict=False):
                    assert before.b.observation == after.a.observation
                if found.steps:
                    assert a in by_id[found.steps[0].a.observation].accounts
                    assert b in by_id[found.steps[-1].b.observation].accounts
                for step in found.steps:
                    for place in (step.a, step.b):
                        held = {(s.name, str(s.value)) for s in by_id[place.observation].signals}
                        assert (step.signal, step.value) in held


def test_an_account_on_two_phones_is_told_of_both():
    observations = [
        seen("a", PHOTO, 1, "photogram:u", drm_id=drm(1), **P),
        seen("b", PHOTO, 30, "photogram:u", drm_id=drm(2), **P),
    ]
    linkage = link(observations)
    found = explain(linkage, {o.id: o for o in observations}, "photogram:u")
    (other,) = {d.id for d in linkage.devices} - {found.device}
    assert any(other in text and "shared and sold" in text for text in found.against)


def test_the_waterfall_starts_before_the_evidence_and_ends_in_the_link():
    observations = [
        seen("a", PHOTO, 1, "photogram:u", drm_id=drm(1), **P),
        seen("b", PHOTO, 2, "photogram:v", drm_id=drm(1), **P),
        seen("c", PHOTO, 3, "photogram:w", drm_id=drm(2), **P),
    ]
    linkage = link(observations)
    rows = explain(linkage, {o.id: o for o in observations}, "photogram:u", "photogram:v").waterfall()
    (_, prior, _), (name, weight, _), (_, total, _) = rows[:3]
    assert prior == -1
    assert name.startswith("drm_id ")
    assert total == prior + weight > 30
    assert explain(linkage, {o.id: o for o in observations}, "photogram:u", "photogram:w").waterfall() == []
