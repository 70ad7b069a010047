"""Two knots that one accidental tie joins are cut apart; knots and small groups stay whole."""

from itertools import combinations

from rackprint.fingerprint.link.loose import LARGE, cut
from rackprint.fingerprint.link.pairs import Pair


def tie(a, b, excess=10.0):
    return Pair((a, b), (a, b), f"{a}-{b}", 20.0, excess, 1)


def knot(first, size):
    return [tie(a, b) for a, b in combinations(range(first, first + size), 2)]


def test_one_tie_between_two_knots_of_many_is_dropped():
    size = LARGE
    bridges = [tie(n * size, (n + 1) * size, 8.0) for n in range(3)]
    knots = [pair for n in range(4) for pair in knot(n * size, 16)]
    kept = cut([*knots, *bridges])
    assert kept == knots


def test_a_knot_and_a_small_chain_stay_whole():
    chain = [tie(n, n + 1) for n in range(LARGE - 2)]
    assert cut(chain) == chain
    assert cut(knot(0, LARGE + 6)) == knot(0, LARGE + 6)
    assert cut([]) == []


def test_the_answer_is_the_same_each_time():
    ties = [*knot(0, 16), *knot(20, 16), *knot(40, 16), tie(0, 20), tie(20, 40)]
    assert [p.fragments for p in cut(ties)] == [p.fragments for p in cut(ties)]
