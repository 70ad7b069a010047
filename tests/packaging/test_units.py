"""The units as systemd itself reads them: nothing unknown in them, and little exposed."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).resolve().parents[2] / "packaging/systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
DROP_INS = sorted((SYSTEMD / "examples").glob("*.conf"))
WORST = 2.0

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not there")


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def verify(tmp_path):
    """Checks a text as the unit of that name. The program need not be installed: any that runs stands in for it."""

    def check(name, text):
        path = tmp_path / name.replace("@.", "@lo.")
        path.write_text(text.replace("/usr/bin/rackprint ", f"{shutil.which('true')} "))
        done = analyze("verify", "--man=no", "--recursive-errors=no", str(path))
        return done.returncode, done.stdout + done.stderr

    return check


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.stem)
def test_every_line_is_known_to_systemd(unit, verify):
    assert verify(unit.name, unit.read_text()) == (0, "")


@pytest.mark.parametrize("drop_in", DROP_INS, ids=lambda d: d.stem)
def test_the_drop_ins_too(drop_in, verify):
    text = (SYSTEMD / "rackprint.service").read_text() + drop_in.read_text()
    assert verify("rackprint.service", text) == (0, "")


def test_verify_would_tell_a_slip_of_the_pen(verify):
    _, said = verify("rackprint.service", (SYSTEMD / "rackprint.service").read_text() + "[Service]\nProtectHomes=yes\n")
    assert "ProtectHomes" in said


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.stem)
def test_exposure_is_low(unit):
    done = analyze("security", "--offline=true", "--no-pager", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= WORST


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.stem)
def test_only_what_is_needed_is_exposed(unit):
    rows = json.loads(analyze("security", "--offline=true", "--json=short", str(unit)).stdout)
    open_ones = {row["name"] for row in rows if row["exposure"] and float(row["exposure"]) > 0}
    needed = {
        "RootDirectory=/RootImage=",
        "PrivateNetwork=",
        "RestrictAddressFamilies=~AF_(INET|INET6)",
        "RestrictAddressFamilies=~AF_UNIX",
        "RestrictAddressFamilies=~AF_NETLINK",
        "DeviceAllow=",  # ProtectClock names the clock, read-only; the daemon USB phones
        "IPAddressDeny=",  # localhost
    }
    more = {
        "rackprint": {"PrivateDevices="},  # it would hide /dev/bus/usb
        "rackprint-capture@": {
            "PrivateUsers=",
            "AmbientCapabilities=",
            "CapabilityBoundingSet=~CAP_NET_(BIND_SERVICE|BROADCAST|RAW)",
            "RestrictAddressFamilies=~AF_PACKET",
        },
    }
    assert open_ones <= needed | more[unit.stem]
