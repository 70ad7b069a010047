"""What an answer amounts to: a value, or one of the four ways of not giving one, which are four different answers.

The words are those of phones: mksh, toolbox and toybox (``No such file or directory``, ``inaccessible or not found``),
AOSP's ``dumpsys`` and ``service`` (``Can't find service``, ``does not exist``), ``content`` and ``settings``
(``Permission Denial``, a Java exception, ``No result found.``), Android 4 to 15.
"""

from __future__ import annotations

import re
from enum import StrEnum

from rackprint.fingerprint.commands.record import Record, State
from rackprint.fingerprint.identifiers.masks import masked


class Answer(StrEnum):
    """``ABSENT``: the phone has no such file, command, service or value; ``DENIED``: it refused; ``MASKED``: it hid the
    value; ``NULL``: it has the place for it, and nothing in it."""

    VALUE = "value"
    ABSENT = "absent"
    DENIED = "denied"
    MASKED = "masked"
    NULL = "null"


NOTHING = frozenset({"", "unknown", "(unknown)", "null", "(null)", "none", "<none>", "<unknown ssid>", "n/a"})
"""Words that phones print where there is no value, in lower case."""

LOOKED_AT = 4 << 10  # bytes of an answer: a refusal is its beginning, and a long dump may quote one further down
_DENIED = re.compile(
    r"permission denied|permission denial|operation not permitted|\bsecurityexception\b|not allowed to\b"
    r"|(?:requires|does not have) (?:the )?(?:permission )?android\.permission\."
    r"|neither user \d+ nor current process has android\.permission",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"no such (?:file or directory|device|tool)|can't find service|inaccessible or not found|\bnot found$"
    r"|service \S+ does not exist|does not exist$|could not find provider|unknown (?:command|ur[il]|option|transaction)"
    r"|^error: (?:unknown|invalid) command|invalid command:|is not (?:an? )?(?:supported|implemented)|not implemented",
    re.IGNORECASE | re.MULTILINE,
)
# A word of each alternative: most answers have none of them, and need no look at the patterns.
_DENIALS = ("denied", "denial", "not permitted", "securityexception", "not allowed to", "android.permission")
_ABSENCES = (
    "no such ", "can't find", "not found", "not exist", "not find", "unknown", "invalid", "supported", "implemented",
)  # fmt: skip
_EMPTY = re.compile(r"^no result found\.?$", re.IGNORECASE | re.MULTILINE)
_NO_RIGHT, _NO_COMMAND = 126, 127  # exit codes of a shell (POSIX, 2.8.2)


def refusal(text: str) -> Answer | None:
    """``DENIED`` or ``ABSENT``, where ``text`` is a message that says so. A phone that refuses may add what it looked
    for, so the refusal goes before."""
    lower = text.lower()
    if any(word in lower for word in _DENIALS) and _DENIED.search(text):
        return Answer.DENIED
    return Answer.ABSENT if any(word in lower for word in _ABSENCES) and _ABSENT.search(text) else None


def of_value(raw: str) -> Answer:
    """What one printed value amounts to. Placeholders stay values: they are judged where they are read."""
    text = raw.strip()
    if text.lower() in NOTHING:
        return Answer.NULL
    return refusal(text) or (Answer.MASKED if masked(text) else Answer.VALUE)


def of(record: Record, stdout: bytes, stderr: bytes = b"") -> Answer | None:
    """What the answer as a whole amounts to, from its beginning; None where the phone was not done answering and had
    said nothing that tells. ``VALUE`` says that there is something to read, not that what was asked for is in it."""
    if record.state is State.DENIED:
        return Answer.DENIED
    said, complaint = (part[:LOOKED_AT].decode(errors="replace").strip() for part in (stdout, stderr))
    told = refusal(said) or refusal(complaint)
    if told or record.state is not State.COMPLETE:
        return told
    if record.exit_code in {_NO_RIGHT, _NO_COMMAND}:
        return Answer.DENIED if record.exit_code == _NO_RIGHT else Answer.ABSENT
    if not said or _EMPTY.search(said):
        return Answer.NULL
    return Answer.VALUE if "\n" in said else of_value(said)
