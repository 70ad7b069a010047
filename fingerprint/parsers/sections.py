"""The sections of a bugreport: ``------ TITLE (command) ------``, and in dumpsys ``DUMP OF SERVICE name:``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rackprint.fingerprint.parsers.text import Line

HEADER = "header"
_TITLE = re.compile(r"^------ (.+?)(?: \(.*\))? ------$")
_SERVICE = re.compile(r"^DUMP OF SERVICE (?:CRITICAL |HIGH |NORMAL )?([\w.\-/]+):")
_DURATION = re.compile(r"^-{6,9} [\d.]+s was the duration of ")


def split(lines: Iterable[Line]) -> Iterator[tuple[str, Line]]:
    """Each line with the section it is in: "header", a title such as "SYSTEM PROPERTIES", or ``service:account``."""
    section = HEADER
    for line in lines:
        text = line.text
        if text.startswith("------"):
            if _DURATION.match(text):
                section = ""
                continue
            title = _TITLE.match(text)
            if title:
                section = title[1]
                continue
        elif text.startswith("DUMP OF SERVICE"):
            service = _SERVICE.match(text)
            if service:
                section = f"service:{service[1]}"
                continue
        yield section, line


def ended(line: str) -> bool:
    """Whether this is the line that dumpstate (Android 7 and later) writes last."""
    return "was the duration of 'DUMPSTATE'" in line
