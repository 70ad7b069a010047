"""A platform's case end to end: nothing that names a person or a phone reaches the disk; the answers are the same."""

import json
import os
import secrets
import subprocess
import time
from pathlib import Path

import pytest
from crashing import COMMAND, Killed

from rackprint.daemon.evidence.verify import verify_case
from rackprint.daemon.pipeline import ingest, store_head
from rackprint.daemon.queries import Answers
from rackprint.daemon.store.repository import Store

EVENTS = sorted((Path(__file__).parents[2] / "fixtures/rack/platforms").glob("*.ndjson"))
IDENTIFYING = {
    "android_id", "drm_id", "gaid", "gsf_id", "app_instance", "imei", "meid", "serial", "wifi_mac", "bt_mac", "iccid",
    "imsi", "msisdn", "ip", "bssid", "ssid", "hostname", "user_agent", "boot_id", "employee", "exhibit", "adb_host_key",
}  # fmt: skip
PHONE = {
    "imei": "356938035643809", "gaid": "38400000-8cf0-11bd-b23e-10b96e40000d", "android_id": "c0ffee0123456789",
    "wifi_mac": "a4:50:46:12:34:56", "bt_mac": "a4:50:46:65:43:21", "serial": "R58M31ABCDE", "ssid": "Casa Quinta 7",
    "iccid": "8935101811111111118", "imsi": "268011234567890", "msisdn": "+351912345678", "bssid": "f4:f2:6d:aa:bb:cc",
    "hostname": "anas-phone", "gsf_id": "3f1a2b3c4d5e6f70", "app_instance": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
    "boot_id": "7d3b1c52-98af-4e0e-8c7e-0a1b2c3d4e5f", "employee": "Ana Quintela", "exhibit": "BOX-OF-ANA",
    "ip": "198.51.100.23", "user_agent": "App/1 (c0ffee0123456789)", "drm_id": "5eed" * 16, "meid": "A0000049A9C5DE",
}  # fmt: skip
TYPO = {**PHONE, "imei": "356938035643808", "iccid": "8935101811111111110", "wifi_mac": "a4:50:46:12:34:zz"}


def line(signals: dict[str, str], account: str, **more: str) -> bytes:
    row = {
        "time": "2026-02-05T10:00:00Z",
        "source": "platform:photogram",
        "account": account,
        "signals": signals,
        **more,
    }
    return json.dumps(row).encode() + b"\n"


WITHOUT_ID = line(PHONE, "photogram:ana") + line(PHONE, "photogram:bela") + line(TYPO, "photogram:carla")
BAD = b"".join(
    (
        b'{"time":"2026-02-05T10:00:00Z","signals":{"imei":"356938035643809"}\n',
        b'{"time":"356938035643809","source":"platform:photogram"}\n',
        line(PHONE, "356938035643809"),
        line(PHONE, "photogram:x", source='it\'s "Ana Quintela" c0ffee0123456789'),
        line(PHONE, "photogram:x", source="38400000-8cf0-11bd-b23e-10b96e40000d:y"),
        line({"imei": {"of": "356938035643809"}}, "photogram:x"),  # type: ignore[dict-item]
        b'{"356938035643809":1}\n',
        b"356938035643809\n",
        b'{"time":"2026-02-05T10:00:00Z","source":"platform:photogram","c0ffee0123456789":"Ana Quintela" }}\n',
    )
)


def key_file(folder: Path) -> Path:
    path = folder / "key"
    if not path.exists():
        path.write_text(secrets.token_hex(32))
    return path


@pytest.fixture(autouse=True)
def ended():
    """Ends what a test that failed has left running."""
    before = len(_started)
    yield
    for daemon in _started[before:]:
        if daemon.process is not None:
            daemon.kill()


_started: list[Killed] = []


def platform(case: Path, **more: str) -> Killed:
    _started.append(Killed(case, **settings(key_file(case.parent)), **more))
    return _started[-1]


def settings(key: Path) -> dict[str, str]:
    return {
        "RACKPRINT_MODE": "platform", "RACKPRINT_PLATFORM__KEY_FILE": str(key), "RACKPRINT_LINK__IDLE_SECONDS": "0.2",
    }  # fmt: skip


def fed(daemon: Killed) -> None:
    for path in EVENTS:
        status, answer = daemon.ask("POST", "/v1/observations", path.read_bytes())
        assert (status, answer["rejected"]) == (200, 0)
    status, answer = daemon.ask("POST", "/v1/observations", WITHOUT_ID + BAD)
    assert (status, answer["accepted"], answer["rejected"]) == (200, 3, 9), answer
    linked(daemon)


