"""The store gives back what it was given, adds nothing twice, and keeps what it acknowledged when it is killed."""

import math
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rackprint.daemon.store.records import Artifact, StoreError
from rackprint.daemon.store.repository import Store
from rackprint.fingerprint.link.result import AccountLink, Conflict, Device, Linkage, Tie
from rackprint.fingerprint.model import Observation, Position, Problem, Signal

NOW = datetime(2026, 3, 1, 8, 30, 0, 123456, UTC)


def observation(name: str, **changes) -> Observation:
    signals = (Signal("imei", "352688098446020", " 352688098446020", parser="getprop/1", position=Position(line=3)),)
    return Observation(name, NOW, "platform:photogram", ("photogram:a", "photogram:b"), signals=signals, **changes)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    url = request.getfixturevalue("postgresql") if request.param == "postgresql" else ""
    with Store.open(tmp_path, create=True, url=url) as found:
        yield found


def test_observations_come_back_as_they_were_in_the_order_of_their_arrival(store):
    given_ = [observation(f"o{n}", action="like", target="post:1") for n in (3, 1, 2)]
    assert store.add_observations(given_).new == 3
    assert list(store.observations()) == given_
    assert store.observation("o2") == given_[2]
    assert store.observation("o4") is None


def test_adding_again_changes_nothing_and_another_content_is_a_conflict(store):
    store.add_observations([observation("o1")])
    again = store.add_observations([observation("o1"), observation("o1"), observation("o2"), observation("o2")])
    assert (again.new, again.duplicates, again.conflicts) == (1, 3, ())
    other = store.add_observations([observation("o1", action="signup", position=Position(line=9))])
    assert other.new == 0
    assert "o1" in other.conflicts[0].reason
    assert other.conflicts[0].position.line == 9
    assert store.observation("o1").action == ""


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, "\ud800"])
def test_a_value_that_cannot_be_kept_is_told_and_the_rest_is_added(store, value):
    bad = Observation("bad", NOW, "record:x", signals=(Signal("x", value, "raw"),), position=Position(line=7))
    added = store.add_observations([observation("o1"), bad, observation("o2")])
    assert added.new == 2
    assert [(p.reason[:6], p.position.line) for p in added.conflicts] == [("id bad", 7)]
    assert [o.id for o in store.observations()] == ["o1", "o2"]


@pytest.mark.parametrize("value", ['"value":null', 10**40, -(10**40), 5e-324, 1.7e308, -0.0, "\U0010ffff\u202e"])
def test_odd_values_survive(store, value):
    made = Observation(
        "", NOW, "record:x", (value,) if isinstance(value, str) else (), signals=(Signal("x", value, ""),)
    )
    assert store.add_observations([made]).new == 1
    (found,) = store.observations()
    assert found == made
    assert type(found.signals[0].value) is type(value)


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
            st.one_of(
                st.text(st.characters(exclude_categories=["Cs"])),
                st.integers(-(2**63), 2**64),
                st.floats(allow_nan=False, allow_infinity=False),
            ),
            st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1)),
        ),
        unique_by=lambda t: t[0],
        max_size=5,
    )
)
@settings(max_examples=30, deadline=None)
def test_any_text_number_and_time_survive(tmp_path_factory, found):
    with Store.open(tmp_path_factory.mktemp("case"), create=True) as store:
        made = [
            Observation(i, t.replace(tzinfo=UTC), "record:x", signals=(Signal("x", v, str(v)),)) for i, v, t in found
        ]
        assert store.add_observations(made).new == len(made)
        assert {o.id: o for o in store.observations()} == {o.id: o for o in made}


def test_a_linkage_comes_back_whole_and_replaces_the_one_before(store):
    store.add_observations([observation("o1"), observation("o2"), observation("o3")])
    later = NOW + timedelta(days=1)
    one = Device("d-1", ("imei", "1"), ("o1", "o2"), NOW, later, ("factory_reset",), ("reset on 1 March",))
    two = Device("d-2", ("serial", "2"), ("o3",), NOW, NOW)
    link = AccountLink("photogram:a", "d-1", 0.999, 33.5, NOW, later, ("o1", "o2"), ("imei",))
    tie = Tie("o1", "o2", "imei", "1", 34.0, 2, "d-1")
    conflict = Conflict("imei", "1", ("d-1", "d-2"), ("o1", "o3"), "two serials")
    linkage = Linkage((one, two), (link,), (tie,), (conflict,), 3)
    store.replace_linkage(linkage)
    assert store.linkage() == linkage
    assert store.counts() == {"artifacts": 0, "observations": 3, "devices": 2, "links": 1}
    store.replace_linkage(Linkage())
    assert store.linkage() == Linkage()


