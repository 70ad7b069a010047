"""The blocking kernels against their plain twins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext import blocking, blocking_py


@st.composite
def coded(draw):
    size = draw(st.integers(1, 30))
    return draw(st.lists(st.integers(0, size - 1), max_size=120)), size


@given(coded())
def test_grouping_is_a_stable_counting_sort(given_codes):
    codes, size = given_codes
    starts, order = blocking.group(np.array(codes, dtype=np.int32), size)
    assert (starts.tolist(), order.tolist()) == blocking_py.group(codes, size)
    for code in range(size):
        assert order[starts[code] : starts[code + 1]].tolist() == [k for k, c in enumerate(codes) if c == code]


@st.composite
def blocks(draw):
    found = draw(st.lists(st.lists(st.integers(0, 40), unique=True, max_size=8), max_size=12))
    starts = [0]
    for block in found:
        starts.append(starts[-1] + len(block))
    return starts, [member for block in found for member in block], draw(st.integers(0, 9))


@given(blocks())
def test_pairs_are_those_of_blocks_that_are_not_too_large(case):
    starts, members, cap = case
    kernel = blocking.pairs(np.array(starts, dtype=np.int32), np.array(members, dtype=np.int32), cap)
    assert tuple(side.tolist() for side in kernel) == blocking_py.pairs(starts, members, cap)
    assert all(a < b for a, b in zip(kernel[0], kernel[1], strict=True))


def test_a_block_beyond_the_cap_gives_none():
    starts, members = np.array([0, 5], dtype=np.int32), np.arange(5, dtype=np.int32)
    assert len(blocking.pairs(starts, members, 4)[0]) == 0
    assert len(blocking.pairs(starts, members, 5)[0]) == 10


@pytest.mark.parametrize("module", [blocking, blocking_py], ids=["kernel", "twin"])
def test_what_does_not_fit_is_refused(module):
    with pytest.raises(ValueError, match="code 3 at 1"):
        module.group([0, 3], 3)
    with pytest.raises(ValueError, match="code -1 at 0"):
        module.group([-1], 3)
    with pytest.raises(ValueError, match="-1 values"):
        module.group([], -1)
    for starts in ([0, 3], [0, -1], [2, 1]):
        with pytest.raises(ValueError, match="do not fit"):
            module.pairs(starts, [1, 2], 9)
    with pytest.raises(ValueError, match="no starts"):
        module.pairs([], [], 9)
