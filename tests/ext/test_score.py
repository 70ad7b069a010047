"""The scoring kernel against its plain twin, in one piece and in parts."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext import score, score_py

LANES = score.LANES
weight = st.integers(-1_000_000, 1_000_000)
lanes = st.lists(weight, min_size=LANES, max_size=LANES)


@st.composite
def tables(draw):
    rows = draw(st.integers(1, 12))
    code = st.sampled_from([0, 0, 1, 2, 3, 2**31 - 1, -5])
    codes = draw(st.lists(st.lists(code, min_size=LANES, max_size=LANES), min_size=rows, max_size=rows))
    ends = st.lists(st.tuples(st.integers(0, rows - 1), st.integers(0, rows - 1)), max_size=40)
    rare = draw(st.none() | st.lists(lanes, min_size=rows, max_size=rows))
    return codes, draw(ends), draw(lanes), draw(lanes), rare


def ints(values, width=None):
    found = np.array(values, dtype=np.int32)
    return found.reshape(-1, width) if width else found


@given(tables())
def test_kernel_and_twin_give_the_same_sums(case):
    codes, ends, agree, differ, rare = case
    a, b = [x for x, _ in ends], [y for _, y in ends]
    weights = None if rare is None else ints(rare, LANES)
    kernel = score.score(ints(codes, LANES), ints(a), ints(b), ints(agree), ints(differ), weights)
    assert kernel.tolist() == score_py.score(codes, a, b, agree, differ, rare)


def world(pairs=10_000):
    draw = np.random.default_rng(1)
    codes = draw.integers(0, 5, (500, LANES)).astype(np.int32)
    a, b = (draw.integers(0, 500, pairs).astype(np.int32) for _ in "ab")
    agree = draw.integers(-900, 900, LANES).astype(np.int32)
    return codes, a, b, agree, -agree


def test_any_split_over_threads_gives_the_same_scores():
    codes, a, b, agree, differ = world()
    whole = score.score(codes, a, b, agree, differ)
    cuts = [slice(0, 3333), slice(3333, 3334), slice(3334, None)]
    with ThreadPoolExecutor(3) as pool:
        parts = list(pool.map(lambda cut: score.score(codes, a[cut], b[cut], agree, differ), cuts))
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert score.score(codes, b, a, agree, differ).tolist() == whole.tolist()


def test_no_pairs_and_nothing_seen():
    codes, _, _, agree, differ = world()
    nothing = np.empty(0, dtype=np.int32)
    assert score.score(codes, nothing, nothing, agree, differ).tolist() == []
    assert score.score(np.zeros_like(codes), ints([0]), ints([1]), agree, differ).tolist() == [0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"a": ints([500])}, "a\\[0\\] is 500, of 500 rows"),
        ({"b": ints([-1])}, "b\\[0\\] is -1"),
        ({"a": ints([0, 1])}, "sizes do not fit"),
        ({"agree": ints([1, 2])}, "16 lanes"),
        ({"codes": np.zeros((500, 12), dtype=np.int32)}, "16 lanes"),
        ({"weights": np.zeros((499, 16), dtype=np.int32)}, "another shape"),
        ({"codes": np.zeros((500, 16), dtype=np.int64)}, "mismatch"),
    ],
)
def test_what_does_not_fit_is_refused(change, said):
    codes, _, _, agree, differ = world()
    fits = {"codes": codes, "a": ints([0]), "b": ints([1]), "agree": agree, "differ": differ}
    with pytest.raises(ValueError, match=said):
        score.score(**(fits | change))


def test_the_twin_refuses_the_same():
    row = [1] * LANES
    for codes, a, b, weights in (
        ([row], [1], [0], None), ([row], [0, 0], [0], None), ([[1]], [0], [0], None), ([row], [0], [0], []),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            score_py.score(codes, a, b, row, row, weights)
