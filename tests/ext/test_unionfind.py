"""The kernel against its plain twin, and both against a search that needs no union-find."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext import unionfind, unionfind_py

BOTH = pytest.mark.parametrize("components", [unionfind.components, unionfind_py.components], ids=["kernel", "twin"])


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 60))
    node = st.integers(0, n - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=120))
    return n, array("i", [a for a, _ in edges]), array("i", [b for _, b in edges])


def searched(n, a, b):
    near = {node: set() for node in range(n)}
    for x, y in zip(a, b, strict=True):
        near[x].add(y)
        near[y].add(x)
    labels = [-1] * n
    for start in range(n):
        queue = [start] if labels[start] < 0 else []
        while queue:
            node = queue.pop()
            if labels[node] < 0:
                labels[node] = start
                queue += near[node]
    return labels


@given(graphs())
def test_kernel_and_twin_give_the_smallest_node_of_each_component(graph):
    kernel, twin = unionfind.components(*graph), unionfind_py.components(*graph)
    assert list(kernel) == list(twin) == searched(*graph)


@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_edges_and_ends_changes_nothing(graph, random):
    n, a, b = graph
    edges = [random.choice([(x, y), (y, x)]) for x, y in zip(a, b, strict=True)]
    random.shuffle(edges)
    turned = array("i", [x for x, _ in edges]), array("i", [y for _, y in edges])
    assert unionfind.components(n, a, b).tolist() == unionfind.components(n, *turned).tolist()


@BOTH
def test_a_long_chain_given_from_its_far_end(components):
    n = 20_000
    labels = components(n, array("i", range(n - 1, 0, -1)), array("i", range(n - 2, -1, -1)))
    assert set(labels) == {0}


@BOTH
def test_no_nodes_and_no_edges(components):
    assert list(components(0, array("i"), array("i"))) == []
    assert list(components(3, array("i"), array("i"))) == [0, 1, 2]


@BOTH
@pytest.mark.parametrize(
    ("n", "a", "b"),
    [(2, [0], [2]), (2, [-1], [0]), (2, [0], [-2147483648]), (2, [2147483647], [0]), (0, [0], [0]), (3, [0, 1], [1])],
)
def test_nodes_out_of_range_and_unequal_lengths_are_refused(components, n, a, b):
    with pytest.raises(ValueError):
        components(n, array("i", a), array("i", b))


@BOTH
def test_a_negative_number_of_nodes_is_refused(components):
    with pytest.raises(ValueError, match="do not fit"):
        components(-1, array("i"), array("i"))


@BOTH
def test_a_refused_edge_leaves_the_input_as_it_was(components):
    a, b = array("i", [0, 1, 9]), array("i", [1, 2, 0])
    with pytest.raises(ValueError, match="edge 2"):
        components(3, a, b)
    assert (list(a), list(b)) == ([0, 1, 9], [1, 2, 0])


def test_the_kernel_takes_any_int32_buffer_and_no_other():
    a, b = array("i", [0, 2]), array("i", [1, 3])
    read_only = memoryview(a.tobytes()).cast("i")
    assert list(unionfind.components(4, read_only, memoryview(b))) == [0, 0, 2, 2]
    with pytest.raises(ValueError, match="mismatch"):
        unionfind.components(4, array("q", a), array("q", b))
    with pytest.raises(TypeError):
        unionfind.components(4, [0], [1])
