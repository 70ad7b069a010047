"""One observation at a time: devices, merges, splits, and agreement with the batch."""

import random

import pytest
from linking import START, aid, drm, imei, seen

from benchmarks.scenarios.__main__ import SCENARIOS
from benchmarks.scenarios.views import VIEWS, observe
from benchmarks.scenarios.world import World
from rackprint.fingerprint.link.evaluate import evaluate
from rackprint.fingerprint.link.linker import link
from rackprint.fingerprint.link.online import Resolver

PHOTO = "platform:photogram"
APP = "com.photogram"


def fed(observations, **how):
    resolver = Resolver(**how)
    events = [event for o in observations for event in resolver.add(o).events]
    return resolver, events + list(resolver.settle())


def groups(resolver):
    return sorted(sorted(names) for _, names in resolver.devices())


def test_what_shares_a_value_is_one_device_that_keeps_its_id():
    resolver = Resolver()
    first = resolver.add(seen("a", PHOTO, 1, app=APP, drm_id=drm(1), android_id=aid(1)))
    second = resolver.add(seen("b", PHOTO, 2, app=APP, drm_id=drm(1), android_id=aid(2)))
    assert first.fresh
    assert not second.fresh
    assert first.device == second.device == resolver.device_of("b")
    assert second.weight > 30
    assert 0.9 < second.probability < 1
    assert any("drm_id" in reason and "2 observations" in reason for reason in second.reasons)
    assert len(resolver) == 1


def test_the_id_is_the_one_that_a_batch_gives_where_the_surest_value_came_first():
    a = seen("a", serial="R58M1", drm_id=drm(1))
    assert Resolver().add(a).device == link([a]).devices[0].id


def test_the_same_observation_again_changes_nothing():
    resolver = Resolver()
    a = seen("a", PHOTO, drm_id=drm(1))
    first, again = resolver.add(a), resolver.add(a)
    assert again.device == first.device
    assert again.reasons == ("known before",)
    assert groups(resolver) == [["a"]]


def test_two_devices_that_turn_out_to_be_one_are_merged_under_the_older_id():
    resolver = Resolver()
    old = resolver.add(seen("a", PHOTO, 1, app=APP, drm_id=drm(1)))
    new = resolver.add(seen("b", PHOTO, 2, app="com.chirper", drm_id=drm(2)))
    both = resolver.add(seen("c", exhibit="E1", hours=3, drm_id=[drm(1), drm(2)]))
    assert old.device != new.device
    resolver.add(seen("d", PHOTO, 4, app=APP, drm_id=drm(1), gaid="0a1b2c3d-0000-4000-8000-00000000000a"))
    joined = resolver.add(
        seen("e", PHOTO, 5, app="com.chirper", drm_id=drm(2), gaid="0a1b2c3d-0000-4000-8000-00000000000a")
    )
    assert both.device not in {old.device, new.device}  # user 0's own drm_id is of another scope
    (event,) = joined.events
    assert (event.kind, event.device, event.others) == ("merge", old.device, (new.device,))
    assert joined.device == old.device == resolver.device_of("b")


def test_a_cloned_imei_ties_nobody_and_what_it_held_falls_apart():
    clone = imei(7)
    observations = [
        seen("a", hours=1, imei=clone),
        seen("b", hours=2, imei=clone),
        seen("c", hours=3, imei=clone, serial="R58M0000001"),
        seen("d", hours=4, imei=clone, serial="R58M0000002"),
        seen("e", hours=5, imei=clone, serial="R58M0000001"),
    ]
    resolver, events = fed(observations)
    assert [e.kind for e in events] == ["contested", "split"]
    assert "different serial" in events[0].why
    assert groups(resolver) == sorted(sorted(d.observations) for d in link(observations).devices)


def test_an_install_value_beside_three_drm_ids_is_contested():
    observations = [seen(f"o{n}", PHOTO, n, app=APP, android_id=aid(1), drm_id=drm(n)) for n in range(4)]
    resolver, events = fed(observations)
    assert "contested" in {e.kind for e in events}
    assert groups(resolver) == [["o0"], ["o1"], ["o2"], ["o3"]]


def test_a_rare_boot_ties_two_apps_and_an_overlap_does_not():
    boot = int(START.timestamp()) - 3600
    how = {"ip": "203.0.113.7", "model": "M1", "boot_time": boot}
    resolver, events = fed(
        [
            seen("a", PHOTO, 1, app=APP, android_id=aid(1), **how),
            seen("b", "platform:chirper", 2, app="com.chirper", android_id=aid(2), **how),
        ]
    )
    assert groups(resolver) == [["a", "b"]]
    assert [e.why for e in events] == ["boot_time"]


def test_unknown_signals_and_no_signals_make_devices_of_their_own():
    resolver, events = fed([seen("a", PHOTO), seen("b", PHOTO, shoe_size="46"), seen("c", PHOTO, shoe_size="46")])
    assert groups(resolver) == [["a"], ["b"], ["c"]]
    assert events == []


@pytest.mark.parametrize("name", ["hand-driven rack", "app cloners", "families", "repair shop", "turnkey factory"])
@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_it_agrees_with_the_batch_over_the_same_observations(name, view):
    fill, usual = SCENARIOS[name]
    world = World(random.Random(f"online {name}"))
    fill(world, max(6, usual // 5))
    observations, truth = observe(world, view, 5)
    observations.sort(key=lambda o: o.time)
    resolver, _ = fed(observations, width=2.0)
    online = {o: device for device, names in resolver.devices() for o in names}
    batch = {o: d.id for d in link(observations).devices for o in d.observations}
    assert online.keys() == batch.keys()
    assert evaluate(batch, online).pairwise.f1 > 0.97
    assert evaluate(truth, online).pairwise.precision > 0.97
