"""From files into a case: what is refused, and what is kept."""

import fcntl
import os

import pytest

from rackprint.daemon.errors import RackprintError
from rackprint.daemon.evidence.verify import verify_case
from rackprint.daemon.pipeline import ingest, store_head
from rackprint.daemon.queries import Answers
from rackprint.daemon.store.repository import Store
from rackprint.daemon.survey import read_all

PROPS = "[ro.serialno]: [%s]\n[ro.product.model]: [M1]\n"


@pytest.fixture
def rack(tmp_path):
    for n in (1, 2):
        folder = tmp_path / f"rack/p{n}"
        folder.mkdir(parents=True)
        (folder / "handset.json").write_text(f'{{"exhibit":"E{n}","taken_at":"2026-03-02T09:0{n}:00Z"}}')
        (folder / "getprop.txt").write_text(PROPS % f"SERIAL{n}")
    return tmp_path / "rack"


def test_everything_is_kept_and_what_can_be_read_is_read(rack, tmp_path):
    (rack / "p1/photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 no phone dump")
    said = []
    steps = []
    intake = ingest([rack], tmp_path / "case", said.append, step=lambda: steps.append(1))
    assert not said
    assert (intake.files, intake.unread, intake.observations, len(steps)) == (5, 1, 2, 5)
    with Answers(tmp_path / "case") as answers:
        parsers = {a.name.rpartition("/")[2]: a.parser for a in answers.artifacts()}
        assert parsers == {"handset.json": "", "getprop.txt": "getprop/1", "photo.jpg": ""}
        assert {s.first("exhibit"): s.first("serial") for s in answers.sheets()} == {"E1": "SERIAL1", "E2": "SERIAL2"}
    assert verify_case(tmp_path / "case", store_head(tmp_path / "case")[0]) == []


def test_the_same_bytes_of_two_exhibits_are_said(rack, tmp_path):
    (rack / "p2/getprop.txt").write_text(PROPS % "SERIAL1")
    said = []
    ingest([rack], tmp_path / "case", said.append)
    assert ["same bytes" in str(p) and "E1" in str(p) for p in said] == [True]


def test_ids_that_say_two_things_are_said_and_the_first_stays(tmp_path):
    for n in (1, 2):
        line = f'{{"id":"o1","time":"2026-03-01T08:30:00Z","source":"platform:p","account":"p:u{n}"}}\n'
        (tmp_path / f"{n}.ndjson").write_text(line)
    said = []
    ingest([tmp_path / "1.ndjson", tmp_path / "2.ndjson"], tmp_path / "case", said.append)
    (problem,) = said
    assert problem.file.endswith("2.ndjson")
    assert problem.position.line == 1
    with Answers(tmp_path / "case") as answers:
        assert [row["account"] for row in answers.accounts()] == ["p:u1"]
        assert [str(p) for p in answers.problems()] == [str(problem)]


def test_a_case_whose_log_was_cut_takes_in_nothing(rack, tmp_path):
    case = tmp_path / "case"
    ingest([rack / "p1"], case, print)
    log = case / "custody.log"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(RackprintError, match="cut or rewritten"):
        ingest([rack / "p2"], case, print)
    assert verify_case(case, store_head(case)[0])


def test_names_that_are_no_text_are_taken_in(rack, tmp_path):
    (rack / os.fsdecode(b"p1/get\xff.txt")).write_text(PROPS % "OTHER99")
    said = []
    intake = ingest([rack], tmp_path / "case", said.append)
    assert (said, intake.observations) == ([], 3)
    assert len(list(read_all([rack], said.append))) == 3


def test_a_file_that_cannot_be_opened_is_said_and_the_rest_is_read(rack, tmp_path, monkeypatch):
    from rackprint.daemon import survey

    def refuse(path):
        if path.parent.name == "p1":
            raise PermissionError(13, "Permission denied", str(path))
        return "a" * 64

    monkeypatch.setattr(survey, "_sha256", refuse)
    said = []
    assert len(list(read_all([rack], said.append))) == 1
    assert "permission denied" in str(said[0])


def test_two_at_once_do_not_write_to_one_case(rack, tmp_path):
    case = tmp_path / "case"
    ingest([rack / "p1"], case, print)
    with (case / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RackprintError, match="another rackprint is writing"):
            ingest([rack / "p2"], case, print)
    assert ingest([rack / "p2"], case, print).observations == 1


def test_the_files_of_one_slot_are_of_one_phone_and_two_slots_are_two_without_labels_too(tmp_path):
    for port in (1, 2):
        folder = tmp_path / f"rack/{port}"
        folder.mkdir(parents=True)
        (folder / "handset.json").write_text(
            f'{{"host":"lab1","usb_path":"1-1.{port}","taken_at":"2026-03-02T09:00:00Z"}}'
        )
        # the same default serial and the same cloned IMEI on both
        cloned = "[ro.ril.miui.imei0]: [352688098446020]\n"
        (folder / "getprop.txt").write_text(PROPS % "0123456789ABCDEF" + cloned + f"[x]: [{port}]\n")
        (folder / "ssaid.xml").write_text(
            f'<settings version="-1"><setting value="{port}aaaabbbbccccddd" package="com.p" /></settings>'
        )
    said = []
    ingest([tmp_path / "rack"], tmp_path / "case", said.append)
    assert not said
    with Store.open(tmp_path / "case") as store:
        linkage = store.linkage()
    assert sorted(len(d.observations) for d in linkage.devices) == [2, 2]
    assert [d.flags for d in linkage.devices] == [("cloned_imei",)] * 2
    (conflict,) = linkage.conflicts
    assert "different handset" in conflict.why
