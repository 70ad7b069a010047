"""Readers of dumpsys services, by service name: each takes the service's lines and adds what they say.

The forms are those that AOSP's services print from Android 4 to 15; a line that none expects is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from rackprint.fingerprint.parsers.base import Findings
from rackprint.fingerprint.parsers.dumpsys import apps, people, radio, settings, state
from rackprint.fingerprint.parsers.text import Line

Reader = Callable[[Iterable[Line], Findings], None]

SERVICES: Mapping[str, Reader] = MappingProxyType(
    {
        "account": people.account,
        "adb": people.adb,
        "usb": people.adb,  # before Android 10 the keys stood here
        "user": people.users,
        "iphonesubinfo": radio.iphonesubinfo,
        "isub": radio.isub,
        "telephony.registry": radio.telephony,
        "wifi": radio.wifi,
        "bluetooth_manager": radio.bluetooth,
        "package": apps.package,
        "settings": settings.dumped,
        "battery": state.battery,
        "power": state.power,
        "display": state.display,
        "SurfaceFlinger": state.surface,
        "sensorservice": state.sensors,
    }
)
