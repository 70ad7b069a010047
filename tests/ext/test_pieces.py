"""The kernel that puts pieces together against its twin."""

from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext import pieces
from rackprint.fingerprint.capture import fragments

PARTS = st.lists(st.tuples(st.one_of(st.integers(0, 90), st.just(1 << 62)), st.binary(max_size=20)), max_size=60)


@given(PARTS, st.integers(0, 100), st.integers(1, 4))
def test_it_holds_what_the_twin_holds(parts, limit, most):
    kernel, twin = pieces.Fragments(limit, most), fragments.Fragments(limit, most)
    for at, part in parts:
        assert kernel.add(at, part) == twin.add(at, part)
        assert (kernel.prefix, kernel.held, kernel.data) == (twin.prefix, twin.held, bytes(twin.data))
        for start, end in ((0, 4), (4, at), (at, at + 9)):
            assert kernel.part(start, end) == twin.part(start, end)


def test_places_before_the_start_are_refused():
    kernel = pieces.Fragments(20)
    assert not kernel.add(-1, b"x")
    assert (kernel.part(-1, 3), kernel.data, kernel.prefix) == (b"", b"", 0)