def linked(daemon: Killed) -> None:
    """Waits until the linkage and the index know all."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        _, found = daemon.ask("GET", "/v1/status")
        linker, resolver = found["linker"], found["resolver"]
        if not linker["lag"] and not linker["running"] and resolver["whole"] and not resolver["lag"]:
            return
        time.sleep(0.1)
    raise AssertionError(found)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = platform(tmp_path_factory.mktemp("platform") / "case")
    daemon.start()
    try:
        fed(daemon)
        yield daemon
        daemon.stop()
    finally:
        if daemon.process is not None:
            daemon.kill()


def everything(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes().lower() for p in sorted(folder.rglob("*")) if p.is_file()}


def plain(bodies: list[bytes]) -> set[bytes]:
    """The identifying values in what was sent, in the forms in which they could be kept."""
    found: set[str] = set()
    for body in bodies:
        for text in body.splitlines():
            try:
                signals = json.loads(text)["signals"]
            except (ValueError, KeyError, TypeError):
                continue
            found |= {str(v) for n, v in signals.items() if n in IDENTIFYING and isinstance(v, str)}
    found |= {v.replace(":", "") for v in found if v.count(":") == 5} | {v.replace("-", "") for v in found}
    return {value.lower().encode() for value in found if len(value) > 6}


def test_no_identifying_value_is_anywhere(daemon):
    daemon.ask("POST", "/v1/resolve", line(PHONE, "photogram:dora"))
    daemon.ask("POST", "/v1/resolve", line(PHONE, "no account"))
    daemon.ask("POST", "/v1/observations", b'{"imei":"356938035643809"')
    values = plain([*(p.read_bytes() for p in EVENTS), WITHOUT_ID])
    assert len(values) > 60
    files = everything(daemon.case)
    assert {"case.db", "custody.log", "audit.log", "daemon.log", "case.json"} <= {p.name for p in files}
    for path, data in files.items():
        assert not [value for value in values if value in data], path
    assert any(b"photogram:ana" in data for data in files.values())  # accounts are the platform's own words


def test_answers_hold_no_identifying_value_either(daemon):
    values = plain([*(p.read_bytes() for p in EVENTS), WITHOUT_ID])
    _, links = daemon.ask("GET", "/v1/links?limit=500")
    asked = ["/v1/devices?limit=500", "/v1/farms", "/v1/artifacts", "/v1/accounts/photogram:ana/timeline"]
    asked += [f"/v1/observations/{json.loads(EVENTS[0].read_bytes().splitlines()[0])['id']}", "/v1/events"]
    asked += ["/v1/explain?a=photogram:ana&b=photogram:bela"]
    for path in asked:
        status, answer = daemon.ask("GET", path)
        assert status in {200, 404}, (path, answer)
        text = json.dumps(answer).lower().encode()
        assert not [value for value in values if value in text], path
    assert links


def test_accounts_are_on_the_same_devices_as_in_plain(daemon, tmp_path):
    (tmp_path / "more.ndjson").write_bytes(WITHOUT_ID + BAD)
    ingest([*EVENTS, tmp_path / "more.ndjson"], tmp_path / "case", lambda _: None)
    assert on_devices(daemon.case) == on_devices(tmp_path / "case")
    assert any({"photogram:ana", "photogram:bela"} <= set(found) for found in on_devices(daemon.case))


def on_devices(case: Path) -> list[list[str]]:
    with Answers(case) as answers:
        return sorted(sorted(found) for found in answers.accounts_by_device().values())


def test_plain_values_are_resolved(daemon):
    status, answer = daemon.ask("POST", "/v1/resolve", line(PHONE, "photogram:new"))
    assert status == 200, answer
    assert {o["account"] for o in answer["shared"]["devices"][0]["others"]} >= {"photogram:ana", "photogram:bela"}
    row = json.loads(EVENTS[0].read_bytes().splitlines()[0])
    _, known = daemon.ask("GET", f"/v1/accounts/{row['account']}")
    _, answer = daemon.ask("POST", "/v1/resolve", json.dumps({**row, "id": "", "account": "chirper:other"}).encode())
    assert answer["device"] in {link["device"] for link in known["links"]}
    _, answer = daemon.ask("POST", "/v1/resolve", line({"android_id": "1234123412341234"}, "photogram:new"))
    assert answer["shared"] is None


def test_files_are_refused(daemon):
    assert daemon.ask("POST", "/v1/artifacts", b"[ro.serialno]: [R58M31ABCDE]\n")[0] == 409
    assert daemon.ask("POST", "/v1/uploads", b"", **{"Upload-Length": "10"})[0] == 409
    assert not list((daemon.case / "uploads").iterdir())
    assert not list((daemon.case / "incoming").iterdir())


def refusal(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {1, 2}
    (told,) = done.stderr.splitlines()
    return told


@pytest.fixture
def stopped(tmp_path):
    daemon = platform(tmp_path / "case")
    daemon.start()
    assert daemon.ask("POST", "/v1/observations", WITHOUT_ID)[0] == 200
    daemon.stop()
    return daemon


def test_another_key_another_mode_and_files_are_refused_with_one_line(stopped, tmp_path):
    case, key = str(stopped.case), key_file(tmp_path)
    (tmp_path / "other").write_text(secrets.token_hex(32))
    (tmp_path / "short").write_text("abc")
    serve = ("serve", "--case", case, "--port", "0")
    assert "another platform.key_file" in refusal(*serve, **settings(tmp_path / "other"))
    assert "32 or more" in refusal(*serve, **settings(tmp_path / "short"))
    assert "another mode" in refusal(*serve)
    (tmp_path / "spool").mkdir()
    assert "takes no files" in refusal(*serve, **settings(key), RACKPRINT_SPOOL__FOLDER=str(tmp_path / "spool"))
    before = everything(stopped.case)
    assert "keeps no evidence" in refusal("ingest", str(EVENTS[0]), "--case", case)
    assert everything(stopped.case) == before
    refusal("serve", "--case", str(tmp_path / "none"), "--port", "0", **settings(tmp_path / "missing"))


def test_sent_again_it_is_a_duplicate(daemon):
    again = EVENTS[0].read_bytes()
    _, answer = daemon.ask("POST", "/v1/observations", again)
    assert (answer["accepted"], answer["duplicate"], answer["rejected"]) == (0, len(again.splitlines()), 0)
    _, answer = daemon.ask("POST", "/v1/observations", WITHOUT_ID + BAD)
    assert (answer["accepted"], answer["duplicate"], answer["rejected"]) == (0, 3, 9)
    changed = again.splitlines()[0].replace(b'"SM-J530F"', b'"SM-J999F"')
    status, answer = daemon.ask("POST", "/v1/observations", changed)
    assert (status, answer["rejected"]) == (422, 1), answer


def test_an_idempotency_key_answers_as_before(daemon):
    body = line(PHONE, "photogram:ana", id="keyed")
    status, first = daemon.ask("POST", "/v1/observations", body, **{"Idempotency-Key": "k1"})
    assert (status, first["accepted"], first["replayed"]) == (200, 1, False)
    status, second = daemon.ask("POST", "/v1/observations", body, **{"Idempotency-Key": "k1"})
    assert (status, second) == (200, {**first, "replayed": True})
    other = line(PHONE, "photogram:ana", id="other")
    assert daemon.ask("POST", "/v1/observations", other, **{"Idempotency-Key": "k1"})[0] == 422


def many(first: int, count: int) -> bytes:
    rows = (
        line({"android_id": f"{n % 50:016x}"}, f"photogram:m{n % 50}", id=f"m{n}") for n in range(first, first + count)
    )
    return b"".join(rows)


def test_killed_it_loses_nothing_acknowledged(tmp_path):
    daemon = platform(tmp_path / "case")
    daemon.start()
    sent = 0
    for _ in range(4):
        for _ in range(5):
            status, answer = daemon.ask("POST", "/v1/observations", many(sent, 300))
            assert (status, answer["accepted"]) == (200, 300)
            sent += 300
        daemon.kill()
        daemon.start()
    assert daemon.ask("POST", "/v1/observations", many(0, 300))[1]["duplicate"] == 300
    daemon.stop()
    whole(daemon.case, sent)


@pytest.mark.parametrize("point", ["custody.kept", "parsed", "commit.ready", "commit.done", "answered"])
def test_killed_within_a_large_body_it_starts_again_and_takes_it_anew(tmp_path, point):
    daemon = platform(tmp_path / "case", RACKPRINT_KILL_AT=f"{point}:1:{tmp_path}/killed")
    daemon.start()
    body = many(0, 9000)
    for _ in range(100):
        try:
            if daemon.ask("POST", "/v1/observations", body)[0] == 200:
                break
        except OSError:
            pass
        time.sleep(0.1)
    else:
        raise AssertionError("it is never taken")
    assert (tmp_path / "killed").exists()
    daemon.kill()
    daemon.start()
    daemon.stop()
    whole(daemon.case, 9000)


def whole(case: Path, count: int) -> None:
    with Store.open(case) as store:
        assert {o.id for o in store.observations()} == {f"m{n}" for n in range(count)}
        assert store.unfinished() == []
    head, problem = store_head(case)
    assert not problem
    assert verify_case(case, head) == []
