"""A part of a stream reads as a stream of its own."""

import io

from hypothesis import given
from hypothesis import strategies as st

from rackprint.fingerprint.parsers.adb.window import Window, view


@given(st.binary(max_size=400), st.integers(0, 450), st.integers(-5, 450), st.integers(1, 50))
def test_it_reads_as_the_slice_does(data, start, size, step):
    window = Window(io.BytesIO(data), start, size)
    wanted = data[start : start + max(0, size)]
    assert (window.size, window.whole) == (len(wanted), len(wanted) >= size)
    reader = view(window)
    assert b"".join(iter(lambda: reader.read(step), b"")) == wanted
    reader.seek(-min(3, len(wanted)), io.SEEK_END)
    assert reader.read() == wanted[-3:]
    assert window.head(7) == wanted[:7]
    assert window.beyond(4) == data[start + max(0, size) :][:4]


@given(st.binary(max_size=50), st.integers(0, 3))
def test_cut_it_ends_with_its_last_whole_line(data, start):
    data *= 4000  # over the steps in which it looks back
    window = Window(io.BytesIO(data), start, len(data) - start)
    window.cut()
    part = data[start:]
    assert view(window).read() == part[: part.rfind(b"\n") + 1]
