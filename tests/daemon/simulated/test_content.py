"""What emulated phones say: an answer to every line, valid identifiers, and parsers read what was put in."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from rackprint.daemon.simulated import content, phones
from rackprint.daemon.simulated.models import ALL
from rackprint.fingerprint.commands import table
from rackprint.fingerprint.identifiers import iccid, imei
from rackprint.fingerprint.model import ArtifactInfo, Observation
from rackprint.fingerprint.parsers.getprop import GETPROP
from rackprint.fingerprint.parsers.parcels import PARCELS
from rackprint.fingerprint.parsers.siminfo import SIMINFO

NOW = datetime(2026, 5, 4, 15, 16, tzinfo=UTC)
INFO = ArtifactInfo(sha256="0" * 64, name="x", taken_at=NOW)
RACK = phones.rack(40, NOW, equal=8)
SHOWN = [content.handset(phone, lambda: NOW) for phone in RACK]
MODELS = list(zip(RACK, SHOWN, strict=True))[: len(ALL)]
each_model = pytest.mark.parametrize(("phone", "shown"), MODELS, ids=[p.model.model for p, _ in MODELS])


def lines(shown):
    known = table.phone_of(shown.run("getprop").stdout)
    return (*table.FIRST, *table.commands(known, slow=True))


def read(parser, data):
    found = [o for o in parser.parse(io.BytesIO(data), INFO) if isinstance(o, Observation)]
    return {(s.name, s.value) for o in found for s in o.signals if s.valid}


def test_every_phone_answers_every_line():
    for shown in SHOWN:
        for command in lines(shown):
            said = shown.run(command.line)
            assert said.stdout or said.stderr, command.name
            assert b"not found" not in said.stderr
            assert (said.code == 0) or not said.stdout, command.name


@each_model
def test_the_parsers_read_what_was_put_in(phone, shown):
    found = read(GETPROP, shown.run("getprop").stdout)
    assert {("serial", phone.serial), ("model", phone.model.model), ("sdk", str(phone.model.sdk))} <= {
        (name, str(value)) for name, value in found
    }
    sims = {value for name, value in read(SIMINFO, shown.run(line_of(shown, "siminfo")).stdout) if name == "iccid"}
    assert sims == ({s.iccid for s in phone.present} if 22 <= phone.model.sdk < 34 else set())


def test_parcels_name_the_imei_and_nothing_else_is_told():
    told = {}
    for phone, shown in MODELS:
        for command in lines(shown):
            if command.parser == "parcel":
                found = read(PARCELS, shown.run(command.line).stdout)
                told.setdefault(phone.model.sdk, set()).update(found)
        assert not read(PARCELS, shown.run("service call iphonesubinfo 17").stdout)
        known = {("imei", i) for i in phone.imeis} | {("iccid", phone.present[0].iccid)}
        assert told.get(phone.model.sdk, set()) <= known
    assert all(told[sdk] for sdk in (19, 23, 26, 27, 28, 29, 30, 31, 33))
    assert not told[34]  # denied, as real ones of that maker do


def line_of(shown, name):
    return next(command.line for command in lines(shown) if command.name == name)


def test_identifiers_are_valid_and_shared_where_they_are_meant_to_be():
    imeis = [value for phone in RACK for value in phone.imeis]
    assert all(imei.read(value).valid for value in imeis)
    assert len(imeis) - len(set(imeis)) == 1  # the one that is cloned
    assert all(iccid.read(sim.iccid).valid for phone in RACK for sim in (*phone.present, *phone.past))
    assert {p.serial for p in RACK[-8:]} == {"0123456789ABCDEF"}
    assert len({p.serial for p in RACK}) == 33
    assert len({p.usb_path for p in RACK[-8:]}) == 8
    now = {sim.iccid for phone in RACK for sim in phone.present}
    assert now & {sim.iccid for phone in RACK for sim in phone.past}
    sets = [frozenset(a.name for a in phone.accounts) for phone in RACK]
    assert 0 < len(sets) - len(set(sets)) <= 4
    keys = [phone.adb_key for phone in RACK]
    assert len(RACK) // 2 < max(map(keys.count, keys)) < len(RACK)
    assert {p.model.sdk for p in RACK} == {model.sdk for model in ALL}
    assert len({shown.run(table.BOOT_ID.line).stdout for shown in SHOWN}) == len(RACK)
    assert all(table.boot_of(shown.run(table.BOOT_ID.line).stdout) for shown in SHOWN)


def test_the_same_seed_and_day_say_the_same_and_another_seed_does_not():
    def said(now, seed=1):
        return [content.handset(p, lambda: now).run("getprop").stdout for p in phones.rack(12, now, seed=seed)]

    assert said(NOW) == said(NOW + timedelta(hours=3))
    assert not set(said(NOW)) & set(said(NOW, seed=2))
    assert said(NOW)[:8] != said(NOW + timedelta(days=1))[:8]


def test_the_clock_runs_and_a_host_that_is_trusted_stands_among_the_keys():
    clock = [NOW]
    phone = RACK[4]
    shown = content.handset(phone, lambda: clock[0])
    line = line_of(shown, "uptime")
    first, clock[0] = shown.run(line).stdout, NOW + timedelta(seconds=90)
    up, _, later = shown.run(line).stdout.split()[0], 0, shown.run(line).stdout.split()[-1]
    assert float(up) - float(first.split()[0]) == pytest.approx(90)
    assert int(later) == int(clock[0].timestamp())
    shown.keys.append("QAAAAlab lab@host")
    assert b"QAAAAlab lab@host" in shown.run("dumpsys usb").stdout


@pytest.mark.parametrize(("line", "code"), [
    ("getprop ro.product.model; echo aa:$?", 0), ("cat /none; echo aa:$?", 0), ("rm -rf /", 127), ("", 0),
    (";" * 1000, 2), ("cat /none", 1), ("x" * 100_000, 2),
])  # fmt: skip
def test_other_lines_get_what_a_shell_says(line, code):
    said = SHOWN[0].run(line)
    assert said.code == code
    if "echo" in line:
        assert said.stdout.endswith(b"aa:0\n" if "getprop" in line else b"aa:1\n")
