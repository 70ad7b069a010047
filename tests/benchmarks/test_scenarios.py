"""The scenarios are made by their seed alone, with valid identifiers, and truths that an oracle keeps."""

import random

import msgspec
import pytest

from benchmarks.scenarios.__main__ import HEAD, SCENARIOS, rows
from benchmarks.scenarios.reachable import reachable
from benchmarks.scenarios.views import VIEWS, observe
from benchmarks.scenarios.world import World


def world(name, size=4, seed=1):
    made = World(random.Random(f"{seed} {name}"))
    SCENARIOS[name][0](made, size)
    return made


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_seed_makes_the_same_again_and_another_seed_does_not(name):
    one, two, other = (observe(world(name, seed=seed), VIEWS[0], seed)[0] for seed in (1, 1, 2))
    assert one == two != other
    assert len({o.id for o in one}) == len(one)


@pytest.mark.parametrize("name", SCENARIOS)
def test_identifiers_are_valid_but_where_the_scenario_breaks_them(name):
    observations, truth = observe(world(name), VIEWS[0], 1)
    assert set(truth) == {o.id for o in observations}
    bad = {s.name for o in observations for s in o.signals if not s.valid} - {"gaid"}
    assert bad == ({"imei", "serial", "wifi_mac", "bt_mac"} if name == "emulator host" else set())


@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
def test_the_oracle_finds_at_least_what_ids_tell_and_at_most_all(view):
    for name in ("hand-driven rack", "emulator host", "families"):
        observations, truth = observe(world(name, 8), view, 1)
        blind = [
            msgspec.structs.replace(o, signals=tuple(s for s in o.signals if s.name != "ip")) for o in observations
        ]
        assert 0 < reachable(blind, truth) <= reachable(observations, truth) <= 1


def test_no_ordinary_person_is_accused_and_racks_are_found():
    for row in rows(["hand-driven rack", "families", "test lab"], 0.3, 1):
        held, accused, kinds = row[-3:]
        assert accused == 0
        assert (held, kinds) in {("1.00", "1 hand-driven rack"), ("-", "none")}


def test_the_table_has_a_row_a_view():
    made = list(rows(["families"], 0.05, 1))
    assert [row[1] for row in made] == [view.name for view in VIEWS]
    assert all(len(row) == len(HEAD) and row[4] == 1 for row in made)
