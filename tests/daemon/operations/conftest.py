"""A case with loose artifacts and a pack, and a process that keeps adding to it."""

import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.packs import Packer
from rackprint.daemon.evidence.vault import Vault
from rackprint.daemon.pipeline import ingest
from rackprint.daemon.store.records import Artifact
from rackprint.daemon.store.repository import Store

ADD = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from rackprint.daemon.evidence.custody import CustodyLog
from rackprint.daemon.evidence.packs import Packer
from rackprint.daemon.evidence.vault import Vault
from rackprint.daemon.store.records import Artifact
from rackprint.daemon.store.repository import Store
from rackprint.fingerprint.model import Observation

case = Path(sys.argv[1])
log, vault = CustodyLog(case / "custody.log"), Vault(case)
packer = Packer(vault)
now = datetime.now(UTC)
with Store.open(case) as store:
    print("ready", flush=True)
    n = 0
    while True:
        n += 1
        bodies = [b"%d of many %d " % (n, k) * 50 for k in range(20)]
        places = packer.add(bodies)
        stored = vault.add_bytes(b"loose %d" % n * 1000)
        log.append("artifact", sha256=stored.sha256, size=stored.size, name=f"l{n}")
        head = log.append_many([("artifact", dict(p._asdict(), name=f"n{n}")) for p in places])
        for p in places[:2]:
            store.add_artifact(Artifact(p.sha256, f"n{n}", p.size, now, now, done=True, pack=p.pack, offset=p.offset))
        store.add_observations([Observation(f"o{n}-{k}", now, "platform:p", ("p:u%d" % k,)) for k in range(50)])
        store.set_custody_head(head.hash, head.count)
"""


def add_packed(case, bodies, name="packed"):
    """What the daemon does with small things."""
    packer = Packer(Vault(case))
    places = packer.add(bodies)
    packer.close()
    head = CustodyLog(case / "custody.log").append_many([("artifact", {**p._asdict(), "name": name}) for p in places])
    now = datetime.now(UTC)
    with Store.open(case) as store:
        for p in places:
            store.add_artifact(Artifact(p.sha256, name, p.size, now, now, done=True, pack=p.pack, offset=p.offset))
        store.set_custody_head(head.hash, head.count)


@pytest.fixture
def make_case(tmp_path):
    def make(name, serial):
        source = tmp_path / f"{name}-source"
        source.mkdir()
        (source / "getprop.txt").write_text(f"[ro.serialno]: [{serial}]\n[ro.product.model]: [M1]\n")
        (source / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100_000))
        case = tmp_path / name
        ingest([source], case, print)
        add_packed(case, [f"{serial} {n}".encode() * 100 for n in range(50)])
        (case / "audit.log").write_text("{}\n")
        return case

    return make


@pytest.fixture
def case(make_case):
    return make_case("case", "SERIAL1")


@pytest.fixture
def adding(case):
    process = subprocess.Popen([sys.executable, "-c", ADD, str(case)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.3)
    yield process
    assert process.poll() is None, "it did not keep adding"
    process.kill()
    process.wait()
