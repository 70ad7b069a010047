"""A run over phones with equal serials, some in trouble; what is missing comes with --resume, also after kill -9."""

import os
import random
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from scripted_adb import Phone, scripted
from waiting import until

from rackprint.daemon.acquire.adb.server import Address
from rackprint.daemon.acquisition.board import Phase
from rackprint.daemon.acquisition.run import Plan, acquire
from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.vault import Vault
from rackprint.daemon.evidence.verify import verify_case
from rackprint.daemon.pipeline import store_head
from rackprint.daemon.simulated.handset import Fate
from rackprint.fingerprint.commands import table
from rackprint.fingerprint.commands.model import Command
from rackprint.fingerprint.commands.record import State, header


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """The table with deadlines that a test can wait for."""

    def quick(commands):
        return tuple(Command(c.name, c.line, c.parser, seconds=0.5, most=c.most) for c in commands)

    whole = table.commands
    monkeypatch.setattr(table, "commands", lambda phone, slow=False: quick(whole(phone, slow=slow)))


def plan(case, rack, **more):
    return Plan(case, servers=(Address(*rack.server_address),), host="bench", **more)


def records(case):
    """(slot, command, state, stdout) of every record of the case, from its vault."""
    vault = Vault(case)
    for entry in CustodyLog(case / CustodyLog.NAME).entries():
        if entry["kind"] == "artifact":
            with vault.open(entry["sha256"], entry["pack"], entry["offset"], entry["size"]) as stream:
                record, start = header(stream)
                stream.seek(start)
                yield record.slot, record.command, record.state, stream.read(record.stdout)


def complete(case):
    return Counter((slot, command, out) for slot, command, state, out in records(case) if state is State.COMPLETE)


def sound(case, *, killed=False):
    """Whether verify passes; of one that was ``killed`` it may note what the end in the middle of a write left."""
    stored, problem = store_head(case)
    assert not problem
    assert [fault for fault in verify_case(case, stored) if not (killed and fault.crash)] == []


def test_equal_serials_are_as_many_handsets_and_trouble_is_told(tmp_path):
    case = tmp_path / "case"
    phones = [Phone(n) for n in range(1, 9)]
    phones[1].mode, phones[2].mode, phones[3].mode = "hangs", "drops", "unauthorized"
    with scripted(*phones) as rack:
        report = acquire(plan(case, rack))
        seen = {s.slot: s for s in report.board.all()}
        assert list(seen) == [f"1-1.{n}" for n in range(1, 9)]
        assert Counter(s.phase for s in seen.values()) == {Phase.DONE: 5, Phase.PART: 2, Phase.LEFT: 1}
        assert "not done in 0.5 s" in seen["1-1.2"].error
        assert "link ended" in seen["1-1.3"].error
        assert (seen["1-1.4"].error, "accept the key" in seen["1-1.4"].remedy) == ("unauthorized", True)
        assert phones[3].asked == []
        sound(case)
        for phone in phones:
            phone.mode = "ready"
            phone.asked.clear()
        again = acquire(plan(case, rack, acquisition=report.acquisition, resume=True))
    assert {s.phase for s in again.board.all()} == {Phase.DONE}
    assert (again.refused, again.linked.devices) == ([], 8)
    boot = table.BOOT_ID.line  # whether it is still the same phone is asked anew
    assert [p.asked for p in phones[4:]] == [[boot]] * 4
    assert phones[2].asked == [line for line in phones[2].asked if "battery" in line or line == boot]
    found = complete(case)
    assert {count for (_, command, _), count in found.items() if command != table.BOOT_ID.name} == {1}
    assert len({(slot, command) for slot, command, _ in found}) == sum(s.total for s in again.board.all())
    assert all(str(int(slot.rpartition(".")[2])).encode() in out for slot, _, out in found)
    sound(case)


def test_a_phone_over_usb_and_tcp_is_asked_once(tmp_path):
    with scripted(Phone(1), Phone(2), Phone(3, usb=False, who=1), Phone(4, usb=False)) as rack:
        report = acquire(plan(tmp_path / "case", rack))
        assert len(rack.phones[3].asked) == len(table.FIRST)
    seen = {s.transport.id: (s.slot, s.phase) for s in report.board.all()}
    assert seen == {
        1: ("1-1.1", Phase.DONE),
        2: ("1-1.2", Phase.DONE),
        3: ("1-1.1", Phase.SAME),
        4: ("tcp:192.0.2.4:5555", Phase.DONE),
    }


def test_nobody_there(tmp_path):
    with scripted() as rack:
        report = acquire(plan(tmp_path / "case", rack, wait=0.2))
    assert (report.board.all(), report.records) == ([], 0)


class Silent(Phone):
    def fate(self, line):
        return Fate.NEVER


