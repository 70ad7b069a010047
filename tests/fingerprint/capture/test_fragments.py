import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext import pieces as kernel
from rackprint.fingerprint.capture import fragments

Fragments = kernel.Fragments


@pytest.fixture(scope="module", autouse=True, params=[kernel, fragments], ids=["kernel", "twin"])
def fragments_of(request):
    """Every test runs with the kernel and with its twin."""
    request.module.Fragments = request.param.Fragments


pieces = st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=20)), max_size=40)


@given(pieces)
def test_each_byte_is_the_one_that_came_first(parts):
    """Held against the plainest thing that does the same: a dict of bytes."""
    kept, plain = Fragments(70), {}
    for at, part in parts:
        taken = kept.add(at, part)
        assert taken == (at + len(part) <= 70)
        for number, byte in enumerate(part if taken else b""):
            plain.setdefault(at + number, byte)
        prefix = next(n for n in range(100) if n not in plain)
        assert kept.prefix == prefix
        assert all(kept.data[n] == byte for n, byte in plain.items())


@given(st.binary(min_size=1, max_size=300), st.integers(1, 40), st.integers(0, 1 << 32))
def test_pieces_in_any_order_give_the_whole(message, size, seed):
    starts = list(range(0, len(message), size))
    random.Random(seed).shuffle(starts)
    kept = Fragments(len(message))
    for at in starts:
        kept.add(at, message[at : at + size])
    assert (kept.prefix, bytes(kept.data)) == (len(message), message)


def test_the_number_of_separate_pieces_is_bounded_and_what_touches_one_is_still_taken():
    kept = Fragments(100, 3)
    assert [kept.add(at, b"x") for at in (0, 2, 4, 6, 8)] == [True, True, True, False, False]
    assert [kept.add(at, b"y") for at in (1, 3, 5, 6)] == [True, True, True, True]
    assert (kept.prefix, bytes(kept.data)) == (7, b"xyxyxyy")


def test_what_is_held_is_the_memory_it_takes_however_small_the_pieces():
    tracemalloc.start()
    many = [Fragments(70_000) for _ in range(20)]
    for kept in many:
        for at in range(1, 2 * fragments.PIECES, 2):
            assert kept.add(at + 300, b"x")
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert 20 * len(many[0].data) < taken / 10
    assert taken < 1.1 * sum(kept.held for kept in many)


@pytest.mark.parametrize("at", [64, 1 << 62])
def test_nothing_past_the_limit_is_kept(at):
    kept = Fragments(64)
    assert not kept.add(at, b"x")
    assert not kept.data
