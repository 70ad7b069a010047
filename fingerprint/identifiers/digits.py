"""Digit strings: cleaning, the Luhn check digit (ISO/IEC 7812-1 annex B) and what makes one a placeholder."""

from __future__ import annotations

import re
from itertools import pairwise

_SEPARATORS = re.compile(r"[\s\-./]")
_ODD = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # a doubled digit, its own digits summed


def clean(raw: str) -> str:
    """Without the separators that people and labels put in."""
    return _SEPARATORS.sub("", raw)


def is_digits(text: str) -> bool:
    """ASCII digits only: str.isdigit also takes other scripts' digits and superscripts."""
    return text.isascii() and text.isdigit()


def luhn_ok(digits: str) -> bool:
    """Whether the last digit checks the others."""
    return luhn_digit(digits[:-1]) == digits[-1]


def luhn_digit(body: str) -> str:
    """The digit that checks ``body``."""
    doubled = sum(_ODD[int(d)] for d in body[::-2])
    plain = sum(int(d) for d in body[-2::-2])
    return str(-(doubled + plain) % 10)


def uniform(text: str) -> bool:
    """One character over and over, as placeholders are."""
    return len(set(text)) == 1


def counting(text: str) -> bool:
    """Digits that count up or down without a break, as placeholders do."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(text)}
    return steps in ({1}, {9})
