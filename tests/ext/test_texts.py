import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackprint.ext import texts, texts_py

BOTH = pytest.mark.parametrize("moment", [texts.moment, texts_py.moment], ids=["kernel", "twin"])


@given(st.integers(0, 2**63 - 1))
def test_kernel_and_twin_write_the_same_moment(time_ns):
    assert texts.moment(time_ns) == texts_py.moment(time_ns)


@BOTH
def test_the_ends_of_months_and_leap_years(moment):
    assert moment(0) == "1970-01-01T00:00:00.000000Z"
    assert moment(951_782_400 * 10**9 - 1) == "2000-02-28T23:59:59.999999Z"
    assert moment(951_782_400 * 10**9) == "2000-02-29T00:00:00.000000Z"
    assert moment(4_107_542_400 * 10**9) == "2100-03-01T00:00:00.000000Z"


@BOTH
def test_what_no_capture_has_is_refused(moment):
    with pytest.raises(ValueError, match="before 1970"):
        moment(-1)
    for time_ns in (1 << 63, -(1 << 63) - 1):
        with pytest.raises(OverflowError):
            moment(time_ns)
