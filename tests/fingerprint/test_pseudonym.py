"""Pseudonyms: no identifying value is left in what they make, and linking answers as it does over plain values."""

import hmac
import random
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linking import START, aid, drm, iccid, imei, seen

from benchmarks.scenarios.__main__ import SCENARIOS
from benchmarks.scenarios.views import VIEWS, observe
from benchmarks.scenarios.world import World
from rackprint.daemon.export.charts import Slot, rack_map
from rackprint.daemon.survey import read_all
from rackprint.fingerprint import pseudonym
from rackprint.fingerprint.identifiers import imsi, mac
from rackprint.fingerprint.link.contexts import carriers_own
from rackprint.fingerprint.link.linker import link
from rackprint.fingerprint.link.online import Resolver
from rackprint.fingerprint.model import Observation, Signal, Tier
from rackprint.fingerprint.pseudonym import Key, pseudonymise, value_key
from rackprint.fingerprint.signals import REGISTRY, read_signal, spec, tier

SECRET = b"0123456789abcdef0123456789abcdef"
KEY = Key(SECRET)
RACK = Path(__file__).resolve().parents[2] / "fixtures/rack"
IDENTIFYING = sorted(
    {n for n, e in REGISTRY.items() if e.tier in {Tier.HARDWARE, Tier.INSTALL, Tier.SUBSCRIBER, Tier.CONTEXT}}
    - {"account"}
    | {"imeisv", "factory_barcode", "user_agent", "user_name", "proxy", "shoe_size", "", "|"}
)
GLOBAL, RANDOM = "8C:F5:A3:01:02:03", "DA:A1:19:01:02:03"


def shown(name, raw, key=KEY, **how):
    return only(read_signal(name, raw, **how), key)


def only(signal, key=KEY):
    (made,) = pseudonymise(Observation("o", START, "platform:p", signals=(signal,)), key).signals
    return made


def digits(least, most):
    return st.text("0123456789", min_size=least, max_size=most)


@st.composite
def raws(draw):
    """A value for any identifying signal, well formed or nearly so, at least eight characters long."""
    hexes = st.text("0123456789abcdefABCDEF", min_size=8, max_size=64)
    number = draw(st.integers(0, 10**9))
    return draw(
        st.one_of(
            digits(8, 22), hexes, st.text(min_size=8, max_size=40), digits(14, 14).map(lambda d: f" {d[:8]}-{d[8:]} "),
            st.text("0123456789abcdef", min_size=12, max_size=12).map(
                lambda d: ":".join(d[i : i + 2] for i in range(0, 12, 2))
            ),
            st.uuids().map(str), st.ip_addresses().map(str), st.just(imei(number)), st.just(iccid(number)),
            st.just(f"QAAAA{drm(number) * 4} ana@{number}"), st.sampled_from(["02:00:00:00:00:00", "0" * 15]),
        )
    )  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from(IDENTIFYING), raws(), st.sampled_from(["", "ssid:", "run:", "", "other "])),
        min_size=1,
        max_size=6,
    ),
    raws(),
)
@settings(max_examples=400)
def test_no_identifying_value_is_left_anywhere(told, exhibit):
    signals = [read_signal(name, raw, scope_key=head + raw if head else "") for name, raw, head in told]
    bare = Observation("o1", START, "platform:photogram", ("photogram:u1",), "com.photogram", artifact="ab" * 32)
    made = pseudonymise(msgspec.structs.replace(bare, exhibit=exhibit, signals=tuple(signals)), KEY)
    data = msgspec.json.encode(made)
    without = msgspec.json.encode(bare)
    for text in (
        {str(s.value) for s in signals} | {s.raw for s in signals} | {s.raw.strip() for s in signals} | {exhibit}
    ):
        quoted = msgspec.json.encode(text)[1:-1]
        if len(text.strip()) >= 8 and quoted not in without:
            assert quoted not in data, text
    assert [(s.name, s.valid) for s in made.signals] == [(s.name, s.valid) for s in signals]
    assert all(s.raw == s.value for s in made.signals)
    assert list(map(tier, made.signals)) == list(map(tier, signals))
    twice = pseudonymise(made, KEY)
    assert [(s.name, s.valid, tier(s)) for s in twice.signals] == [(s.name, s.valid, tier(s)) for s in made.signals]


@given(st.sampled_from(sorted(REGISTRY.keys() - set(IDENTIFYING) - {"account"})), st.integers(0, 10**5))
def test_what_looks_like_an_identifier_in_other_values_is_not_left(name, number):
    for raw in (imei(number), f"M1 {imei(number)}", f"M1 352688-09-{number:06d}-1", drm(number), f"x-{GLOBAL}-y"):
        left = shown(name, raw)
        assert raw.split()[-1] not in str(left.value) + left.raw + left.why
        assert GLOBAL not in str(left.value)
        if left.valid and spec(name).numeric:
            float(left.value)  # the linker takes it as a number


def test_the_exhibit_of_an_observation_and_its_signal_stay_the_same():
    made = pseudonymise(seen("a", exhibit="RACK  A 02"), KEY)
    assert made.exhibit == made.signals[0].value == value_key("exhibit", "RACK A 02", KEY) != ""
    assert pseudonymise(seen("a"), KEY).exhibit == ""


