"""Every target takes what it should, and what a fuzzer once found stays mended."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from fuzz import replay, seeds, targets  # noqa: E402

CAPTURE = (ROOT / "fixtures/rack/capture/rack-ap.pcap").read_bytes()
SEEDS: dict[str, set[bytes]] = {}
for _name, _data in seeds.messages(CAPTURE):
    SEEDS.setdefault(_name, set()).add(_data)
READERS = set(seeds.READERS)


def target(name: str) -> targets.Target:
    try:
        return targets.load(name)
    except ModuleNotFoundError as error:
        pytest.skip(f"not built yet: {error}")


@pytest.mark.parametrize("name", targets.NAMES)
def test_honest_cut_and_turned_bytes_are_no_finding(name):
    run = target(name)
    for data in sorted(SEEDS.get(name, set()) | ({CAPTURE[:20_000]} if name in READERS else {bytes(range(256)) * 4}))[
        :9
    ]:
        for each in (b"", data, data[: len(data) // 2], data[:-1], data[::-1], data.replace(b"\0", b"\xff")):
            run(each)


def test_a_capture_gives_seeds_for_the_decoders():
    assert {"tls", "handshake", "streams", "dns", "dhcp", "syn"} <= set(SEEDS)


def test_a_target_lets_a_fault_of_ours_through(monkeypatch):
    from rackprint.fingerprint.capture import dhcp, dns

    def broken(data):
        raise KeyError("no such thing")

    monkeypatch.setattr(dns, "parse_dns", broken)
    monkeypatch.setattr(dhcp, "parse_dhcp", lambda data: (_ for _ in (1, broken(data))))
    for name in ("dns", "dhcp"):
        with pytest.raises(KeyError):
            targets.load(name)(b"x")


@pytest.mark.parametrize("path", replay.kept(), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_what_was_found_is_mended(path):
    target(path.parent.name)(path.read_bytes())


def test_the_replay_names_an_input_that_is_a_finding(tmp_path, monkeypatch, capsys):
    from rackprint.fingerprint.capture import dns

    path = tmp_path / "dns" / "crash-1"
    path.parent.mkdir()
    path.write_bytes(b"x")
    monkeypatch.setattr(sys, "argv", ["replay", str(path)])
    assert replay.main() == 0
    monkeypatch.setattr(dns, "parse_dns", lambda data: data["x"])
    assert replay.main() == 1
    assert "TypeError" in capsys.readouterr().err
