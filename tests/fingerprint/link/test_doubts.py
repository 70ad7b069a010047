"""Reasons to doubt that a shared value is one phone's, and what is no such reason."""

import pytest
from linking import START, aid, drm, groups, imei, seen

from rackprint.fingerprint.link.linker import link

APP = "platform:p"


def boots(*minutes, **signals):
    """Sightings an hour apart of one value, each with the boot that lies so many minutes from the start."""
    start = int(START.timestamp()) - 7 * 86_400
    return [seen(f"o{n:02d}", APP, n, boot_time=start + 60 * minute, **signals) for n, minute in enumerate(minutes)]


def test_a_drm_id_on_two_models_ties_nobody():
    linkage = link([seen(f"o{n}", APP, drm_id=drm(1), model=f"M{n % 2}") for n in range(4)])
    assert len(linkage.devices) == 4
    assert not linkage.ties
    assert "its carriers are of 2 models" in linkage.conflicts[0].why
    assert all(d.flags == ("cloned_drm_id",) for d in linkage.devices)


@pytest.mark.parametrize("shared", [{"android_id": aid(1)}, {"serial": "R58M1234567"}, {"imei": imei(1)}], ids=str)
def test_any_value_on_two_models_ties_nobody(shared):
    assert len(link([seen("a", APP, model="M1", **shared), seen("b", APP, model="M2", **shared)]).devices) == 2


def test_two_sources_may_name_one_model_in_their_own_ways():
    rows = [seen("a", model="SM-G960F", serial="R58M1"), seen("b", APP, model="Galaxy S9", serial="R58M1")]
    assert len(link(rows).devices) == 1


def test_an_android_id_beside_three_drm_ids_ties_nobody():
    linkage = link([seen(f"o{n}", APP, drm_id=drm(n), android_id=aid(1)) for n in range(3)])
    assert len(linkage.devices) == 3
    assert "it stands beside 3 different drm_id of one app" in linkage.conflicts[0].why


def test_an_android_id_beside_two_drm_ids_ties():
    assert len(link([seen(f"o{n}", APP, drm_id=drm(n), android_id=aid(1)) for n in range(2)]).devices) == 1


def test_the_drm_ids_of_three_apps_are_no_reason_to_doubt():
    rows = [seen(f"o{n}", f"platform:p{n}", drm_id=drm(n), gaid=f"6f1b7c7e-9d54-4a64-8a3e-{7:012x}") for n in range(3)]
    assert len(link(rows).devices) == 1


@pytest.mark.parametrize("shared", [{"drm_id": drm(1)}, {"android_id": aid(1)}], ids=str)
def test_boots_that_go_back_and_forth_tie_nobody(shared):
    linkage = link(boots(0, 500, 0, 500, 0, **shared))
    assert len(linkage.devices) == 5
    assert "go back to an earlier boot 2 times" in linkage.conflicts[0].why


def test_boots_that_follow_each_other_tie():
    assert len(link(boots(0, 0, 500, 500, 900, 2000, drm_id=drm(1))).devices) == 1


def test_one_clock_correction_is_no_reason_to_doubt():
    linkage = link(boots(0, 500, 500, 380, 380, 900, drm_id=drm(1)))
    assert len(linkage.devices) == 1
    assert not linkage.conflicts


def test_a_clock_that_wanders_by_seconds_is_no_reason_to_doubt():
    assert len(link(boots(0, 0.5, 0, 0.5, 0, 0.5, 0, drm_id=drm(1))).devices) == 1


def test_a_clock_that_is_set_now_and_then_over_months_is_no_reason_to_doubt():
    minutes = [n * 3 - 120 * (n in {10, 25}) for n in range(40)]
    assert len(link(boots(*minutes, drm_id=drm(1))).devices) == 1


@pytest.mark.parametrize("odd", [0, -1], ids=str)
def test_boot_times_that_make_no_sense_are_no_reason_to_doubt(odd):
    start = int(START.timestamp()) - 86_400
    rows = [seen(f"o{n}", APP, n, boot_time=odd if n % 3 == 1 else start, drm_id=drm(1)) for n in range(9)]
    assert len(link(rows).devices) == 1


def test_an_exhibit_is_one_phone_whatever_its_boots_and_models_say():
    rows = [
        seen(f"o{n}", exhibit="E1", model=f"M{n % 2}", hours=n, boot_time=1_771_728_752 - n * 900) for n in range(6)
    ]
    assert groups(link(rows)) == {frozenset(f"o{n}" for n in range(6))}
