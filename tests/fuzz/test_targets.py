"""Every target takes what it should, and what a fuzzer once found stays mended."""

import importlib.util
import random
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from fuzz import kernels, made, mutate, replay, seeds, targets  # noqa: E402

CAPTURE = (ROOT / "fixtures/rack/capture/rack-ap.pcap").read_bytes()
SEEDS: dict[str, set[bytes]] = {}
for _name, _data in (*seeds.messages(CAPTURE), *made.made()):
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
    assert {"tls", "handshake", "streams", "dns", "dhcp", "syn", "flows", "hello", "samples"} <= set(SEEDS)


def test_a_target_lets_a_fault_of_ours_through(monkeypatch):
    from rackprint.fingerprint.capture import dhcp, dns

    def broken(data):
        raise KeyError("no such thing")

    monkeypatch.setattr(dns, "parse_dns", broken)
    monkeypatch.setattr(dhcp, "parse_dhcp", lambda data: (_ for _ in (1, broken(data))))
    for name in ("dns", "dhcp"):
        with pytest.raises(KeyError):
            targets.load(name)(b"x")


def test_a_kernel_that_differs_from_its_twin_is_a_finding(monkeypatch):
    from rackprint.fingerprint.capture import dns, ja4, reassembly, records, stamps

    monkeypatch.setattr(ja4, "is_grease", lambda value: value == 0x0A0A)
    monkeypatch.setattr(ja4, "_GREASE", frozenset())
    monkeypatch.setattr(dns, "TYPES", dns.TYPES | {1: "a"})
    monkeypatch.setattr(dns, "parse_plainly", lambda data: None)
    monkeypatch.setattr(stamps, "tsval", lambda header: 7)
    monkeypatch.setattr(records, "LAST", 5)
    monkeypatch.setattr(reassembly, "_EARLY", 0)
    grease = b"\0" + made.build.hello(made.build.extension(0x1A1A))
    early = b"\xf3" + b"\x08\0\x05\0\1x"
    timed = made.build.section() + made.build.interface(link=147) + made.build.enhanced(b"x", 9)
    plain = made.build.dns([b"a.example"])
    found = {"hello": grease, "names": plain, "samples": sorted(SEEDS["samples"])[-1]}
    for name, data in (found | {"frames": timed, "flows": early}).items():
        with pytest.raises(AssertionError):
            targets.load(name)(data)


def test_a_table_that_grows_past_its_limit_is_a_finding(monkeypatch):
    from rackprint.fingerprint.capture import clock, leases

    monkeypatch.setattr(leases.Leases, "give", lambda self, ip, *_: self._held.setdefault(ip, [(0, 1, "x")]))
    with pytest.raises(AssertionError):
        targets.load("leases")(b"".join(bytes([ip, 0, 9, 0, 9]) for ip in range(5)))
    monkeypatch.setattr(clock.Clocks, "_finish", lambda *_: None)
    with pytest.raises(AssertionError):
        targets.load("clock")(b"".join(bytes([0x90, 0, 17, 67 * n % 256, 31 * n % 256]) for n in range(60)))


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


def test_changed_inputs_are_the_same_each_time_and_one_that_ends_the_process_is_there_to_be_read(
    tmp_path, monkeypatch, capsys
):
    from rackprint.fingerprint.capture import dns

    seeded = [b"", b"abc", bytes(range(200))]

    def first(count):
        return [data for data, _ in zip(mutate.inputs(seeded, random.Random("x")), range(count), strict=False)]

    assert first(400) == first(400)
    assert first(3) == seeded
    assert len(set(first(400))) > 200
    assert all(len(mutate.change(bytes(70_000), seeded, random.Random(n))) <= mutate.LONGEST for n in range(20))
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds/one").write_bytes(bytes(12))
    monkeypatch.setattr(sys, "argv", ["mutate", "dns", str(tmp_path / "shown"), str(tmp_path / "seeds")])
    monkeypatch.setenv("FUZZ_INPUTS", "50")
    mutate.main()
    assert "50 inputs" in capsys.readouterr().out
    assert not (tmp_path / "shown").exists()
    monkeypatch.setattr(dns, "parse_dns", lambda data: data["x"])
    with pytest.raises(TypeError):
        mutate.main()
    assert (tmp_path / "shown").read_bytes() == bytes(12)


def test_kernels_of_a_folder_come_before_those_installed(tmp_path, monkeypatch):
    from rackprint.ext import texts

    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setenv(kernels.FOLDER, str(tmp_path))
    copy = tmp_path / Path(texts.__file__).name
    copy.write_bytes(Path(texts.__file__).read_bytes())
    kernels.use()
    assert importlib.util.find_spec("rackprint.ext.texts_py").origin != str(copy)
    monkeypatch.delitem(sys.modules, "rackprint.ext.texts")
    assert importlib.util.find_spec("rackprint.ext.texts").origin == str(copy)
