"""Live capture on a veth pair in network namespaces of the test's own, with real clients, beside tcpdump."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from ctypes.util import find_library
from datetime import datetime
from pathlib import Path

import pytest

from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.vault import Vault
from rackprint.daemon.store.repository import Store

RACKPRINT = str(Path(sys.executable).with_name("rackprint"))
SERVER, CLIENT = "10.77.0.1", "10.77.0.2"

SERVE = """
import http.server, ssl, sys
class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer((sys.argv[1], 443), Quiet)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("up", flush=True)
server.serve_forever()
"""


def run(*command: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, timeout=60, check=False, **options)


def until(true, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


class Net:
    """Two namespaces, a cable between them, and a server in one."""

    def __init__(self, folder: Path) -> None:
        name = f"rp{os.getpid()}"
        self.server, self.client = f"{name}s", f"{name}c"
        self.folder = folder
        self.started: list[subprocess.Popen] = []
        for space in (self.server, self.client):
            done = run("ip", "netns", "add", space)
            if done.returncode:
                pytest.skip(f"no network namespaces here: {done.stderr.decode().strip()}")
        run("ip", "-n", self.server, "link", "add", "vs", "type", "veth", "peer", "name", "vc", "netns", self.client)
        for space, link, address in ((self.server, "vs", SERVER), (self.client, "vc", CLIENT)):
            for words in (f"addr add {address}/24 dev {link}", f"link set {link} up", "link set lo up"):
                assert not run("ip", "-n", space, *words.split()).returncode, words

    def within(self, space: str, *command: str) -> list[str]:
        return ["ip", "netns", "exec", space, *command]

    def start(self, space: str, *command: str, **options) -> subprocess.Popen:
        process = subprocess.Popen(self.within(space, *command), **options)
        self.started.append(process)
        return process

    def serve(self) -> None:
        key, cert = str(self.folder / "key.pem"), str(self.folder / "cert.pem")
        made = run(
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=rack.example",
            "-keyout", key, "-out", cert,
        )  # fmt: skip
        assert not made.returncode, made.stderr
        server = self.start(self.server, sys.executable, "-c", SERVE, SERVER, cert, key, stdout=subprocess.PIPE)
        assert server.stdout
        assert server.stdout.readline() == b"up\n"

    def curl(self, host: str = "api.photogram.example", *options: str) -> None:
        done = run(
            *self.within(self.client, "curl", "-sk", *options, "--resolve", f"{host}:443:{SERVER}", f"https://{host}/")
        )
        assert done.stdout == b"ok", done.stderr

    def capture(self, case: Path, *options: str, **more) -> subprocess.Popen:
        """Begins one, and waits until it captures."""
        process = self.start(
            self.server, RACKPRINT, "capture", "vs", "--case", str(case), *options,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
        )  # fmt: skip
        assert process.stderr
        line = process.stderr.readline()
        assert "packets" in line, line + process.stderr.read()
        return process

    def close(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()
        for space in (self.server, self.client):
            run("ip", "netns", "del", space)


@pytest.fixture
def net(tmp_path):
    if os.geteuid():
        pytest.skip("not root: no network namespaces")
    for program in ("ip", "curl", "openssl"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    made = Net(tmp_path)
    yield made
    made.close()


def events(*paths: Path) -> dict[str, list[float]]:
    """The times of each event of some files, without its place in them."""
    done = run(RACKPRINT, "events", *map(str, paths))
    found: dict[str, list[float]] = {}
    for event in map(json.loads, done.stdout.splitlines()):
        del event["offset"]
        time_ = datetime.fromisoformat(event.pop("time")).timestamp()
        found.setdefault(json.dumps(event, sort_keys=True), []).append(time_)
    return {event: sorted(times) for event, times in found.items()}


def count(found: dict[str, list[float]]) -> Counter:
    return Counter({event: len(times) for event, times in found.items()})


def kept(case: Path) -> list[Path]:
    vault = Vault(case)
    return [vault.path(sha256) for sha256 in vault.hashes()]


def ended(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=110)
    return process.returncode, out, err


def beside(net: Net, path: Path) -> subprocess.Popen:
    program = "tcpdump" if shutil.which("tcpdump") else "dumpcap"
    if not shutil.which(program):
        pytest.skip("neither tcpdump nor dumpcap is installed")
    command = {
        "tcpdump": ["tcpdump", "-i", "vs", "-U", "--immediate-mode", "--nano", "-Z", "root", "-w", str(path)],
        "dumpcap": ["dumpcap", "-i", "vs", "-q", "-w", str(path)],
    }[program]  # fmt: skip
    process = net.start(net.server, *command, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    while not any(word in (line := process.stderr.readline()) for word in ("listening on", "File:")):
        assert line, "it does not begin"
    return process


@pytest.mark.timeout(300)
def test_the_events_are_those_of_the_file_that_tcpdump_wrote(net, tmp_path):
    net.serve()
    case, file = tmp_path / "case", tmp_path / "beside.pcap"
    capture = net.capture(case, "--rotate-seconds", "2", "--host", "lab")
    other = beside(net, file)
    net.curl()
    time.sleep(2.1)  # what comes later is of another file
    net.curl("old.chirper.example", "--tls-max", "1.2", "--http1.1")
    client = net.within(
        net.client, "openssl", "s_client", "-connect", f"{SERVER}:443", "-servername", "control.example"
    )
    assert b"CONNECTED" in run(*client, input=b"").stdout
    if chromium := shutil.which("chromium"):
        page = run(
            *net.within(
                net.client, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors",
                f"--host-resolver-rules=MAP * {SERVER}", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
                "https://www.clipclap.example/",
            )
        )  # fmt: skip
        assert b"ok" in page.stdout, page.stderr
    time.sleep(0.5)  # dumpcap hands over what it has by time only
    capture.send_signal(signal.SIGINT)
    other.send_signal(signal.SIGINT)
    code, out, err = ended(capture)
    other.wait(30)
    assert code == 0, err
    assert " 0 dropped" in out
    ours, theirs = events(*kept(case)), events(file)
    assert count(ours) == count(theirs)
    for event, times in ours.items():  # the kernel stamps a packet for each socket by itself
        assert times == pytest.approx(theirs[event], abs=0.05, rel=0)
    kinds = Counter(json.loads(event)["kind"] for event in count(ours).elements())
    names = {json.loads(event).get("sni") for event in ours}
    assert {"api.photogram.example", "old.chirper.example", "control.example"} <= names
    assert not chromium or "www.clipclap.example" in names
    assert kinds["tcp_syn"] >= kinds["tls_client_hello"] >= 3
    assert len(kept(case)) > 1  # it was rotated
    assert not run(RACKPRINT, "verify", "--case", str(case)).returncode
    with Store.open(case) as store:
        assert all(artifact.done for artifact in store.artifacts())
    entries = [e for e in CustodyLog(case / "custody.log").entries() if e["kind"] == "artifact"]
    assert {(e["interface"], e["host"], e["who"]) for e in entries} == {("vs", "lab", "capture")}


@pytest.mark.timeout(300)
def test_the_filter_and_the_number_of_packets_hold(net, tmp_path):
    net.serve()
    case = tmp_path / "case"
    capture = net.capture(case, "--filter", "tcp dst port 443", "--packets", "3")
    net.curl()
    code, out, err = ended(capture)
    assert code == 0, err
    assert out.startswith(f"{case}: 3 packets")
    (path,) = kept(case)
    data = path.read_bytes()
    assert b"tcp dst port 443" in data
    assert {json.loads(event)["dst"] for event in events(path)} == {SERVER}


@pytest.mark.parametrize("victim", ["the command", "the capturing process"])
@pytest.mark.timeout(300)
def test_kill_9_loses_nothing_that_was_written(net, tmp_path, victim):
    net.serve()
    case = tmp_path / "case"
    capture = net.capture(case, "--rotate-seconds", "600")
    net.curl()
    part = case / "capturing"
    until(lambda: any(b"api.photogram.example" in p.read_bytes() for p in part.iterdir()))
    if victim == "the command":
        pid = capture.pid
        while not (found := children(pid, "rackprint.daemon.acquire.capture.process")):
            (pid,) = children(pid)  # ip execs, so this is it; a wrapper would stand before it
        os.kill(capture.pid, signal.SIGKILL)
        capture.wait()
        until(lambda: not Path(f"/proc/{found[0]}").exists() or "Z" in Path(f"/proc/{found[0]}/stat").read_text())
        assert len(list(part.iterdir())) == 1
        capture = net.capture(case, "--seconds", "0.5")
        code, _, err = ended(capture)
        assert code == 0, err
        assert "1 file of an earlier capture" in err
    else:
        (child,) = children(capture.pid, "rackprint.daemon.acquire.capture.process")
        os.kill(child, signal.SIGKILL)
        code, _, err = ended(capture)
        assert code == 1
        assert "the capturing process was ended" in err
    assert not list(part.iterdir())
    assert any("api.photogram.example" in event for event in events(*kept(case)))
    assert not run(RACKPRINT, "verify", "--case", str(case)).returncode


def children(pid: int, module: str = "") -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == pid and module.encode() in stat.with_name("cmdline").read_bytes():
                found.append(int(stat.parent.name))
    return found


@pytest.mark.timeout(300)
def test_an_interface_that_goes_away_ends_it(net, tmp_path):
    case = tmp_path / "case"
    capture = net.capture(case)
    run("ip", "-n", net.server, "link", "del", "vs")
    code, _, err = ended(capture)
    assert code == 1
    assert "vs: " in err
    assert "what was captured before is kept" in err


@pytest.mark.timeout(300)
def test_the_spool_of_a_daemon_gets_whole_files_only(net, tmp_path):
    net.serve()
    spool = tmp_path / "spool"
    spool.mkdir()
    capture = net.capture(tmp_path / "case", "--spool", str(spool), "--ssid", "rack5", "--rotate-seconds", "600")
    net.curl()
    until(lambda: any(p.stat().st_size > 4000 for p in (spool / ".capturing-vs").iterdir()))
    assert [p.name for p in spool.iterdir()] == [".capturing-vs"]
    capture.send_signal(signal.SIGTERM)
    code, _, err = ended(capture)
    assert code == 0, err
    assert not (tmp_path / "case").exists()
    (folder,) = [p for p in spool.iterdir() if not p.name.startswith(".")]
    assert json.loads((folder / "handset.json").read_bytes())["ssid"] == "rack5"
    (file,) = folder.glob("*.pcapng")
    assert any("api.photogram.example" in event for event in events(file))


@pytest.mark.timeout(300)
def test_what_a_crash_left_for_the_spool_goes_there(net, tmp_path):
    spool = tmp_path / "spool"
    half, whole = spool / ".capturing-vs" / "half", spool / ".capturing-vs" / "whole"
    half.mkdir(parents=True)
    whole.mkdir()
    (half / "handset.json").write_bytes(b"{}")
    (whole / "handset.json").write_bytes(b"{}")
    (whole / "vs-1.pcapng").write_bytes(b"kept")
    (spool / ".capturing-vs" / "vs-2.pcapng.part").write_bytes(b"cut")
    capture = net.capture(tmp_path / "case", "--spool", str(spool), "--seconds", "0.1")
    assert ended(capture)[0] == 0
    assert (spool / "whole" / "vs-1.pcapng").read_bytes() == b"kept"
    assert (spool / "vs-2.pcapng").read_bytes() == b"cut"
    assert not list((spool / ".capturing-vs").iterdir())


TAGGED = bytes.fromhex("ffffffffffff 02aabbccddee 8100 6005 0800".replace(" ", "")) + b"E" * 60


@pytest.mark.timeout(300)
def test_a_vlan_tag_that_the_kernel_takes_off_is_put_back(net, tmp_path):
    case = tmp_path / "case"
    capture = net.capture(case, "--seconds", "15", "--filter", "ether src 02:aa:bb:cc:dd:ee", "--packets", "1")
    code = f"import socket; s = socket.socket(17, 3); s.bind(('vc', 0)); s.send(bytes.fromhex('{TAGGED.hex()}'))"
    assert not run(*net.within(net.client, sys.executable, "-c", code)).returncode
    assert ended(capture)[0] == 0
    (path,) = kept(case)
    assert TAGGED in path.read_bytes()


def test_two_captures_of_one_case_do_not_meet(net, tmp_path):
    case = tmp_path / "case"
    net.capture(case)
    done = run(*net.within(net.server, RACKPRINT, "capture", "vs", "--case", str(case)))
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        f"rackprint: {case}: another rackprint is writing to it; try again when it is done"
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch0"], "nosuch0: there is no such interface; there are"),
        (["lo", "--filter", "tcp prt 443"], "--filter 'tcp prt 443': can't parse filter expression"),
        (["lo", "--filter", "host no.such.name.invalid"], "--filter 'host no.such.name.invalid': "),
    ],
)
def test_what_cannot_begin_is_one_line(tmp_path, words, said):
    if os.geteuid():
        pytest.skip("not root")
    if "--filter" in words and not find_library("pcap"):
        said = "--filter takes libpcap; install libpcap0.8, or leave the filter out"
    done = run(RACKPRINT, "capture", *words, "--case", str(tmp_path / "case"))
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(f"rackprint: {said}")
    assert not (tmp_path / "case").exists()


def test_without_the_right_it_says_so(tmp_path):
    if os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("takes root and setpriv")
    command = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", RACKPRINT, "capture", "lo"]
    done = run(*command, "--case", str(tmp_path / "case"))
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert "CAP_NET_RAW" in line


def test_the_capturing_process_loads_neither_pyarrow_nor_the_store():
    code = (
        "import sys, rackprint.daemon.acquire.capture.process\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('pyarrow', 'sqlalchemy', 'numpy') or '.store' in m])"
    )
    assert run(sys.executable, "-c", code).stdout == b"[]\n"
