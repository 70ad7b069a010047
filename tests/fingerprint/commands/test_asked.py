"""The signals that commands ask for are known, and so are the commands."""

from rackprint.fingerprint.commands import table
from rackprint.fingerprint.commands.asked import ASKED, asked
from rackprint.fingerprint.commands.model import Phone
from rackprint.fingerprint.signals import REGISTRY


def every():
    """Each command of the table, for any phone."""
    phones = [Phone(sdk=sdk, maker="samsung", slots=2) for sdk in range(14, 37)]
    return {c for phone in phones for c in (*table.FIRST, *table.commands(phone, slow=True))}


def test_what_is_asked_for_is_a_signal_and_asked_by_a_command_of_the_table():
    assert {name for names in ASKED.values() for name in names} <= set(REGISTRY)
    names = {c.name for c in every()}
    assert {name for name in ASKED if not asked(name)} == set()
    assert set(ASKED) <= {name.removesuffix("-0") for name in names}


def test_a_slot_is_no_part_of_what_is_asked():
    assert asked("imei-0") == asked("imei-3") == ("imei",)
    assert asked("battery") == asked("-0") == asked("0") == ()