def test_what_the_platform_must_answer_for_and_what_many_share_stays():
    plain = seen("photogram-1", "platform:photogram", accounts=["photogram:u1"], app="com.photogram",
                 model="SM-J530F", boot_time=1769731210, usb_charging=True, account="google:ana@b.org")  # fmt: skip
    plain = msgspec.structs.replace(plain, action="follow", target="photogram:starlet")
    made = pseudonymise(plain, KEY)
    assert msgspec.structs.replace(made, signals=()) == msgspec.structs.replace(plain, signals=())
    assert [(s.value, s.position, s.parser) for s in made.signals] == [
        (s.value, s.position, s.parser) for s in plain.signals
    ]
    assert [s.raw for s in made.signals] == ["SM-J530F", "1769731210", "yes", "google:ana@b.org"]


def test_scopes_keep_the_app_and_lose_the_network_and_the_run():
    assert shown("drm_id", drm(1), scope_key="app:com.photogram").scope_key == "app:com.photogram"
    assert shown("android_id", aid(1), scope_key="user:10").scope_key == "user:10"
    home = shown("wifi_mac", RANDOM, scope_key="ssid:home")
    assert home.scope_key == f"ssid:{shown('ssid', 'home').value}"
    assert home.valid
    assert shown("handset", "1-1.4", scope_key="run:lab7@2026-03-02").scope_key.startswith("run:~")
    odd = [f"user:{imei(1)}", f"app:{imei(1)}", imei(1), f"ssid:{imei(1)}", f"serial:{imei(1)}"]
    assert not any(imei(1) in shown("drm_id", drm(1), scope_key=scope).scope_key for scope in odd)


def test_a_name_that_holds_an_identifier_is_hashed_too():
    assert imei(1) not in shown(f"phone {imei(1)}", "yes").name
    assert shown("shoe_size", "46").name == "shoe_size"


@pytest.mark.parametrize(("raw", "why"), [("000123456789012", "no country has the code …"), ("1234", "an IMSI has")])
def test_a_reason_quotes_nothing(raw, why):
    found = shown("imsi", raw)
    assert not found.valid
    assert found.why.startswith(why)


def test_a_reason_that_quotes_the_value_is_left_out():
    signal = Signal("serial", "R58M-1", " R58M-1 ", False, "R58M-1 is no serial")
    made = only(signal)
    assert made.why == "not valid"


def test_it_depends_on_the_key_the_name_and_the_value_alone():
    again, other = Key(SECRET), Key(SECRET[::-1])
    assert shown("serial", "R58M1", again) == shown("serial", "R58M1") != shown("serial", "R58M1", other)
    assert (again.key_id, len(again.key_id)) == (KEY.key_id, 16)
    assert KEY.key_id != other.key_id
    assert KEY.key_id == hmac.digest(SECRET, b"rackprint key id", "sha256").hex()[:16]
    values = [shown(n, "R58M0000001").value for n in ("serial", "usb_serial", "hostname", "shoe_size", "shoe_colour")]
    assert len(set(values)) == 5
    assert shown("iccid", iccid(1)).value == shown("iccid_past", iccid(1)).value  # counted together
    assert value_key("imei", f" {imei(1)[:8]} {imei(1)[8:]}", KEY) == shown("imei", imei(1)).value
    assert value_key("model", "M1", KEY) == "M1"
    assert value_key("wifi_mac", "da-a1-19-01-02-03", KEY) == shown("wifi_mac", RANDOM, scope_key="ssid:home").value


@pytest.mark.parametrize("length", [0, 31])
def test_a_short_key_is_refused(length):
    with pytest.raises(ValueError, match="needs 32"):
        Key(bytes(length))


def test_its_memory_is_bounded_and_changes_nothing(monkeypatch):
    monkeypatch.setattr(pseudonym, "REMEMBERED", 3)
    key = Key(SECRET)
    for n in range(20):
        assert shown("serial", f"R58M{n}", key) == shown("serial", f"R58M{n}")
    assert len(key._known) <= 3


def test_mac_address_imei_and_usb_path_keep_what_is_read_of_them():
    assert not mac.is_local(shown("wifi_mac", GLOBAL).value)
    assert mac.is_local(shown("wifi_mac", RANDOM).value)
    assert not shown("wifi_mac", "02:00:00:00:00:00").valid
    for address in (
        "10.1.2.3",
        "100.64.0.1",
        "192.168.0.7",
        "fe80::1",
        "not an address",
        "127.0.0.1",
        "::ffff:10.0.0.1",
    ):
        assert carriers_own(shown("ip", address).value), address
    for address in ("203.0.113.7", "8.8.8.8", "2a00:1450::1", "2001:db8::7", "::ffff:8.8.8.8"):
        assert not carriers_own(shown("ip", address).value), address
    tacs = [shown("imei", imei(n)).value[:8] for n in (1, 2)]
    assert tacs[0] == tacs[1] != shown("imei", "490154203237518").value[:8]
    assert shown("usb_path", "lab7:1-1.4").value == f"{shown('hub', 'lab7:1-1').value}.4"
    drawn = rack_map([Slot(shown("usb_path", f"lab7:1-1.{n}").value, "A", 1, (), "a") for n in (1, 2)])
    assert "port 2" in drawn
    assert "lab7" not in drawn
    assert imsi.operator(shown("imsi", "262011234567890").value) == imsi.operator("262990123456789") == {}


