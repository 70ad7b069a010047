# cython: language_level=3, boundscheck=False, wraparound=False
"""Texts that every event has. ``texts_py`` is the plain twin."""

from libc.stdint cimport int64_t


cdef inline void digits(char *out, int64_t value, int count) noexcept nogil:
    cdef int i
    for i in range(count - 1, -1, -1):
        out[i] = <char> (48 + value % 10)
        value //= 10


def moment(int64_t time_ns):
    """Nanoseconds since 1970 UTC, not negative, as RFC 3339 with microseconds, cut. Raises ValueError for a negative
    one, OverflowError for one past 64 bits."""
    cdef int64_t seconds, days, era, year_of_era, year, day_of_year, month, rest
    cdef char text[27]
    if time_ns < 0:
        raise ValueError(f"{time_ns} ns is before 1970")
    with nogil:
        seconds = time_ns // 1_000_000_000
        days = seconds // 86_400 + 719_468  # since 1 March of year 0, whose cycle of 400 years has 146,097 days
        era = days // 146_097
        rest = days - era * 146_097
        year_of_era = (rest - rest // 1460 + rest // 36_524 - rest // 146_096) // 365
        day_of_year = rest - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
        month = (5 * day_of_year + 2) // 153  # from March
        year = year_of_era + era * 400 + (month >= 10)
        digits(text, year, 4)
        digits(text + 5, month + 3 if month < 10 else month - 9, 2)
        digits(text + 8, day_of_year - (153 * month + 2) // 5 + 1, 2)
        rest = seconds % 86_400
        digits(text + 11, rest // 3600, 2)
        digits(text + 14, rest // 60 % 60, 2)
        digits(text + 17, rest % 60, 2)
        digits(text + 20, time_ns // 1000 % 1_000_000, 6)
        text[4] = text[7] = b"-"
        text[10] = b"T"
        text[13] = text[16] = b":"
        text[19] = b"."
        text[26] = b"Z"
    return text[:27].decode("ascii")
