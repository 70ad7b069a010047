"""Identifiers that were asked for and not given: they change no device, whatever their number."""

import msgspec
import pytest
from linking import aid, drm, groups, imei, seen
from reading import read

from rackprint.fingerprint import ndjson
from rackprint.fingerprint.commands.asked import ASKED
from rackprint.fingerprint.link.linker import link
from rackprint.fingerprint.link.online import Resolver
from rackprint.fingerprint.model import Signal
from rackprint.fingerprint.parsers.events import EVENTS
from rackprint.fingerprint.pseudonym import Key, pseudonymise

PLAIN = [
    *(seen(f"u{n}", imei=imei(n), android_id=aid(n), model="M1") for n in range(6)),
    *(seen(f"v{n}", imei=imei(n), boot_time=1_771_000_000, model="M1") for n in range(6)),
    *(seen(f"p{n}", "platform:p", 1, f"p:{n}", "com.p", drm_id=drm(n), model="M1") for n in range(6)),
]
NAMES = sorted({name for names in ASKED.values() for name in names})


def without(observation, why):
    """The same, with every identifier that can be asked for not given."""
    raw = {name: "null" if why == "null" and name != "account" else "" for name in NAMES}
    told = tuple(Signal(name, "", raw[name], False, why) for name in NAMES)
    return msgspec.structs.replace(observation, signals=observation.signals + told)


@pytest.mark.parametrize("why", ["absent", "denied", "masked", "null"])
def test_they_tie_and_contradict_nothing(why):
    more = [without(o, why) for o in PLAIN]
    plain, found = link(PLAIN), link(more)
    assert groups(found) == groups(plain)
    assert [(d.id, d.flags) for d in found.devices] == [(d.id, d.flags) for d in plain.devices]
    resolver = Resolver()
    for observation in more:
        resolver.add(observation)
    assert {frozenset(names) for _, names in resolver.devices()} == {frozenset(d.observations) for d in found.devices}


def test_written_and_read_again_they_still_give_nothing():
    more = [without(o, "null") for o in PLAIN]
    again, problems = read(EVENTS, b"\n".join(ndjson.line(o) for o in more))
    assert not problems
    assert all(not s.valid for o in again for s in o.signals if s.name in NAMES and s.raw in {"", "null"})
    assert groups(link(again)) == groups(link(PLAIN))


def test_a_pseudonym_of_nothing_is_nothing():
    made = pseudonymise(without(PLAIN[0], "denied"), Key(b"k" * 32))
    assert {(str(s.value), s.why) for s in made.signals if not s.valid} == {("", "denied")}