def test_a_linkage_is_read_in_parts(store):
    store.add_observations([observation("o1"), observation("o2"), observation("o3")])
    one, two = Device("d-1", ("imei", "1"), ("o1", "o2"), NOW, NOW), Device("d-2", ("serial", "2"), ("o3",), NOW, NOW)
    shown = {"d-1": ("o1", "o2"), "d-2": ("o3",)}
    made = [AccountLink(f"photogram:{a}", d, 0.5, 1.0, NOW, NOW, shown[d]) for a, d in (("a", "d-1"), ("b", "d-2"))]
    tie, conflict = Tie("o1", "o2", "imei", "1", 34.0, 2, "d-1"), Conflict("imei", "1", ("d-1",), ("o1",), "why")
    store.replace_linkage(Linkage((one, two), tuple(made), (tie,), (conflict,), 3))
    assert store.devices() == (one, two)
    assert (store.device("d-2"), store.device("d-3")) == (two, None)
    assert store.links() == tuple(made)
    assert store.links(account="photogram:b") == store.links(device="d-2") == (made[1],)
    assert store.links(account="photogram:b", device="d-1") == ()
    assert (store.ties(), store.ties("d-1"), store.ties("d-2")) == ((tie,), (tie,), ())
    assert store.conflicts() == (conflict,)


def test_a_linkage_that_does_not_fit_leaves_the_one_before(store):
    store.add_observations([observation("o1")])
    good = Linkage((Device("d-1", ("imei", "1"), ("o1",), NOW, NOW),), observations=1)
    store.replace_linkage(good)
    with pytest.raises(StoreError):
        store.replace_linkage(Linkage((Device("d-2", ("imei", "2"), ("nowhere",), NOW, NOW),), observations=9))
    assert store.linkage() == good


def test_observations_and_accounts_are_found_by_name(store):
    made = {f"o{n}": observation(f"o{n}") for n in range(1200)}
    store.add_observations([*made.values(), Observation("x", NOW, "record:x", ("photo_ram:a", "photo%ram:c"))])
    assert store.observations_by_ids(["nowhere", *made, "o1"]) == made
    assert store.observations_by_ids([]) == {}
    assert store.accounts() == ["photo%ram:c", "photo_ram:a", "photogram:a", "photogram:b"]
    assert store.accounts("photo_") == ["photo_ram:a"]
    assert store.accounts("photo%") == ["photo%ram:c"]


def test_names_that_are_no_utf8_are_kept_escaped(store):
    name = os.fsdecode(b"get\xffprop")
    store.add_artifact(Artifact("a" * 64, name, 1, NOW, NOW))
    store.set_problems([Problem("cut off", position=Position(member=name), file=name)], "a" * 64)
    (artifact,), (problem,) = store.artifacts(), store.problems()
    assert artifact.name == problem.file == problem.position.member == "get\\udcffprop"


def test_artifacts_and_their_problems(store):
    artifact = Artifact("a" * 64, "getprop.txt", 12, NOW, NOW, "RACK-A-01")
    store.add_artifact(artifact)
    store.add_artifact(msgspec.structs.replace(artifact, name="other"))
    problem = Problem("line is cut off", "fetch it again", Position(member="x", line=3, offset=9), "getprop.txt")
    store.set_problems([Problem("old")], artifact.sha256)
    store.set_problems([problem], artifact.sha256)
    assert list(store.problems()) == [problem]
    assert store.artifact(artifact.sha256) == artifact
    assert store.unfinished() == [artifact]
    store.finish_artifact(artifact.sha256, "getprop/1")
    assert store.unfinished() == []
    (found,) = store.artifacts()
    assert (found.done, found.parser, found.name) == (True, "getprop/1", "getprop.txt")
    assert store.artifact("b" * 64) is None


def test_the_custody_head_is_kept(store):
    assert store.custody_head() is None
    store.set_custody_head("ab", 2)
    store.set_custody_head("cd", 3)
    assert store.custody_head() == ("cd", 3)


def test_what_is_no_case_is_refused_with_a_remedy(tmp_path):
    with pytest.raises(StoreError, match="is no case; make one"):
        Store.open(tmp_path / "nowhere")
    (tmp_path / "case.db").write_bytes(b"hello, this is no database at all" * 100)
    with pytest.raises(StoreError, match="cannot be used as a database"):
        Store.open(tmp_path)


def test_another_programs_database_and_a_newer_schema_are_refused(tmp_path):
    with sqlite3.connect(tmp_path / "case.db") as connection:
        connection.execute("CREATE TABLE other (x)")
    with pytest.raises(StoreError, match="another program"):
        Store.open(tmp_path)
    newer = tmp_path / "newer"
    Store.open(newer, create=True).close()
    with sqlite3.connect(newer / "case.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer rackprint"):
        Store.open(newer)


def test_commits_are_synchronous(store):
    with store._engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
            assert connection.exec_driver_sql("SHOW fsync").scalar() == "on"
            return
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


ADDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from rackprint.daemon.store.repository import Store
from rackprint.fingerprint.model import Observation
with Store.open(Path(sys.argv[1]), create=True) as store:
    for batch in range(10_000):
        store.add_observations([Observation(f"{batch}-{n}", datetime.now(UTC), "record:x") for n in range(50)])
        print(batch, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ADDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    seen = [int(process.stdout.readline()) for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    seen += [int(line) for line in rest.split("\n")[:-1] if line]
    with sqlite3.connect(tmp_path / "case.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Store.open(tmp_path) as store:
        found = {o.id for o in store.observations()}
    assert {f"{batch}-{n}" for batch in seen for n in range(50)} <= found
    assert len(found) % 50 == 0
