"""The daemon itself as the service that it is packaged as, under a real systemd (see test_boot.py, which has a stand-in
try what the unit allows and forbids)."""

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

import rackprint.daemon

HERE = Path(__file__).resolve().parent
PACKAGING = HERE.parents[1] / "packaging"
SYSTEMD = Path("/usr/lib/systemd/systemd")
TREES = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")]

PREPARE = """
mkdir -p opt/python opt/packages opt/packaging opt/tree mnt/out
mount --bind {python} opt/python; mount -o remount,ro,bind opt/python
mount --bind {packages} opt/packages; mount -o remount,ro,bind opt/packages
mount --bind {out} mnt/out
cp -r {packaging}/. opt/packaging/
cp -rL {tree} opt/tree/
rm -rf etc/systemd/system etc/rackprint usr/bin/rackprint var/lib/rackprint
mkdir -p etc/systemd/system/rackprint.service.d
printf '#!/bin/sh\\nexport LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/tree:/opt/packages\\n'\
'export PYTHONDONTWRITEBYTECODE=1\\n'\
'exec /opt/python/bin/{name} -c "from rackprint.daemon.cli import main; main()" "$@"\\n' >usr/bin/rackprint
chmod 755 usr/bin/rackprint
printf '[Service]\\nExecStartPost=/bin/sh -c "/usr/bin/rackprint doctor --case /var/lib/rackprint/case --format json '\
'>/var/lib/rackprint/doctor.json || true"\\n' >etc/systemd/system/rackprint.service.d/doctor.conf
printf '[Unit]\\nDefaultDependencies=no\\nWants=probe.service\\n' >etc/systemd/system/probe.target
printf '[Unit]\\nDefaultDependencies=no\\nSuccessAction=exit\\nFailureAction=exit\\n[Service]\\nType=oneshot\\n%s\\n' \\
  'ExecStart=/bin/sh /mnt/out/drive.sh' >etc/systemd/system/probe.service
for unit in sysinit.target basic.target; do
  printf '[Unit]\\nDefaultDependencies=no\\n' >etc/systemd/system/$unit
done
rm -rf usr/lib/systemd/system/sysinit.target.wants usr/lib/systemd/system/basic.target.wants
"""

DRIVE = """
exec >/mnt/out/drive.log 2>&1
set -x
cd /mnt/out
sh /opt/packaging/install || exit 1
systemd-sysusers /usr/lib/sysusers.d/rackprint.conf
systemd-tmpfiles --create /usr/lib/tmpfiles.d/rackprint.conf
systemctl daemon-reload
systemctl start rackprint.service
systemctl is-active rackprint.service >active
ask() {{ curl -s --max-time 20 --unix-socket /run/rackprint/api.sock "$@"; }}
ask http://x/readyz >ready.json
printf '%s\\n' '{line}' >line.ndjson
ask --data-binary @line.ndjson http://x/v1/observations >taken.json
mv /mnt/out/line.ndjson /var/lib/rackprint/spool/spooled.ndjson && chown rackprint: /var/lib/rackprint/spool/*.ndjson
ask http://x/v1/status >status.json
systemctl reload rackprint.service && echo yes >reloaded
for i in $(seq 100); do ls /var/lib/rackprint/spool/done/* >spooled 2>/dev/null && break; sleep 0.1; done
cp /var/lib/rackprint/doctor.json .
systemctl show -p StatusText,NRestarts rackprint.service >shown
systemctl stop rackprint.service
systemctl show -p Result,ExecMainStatus --value rackprint.service >result
touch done
"""
LINE = '{"id":"b1","time":"2026-03-01T08:00:00Z","source":"platform:p","account":"p:1","signals":{"model":"SM-G960F"}}'


def remove(group):
    for _ in range(50):
        try:
            for path in sorted((p for p in group.rglob("*") if p.is_dir()), reverse=True):
                path.rmdir()
            return group.rmdir()
        except OSError:
            time.sleep(0.1)
    return None


@pytest.mark.timeout(150)
def test_the_daemon_starts_takes_evidence_reloads_and_stops_under_its_hardening(tmp_path):
    tree = next((t for t in TREES if (t / "cgroup.controllers").exists()), None)
    if os.geteuid() != 0 or not SYSTEMD.exists() or not shutil.which("unshare") or not shutil.which("curl") or not tree:
        pytest.skip("takes root, systemd, unshare, curl and a cgroup2 tree")
    out = tmp_path / "out"
    out.mkdir()
    words = {
        "python": sys.base_prefix, "packages": sysconfig.get_path("purelib"), "packaging": PACKAGING, "out": out,
        "tree": Path(rackprint.daemon.__file__).parents[1],
    }  # fmt: skip
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    quoted = {key: shlex.quote(str(value)) for key, value in words.items()}
    (tmp_path / "prepare.sh").write_text(PREPARE.format(**quoted, name=name))
    (out / "drive.sh").write_text(DRIVE.format(line=LINE))
    group = tree / f"rackprint-test-{uuid.uuid4().hex[:8]}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup of its own: {error.strerror}")
    try:
        done = subprocess.run(
            ["sh", str(HERE / "boot/namespace.sh"), str(group), str(tmp_path)],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
    finally:
        remove(group)
    if not (out / "drive.log").exists():
        pytest.skip(f"systemd does not boot here: {done.stderr[-300:]}")
    log = done.stderr[-6000:] + (out / "drive.log").read_text()[-4000:]
    assert (out / "done").exists(), log
    assert (out / "active").read_text() == "active\n", log
    assert json.loads((out / "ready.json").read_text()) == {"status": "ready"}, log
    assert json.loads((out / "taken.json").read_text())["accepted"] == 1, log
    assert json.loads((out / "status.json").read_text())["counts"]["observations"] == 1
    assert (out / "reloaded").exists(), log
    assert "spooled.ndjson" in (out / "spooled").read_text(), log
    assert "StatusText=http://127.0.0.1:8470" in (out / "shown").read_text()
    assert "NRestarts=0" in (out / "shown").read_text()
    assert (out / "result").read_text().split() == ["success", "0"], log
    rows = {row["what"]: row for row in json.loads((out / "doctor.json").read_text())}
    assert rows["usb"]["state"] in {"ok", "warn", "not here"}, rows["usb"]
    assert rows["database"]["state"] == "ok", rows["database"]
