"""Which transaction of ``iphonesubinfo`` asks for what, by SDK.

Binder numbers a service's calls in the order of its interface (AOSP, IPhoneSubInfo.aidl), which changes between
versions, and further down that list stand calls that make the SIM answer a challenge. So a code is asked only where it
is known, and one that is not known is not asked at all: 35 and later have no entry.

Some builds of Samsung and Huawei are shifted by one. They get the same codes and never the shifted one: the calls
beside each of these only read (a software version, a subscriber id, a line number), so asking is harmless there too,
and what comes back is refused unless it passes as what was asked for. The next code up would be a guess.
"""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """A transaction code and the SDKs that it holds for, both ends included."""

    low: int
    high: int
    code: int


IMEI = (Code(14, 20, 1), Code(21, 29, 4), Code(30, 34, 5))
# Before 18 the call is getLine1Number: harmless, and its answer is no ICCID.
ICCID = (Code(14, 20, 5), Code(21, 27, 12), Code(28, 29, 11), Code(30, 34, 14))
# getDeviceIdForPhone(slot, package): the only ones that take a slot. ICCIDs are asked for by subscription, whose number
# is not the slot's; siminfo and isub name the SIM of every slot.
IMEI_OF_SLOT = (Code(22, 29, 3), Code(30, 34, 4))


def code(codes: tuple[Code, ...], sdk: int) -> int | None:
    """The code for ``sdk``; None where it is not known."""
    return next((entry.code for entry in codes if entry.low <= sdk <= entry.high), None)
