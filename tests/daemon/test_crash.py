"""What was acknowledged survives whatever ends the daemon, at any moment."""

from pathlib import Path

import pytest
from crashing import Killed, Load, check, torture

from rackprint.daemon.points import POINTS


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("seed", "online"), [(1, "true"), (2, "false")])
def test_killed_25_times_at_random_it_loses_nothing_that_it_acknowledged(tmp_path, seed, online):
    """With the resolver beside the writer and without it, which leaves more of the machine to the writer."""
    torture(tmp_path, 25, seed, RACKPRINT_LINK__ONLINE=online)


@pytest.mark.timeout(300)
def test_the_same_on_postgresql(tmp_path, postgresql):
    torture(tmp_path, 6, 3, RACKPRINT_STORE__URL=postgresql)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_each_named_point_it_loses_nothing_that_it_acknowledged(tmp_path, point):
    settings = {"RACKPRINT_LIMITS__SMALL_KB": "64", "RACKPRINT_LINK__ONLINE": "false"}  # all points are the writer's
    daemon = Killed(tmp_path, RACKPRINT_KILL_AT=f"{point}:2:{tmp_path}/killed", **settings)
    daemon.start()
    load = Load(daemon, 7)
    made = [made_body(load, number) for number in range(5)]
    for body in made:
        for _ in range(400):
            if body in load.acknowledged:
                break
            load.deliver(body)
    assert set(made) == load.acknowledged
    daemon.stop()
    check(tmp_path, load)
    assert "ended with -9" in Path(tmp_path / "daemon.log").read_text()


def made_body(load: Load, number: int) -> bytes:
    """Small ones, and large ones that go through a file."""
    from random import Random

    class Dice(Random):
        def choice(self, _):
            return 3000 if number % 2 else 20

    return load.body(Dice())