def test_a_phone_with_an_imei_of_another_model_is_still_told():
    rack = [seen(f"p{n}", imei=imei(n), model="M1", serial=f"R58M{n}") for n in range(6)]
    linkage = link([pseudonymise(o, KEY) for o in [*rack, seen("x", imei=imei(9), model="M2", serial="R58MX")]])
    assert [d.observations for d in linkage.devices if "tac_mismatch" in d.flags] == [("x",)]


def answer(linkage):
    """What a linkage says, without values and the ids that are made of them."""
    of = {d.id: d.observations for d in linkage.devices}
    return {
        "devices": {d.observations: d.flags for d in linkage.devices},
        "links": {(x.account, of[x.device], x.first_seen, x.last_seen, x.observations) for x in linkage.links},
        "farms": sorted(
            (f.kind, f.probability, sorted(of[d] for d in f.devices), f.notes, f.targets,
             Counter((c.kind, c.devices) for c in f.shared)) for f in linkage.farms
        ),
        "conflicts": Counter(
            (c.signal, c.observations, tuple(sorted(of[d] for d in c.devices))) for c in linkage.conflicts
        ),
        "transfers": [(t.account, of[t.from_device], of[t.to_device], t.last_seen, t.first_seen)
                      for t in linkage.transfers],
        "unknown": sum(n for _, n in linkage.unknown),
    }  # fmt: skip


def weights(linkage, same):
    """The weights on devices whose anchor is in ``same``: which of a device's values is its anchor, where several are
    equally sure, is decided by their text."""
    of = {d.id: d.observations for d in linkage.devices if d.anchor in same}
    return {(x.account, of[x.device]): (x.weight, x.probability) for x in linkage.links if x.device in of}


def agree(plain):
    """That the observations link as they do in plain, in a batch and one by one."""
    made = [pseudonymise(o, KEY) for o in plain]
    ours, theirs = link(made), link(plain)
    assert answer(ours) == answer(theirs)
    named = {(s.name, s.key): (t.name, t.key) for o, p in zip(plain, made, strict=True)
             for s, t in zip(o.signals, p.signals, strict=True)}  # fmt: skip
    assert len(set(named.values())) >= len({(n, k) for n, k in named if n in IDENTIFYING})
    anchors = {d.observations: d.anchor for d in ours.devices}
    same = {d.anchor for d in theirs.devices if named.get(d.anchor, d.anchor) == anchors[d.observations]}
    assert weights(theirs, same) == weights(ours, {named.get(anchor, anchor) for anchor in same})
    assert fed(made) == fed(plain)
    return made, theirs


def groups(resolver):
    resolver.settle()
    return sorted(sorted(names) for _, names in resolver.devices())


def fed(observations):
    resolver = Resolver(width=2.0)
    for o in sorted(observations, key=lambda o: o.time):
        resolver.add(o)
    return groups(resolver)


@pytest.mark.no_cover  # traced it costs twice as much, and others come to the same lines
@pytest.mark.parametrize("rough", [False, True], ids=["", "rough"])
@pytest.mark.parametrize("view", VIEWS, ids=lambda v: v.name)
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_link_as_they_do_in_plain(name, view, rough):
    fill, usual = SCENARIOS[name]
    world = World(random.Random(f"pseudonym {name}"))
    fill(world, max(8, usual // 5))
    plain, _ = observe(world, view, 7, rough=rough)
    agree(plain)


@pytest.mark.parametrize("address", ["100.64.0.1", "198.51.100.7"])
def test_a_hall_behind_one_address_is_found_or_not_as_in_plain(address):
    world = World(random.Random("one address"))
    SCENARIOS["hand-driven rack"][0](world, 20)
    for phone in world.phones:
        phone.places = [(since, address, "") for since, _, _ in phone.places]
    plain, _ = observe(world, VIEWS[1], 7)
    _, linkage = agree(plain)
    assert {farm.kind for farm in linkage.farms} == ({"hand-driven rack"} if address.startswith("198") else set())


@pytest.mark.no_cover  # traced it costs twice as much, and others come to the same lines
def test_the_rack_of_the_fixtures_links_as_it_does_in_plain():
    plain = list(read_all([RACK], pytest.fail))
    made, theirs = agree(plain)
    assert theirs.farms
    data = b"\n".join(map(msgspec.json.encode, made))
    values = {str(s.value) for o in plain for s in o.signals if s.name in IDENTIFYING} | {o.exhibit for o in plain}
    values -= {str(s.value) for o in plain for s in o.signals if s.name in {"model"}}  # phones are named after it
    assert len(values) > 300
    assert [v for v in values if len(v) >= 8 and msgspec.json.encode(v)[1:-1] in data] == []
