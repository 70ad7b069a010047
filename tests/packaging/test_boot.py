"""The units under a real systemd, booted as PID 1 of its own namespaces over a throw-away copy of this root.

Takes root, a cgroup2 tree and overlayfs; a container in CI often has none of them, and then this is skipped.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
import uuid
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PACKAGING = HERE.parents[1] / "packaging"
SYSTEMD = Path("/usr/lib/systemd/systemd")
TREES = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")]
TIME = 60

# The units hide /root and /home, where the interpreter and its packages may be: they are shown under /opt.
PREPARE = """
mkdir -p opt/python opt/packages opt/packaging opt/probe mnt/out
mount --bind {python} opt/python; mount -o remount,ro,bind opt/python
mount --bind {packages} opt/packages; mount -o remount,ro,bind opt/packages
mount --bind {out} mnt/out
cp -r {packaging}/. opt/packaging/
cp {here}/boot/rackprint.py {here}/boot/drive.sh {here}/workload.py opt/probe/
rm -rf etc/systemd/system etc/rackprint usr/bin/rackprint var/lib/rackprint
mkdir -p etc/systemd/system
printf '#!/bin/sh\\nexport LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/packages PYTHONDONTWRITEBYTECODE=1\\n'\
'exec /opt/python/bin/%s %s "$@"\\n' \\
  {name} /opt/probe/rackprint.py >usr/bin/rackprint
chmod 755 usr/bin/rackprint
grep -q ' usb_device$' proc/devices && mkdir -p dev/bus/usb/001 && mknod -m 666 dev/bus/usb/001/002 c 189 1 || true
printf '[Unit]\\nDefaultDependencies=no\\nWants=probe.service\\n' >etc/systemd/system/probe.target
printf '[Unit]\\nDefaultDependencies=no\\nSuccessAction=exit\\nFailureAction=exit\\n[Service]\\nType=oneshot\\n%s\\n' \\
  'ExecStart=/bin/sh /opt/probe/drive.sh /mnt/out' >etc/systemd/system/probe.service
for unit in sysinit.target basic.target; do  # empty: nothing of this machine is started
  printf '[Unit]\\nDefaultDependencies=no\\n' >etc/systemd/system/$unit
done
rm -rf usr/lib/systemd/system/sysinit.target.wants usr/lib/systemd/system/basic.target.wants
"""


def remove(group):
    """With systemd, the first process of its namespace, all others end; that may take a moment."""
    for _ in range(50):
        try:
            for path in sorted((p for p in group.rglob("*") if p.is_dir()), reverse=True):
                path.rmdir()
            return group.rmdir()
        except OSError:
            time.sleep(0.1)
    return None


@pytest.fixture(scope="module")
def booted(tmp_path_factory):
    if os.geteuid() != 0 or not SYSTEMD.exists() or not shutil.which("unshare"):
        pytest.skip("takes root, systemd and unshare")
    tree = next((t for t in TREES if (t / "cgroup.controllers").exists()), None)
    if tree is None:
        pytest.skip("no cgroup2 tree is mounted")
    folder = tmp_path_factory.mktemp("boot")
    out = folder / "out"
    out.mkdir()
    words = {
        "python": sys.base_prefix,
        "packages": sysconfig.get_path("purelib"),
        "packaging": PACKAGING,
        "here": HERE,
        "out": out,
        "name": f"python{sys.version_info[0]}.{sys.version_info[1]}",
    }
    (folder / "prepare.sh").write_text(PREPARE.format(**{k: shlex.quote(str(v)) for k, v in words.items()}))
    group = tree / f"rackprint-test-{uuid.uuid4().hex[:8]}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup of its own: {error.strerror}")
    try:
        done = subprocess.run(
            ["sh", str(HERE / "boot/namespace.sh"), str(group), str(folder)],
            capture_output=True, text=True, check=False, timeout=TIME,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        done = None
    finally:
        remove(group)
    assert done is not None, f"systemd did not end within {TIME} s"
    if not (out / "drive.log").exists():
        pytest.skip(f"systemd does not boot here: {done.stderr[-300:]}")
    log = done.stderr[-4000:] + (out / "drive.log").read_text()
    assert (out / "done").exists(), log
    return out, log


def test_the_service_starts_reloads_and_drains(booted):
    out, log = booted
    assert (out / "installed").exists(), log
    assert (out / "active").read_text() == "active\n", log
    assert (out / "serve.reloaded").exists(), log
    assert (out / "serve.drained").exists(), log
    assert (out / "result").read_text().split() == ["success", "0"], log
    assert json.loads((out / "serve.json").read_text())["process"]["umask"] == "77"


def test_its_folders_keep_their_owner(booted):
    assert (booted[0] / "owners").read_text().splitlines() == [
        "rackprint:rackprint 750 /var/lib/rackprint",
        "rackprint:rackprint 750 /run/rackprint",
        "root:rackprint 750 /etc/rackprint",
        "root:rackprint 640 /etc/rackprint/rackprint.toml",
    ]


@pytest.mark.parametrize("command", ["serve", "capture"])
def test_all_it_needs_works_and_the_rest_is_refused(booted, command):
    out, log = booted
    assert (out / f"{command}.json").exists(), log
    found = json.loads((out / f"{command}.json").read_text())
    assert found["process"]["uid"] != 0
    assert not {name: why for part in ("works", "refused") for name, why in found[part].items() if why}


def test_capture_is_told_its_interface(booted):
    arguments = json.loads((booted[0] / "capture.json").read_text())["arguments"]
    assert arguments == ["capture", "wire0", "--spool", "/var/lib/rackprint/spool"]
