"""Profiles: what a live acquisition does to a phone tells nothing of the rack."""

import pytest
from linking import imei, seen

from rackprint.fingerprint.commands.record import SOURCE
from rackprint.fingerprint.link.gather import build
from rackprint.fingerprint.link.linker import resolve
from rackprint.fingerprint.link.portrait import profiles

LOOK = {"model": "M1", "screen": "1080x1920", "android_version": "9"}


def alike(*observations):
    """How many of the devices share their profile with each other."""
    found = profiles(resolve(build(observations)))
    return len(found.devices) - len(set(found.values.tolist())) + 1


@pytest.mark.parametrize("signal", ["usb_charging", "screen_on", "adb_enabled"])
def test_what_attaching_does_is_left_out_where_it_was_read_live(signal):
    plain = seen("b", SOURCE, imei=imei(2), **LOOK)
    assert alike(seen("a", SOURCE, imei=imei(1), **LOOK, **{signal: "yes"}), plain) == 2
    assert alike(seen("a", imei=imei(1), **LOOK, **{signal: "yes"}), plain) == 1
    assert alike(seen("a", "platform:p", imei=imei(1), **LOOK, **{signal: "yes"}), plain) == 1


def test_how_a_phone_was_set_up_counts_wherever_it_was_read():
    plain = seen("b", SOURCE, imei=imei(2), **LOOK)
    assert alike(seen("a", SOURCE, imei=imei(1), **LOOK, stay_awake="yes"), plain) == 1