def test_a_phone_that_never_answers_is_told_and_its_silence_is_kept(tmp_path, monkeypatch):
    quick = tuple(Command(c.name, c.line, c.parser, seconds=0.3, most=c.most) for c in table.FIRST)
    monkeypatch.setattr(table, "BOOT_ID", quick[0])
    monkeypatch.setattr(table, "PROPERTIES", quick[1])
    case = tmp_path / "case"
    with scripted(Phone(1), Silent(2)) as rack:
        report = acquire(plan(case, rack))
    silent = report.board.all()[1]
    assert (silent.phase, silent.error.endswith("left, after two commands without an answer")) == (Phase.PART, True)
    assert silent.remedy.startswith("restart it")
    kept = [(command, state) for slot, command, state, _ in records(case) if slot == "1-1.2"]
    assert kept == [("boot-id", State.TIMED_OUT), ("getprop", State.TIMED_OUT)]


def test_a_server_that_is_not_there_is_one_line(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = Address(*free.getsockname())
        with pytest.raises(RackprintError, match=f"no adb server at {where}"):
            acquire(Plan(tmp_path / "case", servers=(where,)))


def lines(path):
    return path.read_bytes().splitlines() if path.is_file() else []


def test_killed_at_any_time_it_loses_nothing_and_resumes_to_the_same(tmp_path):
    chance = random.Random(5)
    with scripted(*(Phone(n) for n in range(1, 13))) as rack:
        whole = tmp_path / "whole"
        acquire(plan(whole, rack))
        case = tmp_path / "case"
        host, port = rack.server_address
        program = str(Path(sys.executable).with_name("rackprint"))
        command = [program, "acquire", "--case", str(case), "--host", "bench", "--adb", f"{host}:{port}"]
        kills = int(os.environ.get("RACKPRINT_KILLS", "6"))
        each = 2 * len(lines(whole / CustodyLog.NAME)) // kills
        for _ in range(kills):
            log = case / CustodyLog.NAME
            begun = any(b'"kind":"acquisition"' in line for line in lines(log))
            process = subprocess.Popen([*command, *(["--resume"] if begun else [])], stderr=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL)  # fmt: skip
            end = len(lines(log)) + chance.randrange(each)
            until(lambda log=log, end=end, process=process: len(lines(log)) >= end or process.poll() is not None)
            process.send_signal(signal.SIGKILL)
            process.wait()
            if begun:
                assert set(complete(case)) <= set(complete(whole))
                sound(case, killed=True)
        subprocess.run([*command, "--resume"], check=True, capture_output=True, timeout=60)
    assert set(complete(case)) == set(complete(whole))
    sound(case)


def test_another_phone_in_the_same_place_is_another_handset(tmp_path):
    case = tmp_path / "case"
    with scripted(Phone(1), Phone(2)) as rack:
        first = acquire(plan(case, rack))
        rack.phones[2].who = 7
        again = acquire(plan(case, rack, acquisition=first.acquisition, resume=True))
    assert [(s.slot, s.phase) for s in again.board.all()] == [("1-1.1", Phase.DONE), ("1-1.2#2", Phase.DONE)]
    said = {slot: out for slot, command, _, out in records(case) if command == "getprop"}
    assert [b"SN000002" in said["1-1.2"], b"SN000007" in said["1-1.2#2"]] == [True, True]
    assert again.linked.devices == 3


def test_what_is_plugged_in_later_is_taken_and_what_comes_back_is_asked_for_the_rest_only(tmp_path):
    case = tmp_path / "case"
    with scripted(Phone(1), Phone(2, mode="drops")) as rack:

        def over():
            raise KeyboardInterrupt

        steps = [  # what is awaited, by place, and what is done then
            ({"1-1.1": "done", "1-1.2": "in part"}, lambda: rack.plug(Phone(3))),
            ({"1-1.1": "done", "1-1.2": "in part", "1-1.3": "done"}, lambda: rack.unplug(2)),
            ({"1-1.1": "done", "1-1.2": "gone", "1-1.3": "done"}, lambda: rack.plug(Phone(9, who=2), place="1-1.2")),
            ({"1-1.1": "done", "1-1.2": "done", "1-1.3": "done"}, over),
        ]

        def watch(board):
            if steps and {s.slot: "gone" if s.gone else str(s.phase) for s in board.all()} == steps[0][0]:
                steps.pop(0)[1]()

        report = acquire(plan(case, rack, follow=True), watch=watch)
        back = rack.phones[9].asked
        assert back[0] == table.BOOT_ID.line
        assert set(back[1:]) < set(rack.phones[1].asked)
        assert "getprop" not in back
    assert [(s.slot, s.phase) for s in report.board.all()] == [(f"1-1.{n}", Phase.DONE) for n in (1, 2, 3)]
    assert report.linked.devices == 3
    sound(case)
