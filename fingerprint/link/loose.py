"""Large components that hang together loosely: where boots chain many fragments, a few accidental ties may join what is
two phones. Communities (Leiden, Traag, Waltman and van Eck 2019, "From Louvain to Leiden", Sci. Rep. 9) tell the
dense parts, and ties between them are dropped.
"""

from __future__ import annotations

import random
from collections import defaultdict

from rackprint.fingerprint.link.pairs import Pair
from rackprint.fingerprint.link.tangle import Forest

LARGE = 24  # fragments; a phone with eight copies of three apps, seen through one boot, has as many
DENSE = 0.3  # of all pairs that are tied: such a component is one knot
SEED = 1


def cut(given: list[Pair]) -> list[Pair]:
    """``given`` without the ties between the communities of large, loose components; small ones are never touched."""
    forest = Forest()
    for pair in given:
        forest.join(pair.fragments)
    parts: dict[int, list[Pair]] = defaultdict(list)
    for pair in given:
        parts[forest.root(pair.fragments[0])].append(pair)
    dropped: set[int] = set()
    for ties in parts.values():
        names = sorted({f for pair in ties for f in pair.fragments})
        possible = len(names) * (len(names) - 1) / 2
        if len(names) > LARGE and len({pair.fragments for pair in ties}) < DENSE * possible:
            dropped |= {id(pair) for pair in _between(names, ties)}
    return [pair for pair in given if id(pair) not in dropped]


def _between(names: list[int], ties: list[Pair]) -> list[Pair]:
    import igraph

    place = {name: n for n, name in enumerate(names)}
    igraph.set_random_number_generator(random.Random(SEED))
    graph = igraph.Graph(n=len(names), edges=[(place[a], place[b]) for a, b in (pair.fragments for pair in ties)])
    found = graph.community_leiden(
        objective_function="modularity", weights=[pair.excess for pair in ties], n_iterations=-1
    )
    group = found.membership
    return [pair for pair in ties if group[place[pair.fragments[0]]] != group[place[pair.fragments[1]]]]
