"""Rows of ``content query --uri content://telephony/siminfo``: every SIM the phone has held.

``sim_id`` is the slot; -1 marks a SIM no longer in the phone (AOSP, SubscriptionManager.INVALID_SIM_SLOT_INDEX).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import BinaryIO

from rackprint.fingerprint.model import ArtifactInfo, Parsed
from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.text import Line, lines, peek

_ROW = re.compile(r"^Row: \d+ ")
_KEYS = (
    "_id icc_id sim_id display_name carrier_name name_source color number display_number_format data_roaming mcc mnc "
    "mcc_string mnc_string ehplmns hplmns sim_provisioning_status is_embedded card_id access_rules is_removable "
    "iso_country_code carrier_id imsi phone_number_source_carrier phone_number_source_ims port_index subscription_type"
)
# A display name is free text and may hold a comma and "=": only known keys part the row, and the first of each counts.
_PART = re.compile(r"(?:^|, )(" + "|".join(_KEYS.split()) + r")=")
_FREE_TEXT = ("display_name", "carrier_name")
_EID_LENGTH = 32


def row(text: str) -> dict[str, str]:
    """The known columns of one printed row; NULL and empty are left out."""
    body = _ROW.sub("", text)
    marks = list(_PART.finditer(body))
    values: dict[str, str] = {}
    for mark, following in zip_longest(marks, marks[1:]):
        value = body[mark.end() : following.start() if following else len(body)]
        if mark[1] not in _FREE_TEXT:  # columns that are not listed may follow
            value = value.partition(", ")[0]
        values.setdefault(mark[1], value.removesuffix("\\n").strip())
    return {k: v for k, v in values.items() if v not in {"", "NULL"}}


class SiminfoParser:
    """One observation a file, with the SIMs in the phone and those that were."""

    name = "siminfo"
    version = 1

    def probe(self, head: bytes, name: str) -> bool:
        text = peek(head)
        return "Row: 0 _id=" in text and "icc_id=" in text

    def parse(self, stream: BinaryIO, info: ArtifactInfo) -> Iterator[Parsed]:
        out = Findings(self, info)
        read(lines(stream), out)
        yield from out.close()


def read(text: Iterable[Line], out: Findings) -> None:
    """The SIMs in the rows of ``text``; a line that is no row is passed over."""
    for line in text:
        if not _ROW.match(line.text):
            continue
        found = row(line.text)
        if "sim_id" in found and ("icc_id" in found or "imsi" in found):
            _sim(found, line, out)
        else:
            out.problem("SIM row is cut off", "it was left out; ask the phone again", line)


def _sim(found: dict[str, str], line: Line, out: Findings) -> None:
    past = "_past" if found["sim_id"].startswith("-") else ""
    for key, name in (("icc_id", "iccid"), ("imsi", "imsi")):
        if key in found:
            out.add(name + past, found[key], line)
    card = found.get("card_id", "")
    # An eUICC on a removable card moves between phones; one that is soldered in does not.
    if len(card) == _EID_LENGTH and found.get("is_removable") == "0":
        out.add("eid", card, line)
    if past:
        return
    for key in ("number", "phone_number_source_carrier", "phone_number_source_ims"):
        if key in found:
            out.add("msisdn", found[key], line)
    out.add("carrier", found.get("carrier_name", ""), line)


SIMINFO = SiminfoParser()
