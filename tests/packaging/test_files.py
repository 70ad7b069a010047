"""What is installed beside the units: udev rules, the user, folders, the config, and the script that installs them."""

import grp
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
RULES = PACKAGING / "udev/70-rackprint.rules"
KEYS = {  # what a section of the config may hold
    "store": {"url"},
    "listen": {"host", "port", "socket", "socket_mode", "tls_cert", "tls_key"},
    "limits": set(),
    "spool": {"folder"},
    "link": {"every_seconds"},
    "platform": {"key_file", "retention_days"},
}
needs = {
    name: pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not there")
    for name in ("systemd-sysusers", "systemd-tmpfiles", "udevadm")
}


def run(*command, **environment):
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=30
    )


@pytest.fixture
def installed(tmp_path):
    root = tmp_path / "root"
    done = run(str(PACKAGING / "install"), DESTDIR=str(root))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return root


def test_install_puts_every_file_in_its_place(installed):
    found = {
        str(p.relative_to(installed)): f"{p.stat().st_mode & 0o777:o}" for p in installed.rglob("*") if p.is_file()
    }
    assert found == {
        "etc/rackprint/rackprint.toml": "640",
        "usr/lib/systemd/system/rackprint.service": "644",
        "usr/lib/systemd/system/rackprint-capture@.service": "644",
        "usr/lib/sysusers.d/rackprint.conf": "644",
        "usr/lib/tmpfiles.d/rackprint.conf": "644",
        "usr/lib/udev/rules.d/70-rackprint.rules": "644",
        "usr/share/doc/rackprint/examples/keys.conf": "644",
        "usr/share/doc/rackprint/examples/network.conf": "644",
        "usr/share/doc/rackprint/examples/rackprint.toml": "644",
    }


def test_install_again_keeps_a_config(installed):
    config = installed / "etc/rackprint/rackprint.toml"
    assert run(str(PACKAGING / "install"), DESTDIR=str(installed)).stdout == ""
    config.write_text("mode = 'platform'\n")
    done = run(str(PACKAGING / "install"), DESTDIR=str(installed))
    assert done.returncode == 0
    assert done.stdout == f"kept {config}; the new example is /usr/share/doc/rackprint/examples/rackprint.toml\n"
    assert config.read_text() == "mode = 'platform'\n"


def test_install_takes_no_arguments():
    assert run(str(PACKAGING / "install"), "--prefix=/", DESTDIR="/nonexistent").returncode == 2


@needs["systemd-sysusers"]
@needs["systemd-tmpfiles"]
def test_the_user_and_the_folders(installed):
    done = run("systemd-sysusers", f"--root={installed}", "rackprint.conf")
    assert done.returncode == 0, done.stderr
    user = next(x for x in (installed / "etc/passwd").read_text().splitlines() if x.startswith("rackprint:"))
    assert user.split(":")[4:] == ["rackprint daemon", "/var/lib/rackprint", "/usr/sbin/nologin"]
    assert re.search("^rackprint:", (installed / "etc/group").read_text(), re.M)
    if os.geteuid() != 0:
        pytest.skip("folders of another owner take root")
    done = run("systemd-tmpfiles", "--create", f"--root={installed}", "rackprint.conf")
    assert (done.returncode, done.stderr) == (0, "")
    uid = int(user.split(":")[2])
    found = {}
    for path in ("etc/rackprint", "etc/rackprint/rackprint.toml", "var/lib/rackprint", "var/lib/rackprint/spool"):
        status = (installed / path).stat()
        found[path] = (f"{status.st_mode & 0o7777:o}", status.st_uid, status.st_gid == int(user.split(":")[3]))
    assert found == {
        "etc/rackprint": ("750", 0, True),
        "etc/rackprint/rackprint.toml": ("640", 0, True),
        "var/lib/rackprint": ("750", uid, True),
        "var/lib/rackprint/spool": ("2770", uid, True),
    }


def test_the_config_holds_known_keys_only():
    text = (PACKAGING / "rackprint.toml").read_text()
    for shown in (text, re.sub(r"(?m)^# (?=\w+ = )", "", text)):  # also with its commented keys
        config = tomllib.loads(shown)
        sections = {name: set(value) for name, value in config.items() if isinstance(value, dict)}
        assert set(config) == {"case", "mode", *KEYS}
        assert all(keys <= KEYS[name] for name, keys in sections.items())


def test_the_daemon_reads_the_config():
    config = pytest.importorskip("rackprint.daemon.config", reason="the daemon is not there")
    assert config.load(PACKAGING / "rackprint.toml").case == Path("/var/lib/rackprint/case")


def test_the_rules_are_rules():
    names = r'(?:ACTION|SUBSYSTEM|GOTO|LABEL|GROUP|MODE|ENV\{\w+\})(?:==|!=|=|\+=)"[^"]*"'
    lines = [x for x in RULES.read_text().splitlines() if x and not x.startswith("#")]
    assert all(re.fullmatch(rf"{names}(?:, {names})*", line) for line in lines)
    assert set(re.findall('GOTO="(.*?)"', "\n".join(lines))) == set(re.findall('LABEL="(.*?)"', "\n".join(lines)))


# udevadm test, in namespaces of its own so that it reads and writes nothing of the machine's. The loopback interface
# stands in for a phone: it has no node whose rights could change.
SIMULATE = """
set -e
for folder in /run /etc/udev /usr/lib/udev; do [ ! -d $folder ] || mount -t tmpfs none $folder; done
mkdir -p /run/udev/rules.d
cp "$1"/*.rules /run/udev/rules.d/
udevadm test --action="$2" /sys/class/net/lo
"""


@needs["udevadm"]
@pytest.mark.parametrize(
    ("interfaces", "action", "kind"),
    [
        (":ff4201:", "add", "adb"),
        (":ffff00:ff4201:", "change", "adb"),
        (":ff4203:", "add", "fastboot"),
        (":060101:", "add", "ptp"),
        (":060101:ff4201:", "add", "adb"),
        (":ffff00:", "add", None),
        (":080650:", "add", None),
        (":ff4202:", "add", None),
        (":ff4201:", "remove", None),
    ],
)
def test_the_rules_take_phones_and_nothing_else(interfaces, action, kind, tmp_path):
    if os.geteuid() != 0 or run("unshare", "--mount", "--net", "true").returncode:
        pytest.skip("namespaces take root")
    group = grp.getgrgid(1).gr_name  # group rackprint is not on this machine
    rules = RULES.read_text()
    for ours, here in (
        ('!="usb"', '!="net"'),
        ('{DEVTYPE}!="usb_device"', '{DEVTYPE}=="?*"'),
        ('"rackprint"', f'"{group}"'),
    ):
        assert ours in rules
        rules = rules.replace(ours, here)
    (tmp_path / "70-rackprint.rules").write_text(rules)
    (tmp_path / "10-phone.rules").write_text(f'KERNEL=="lo", ENV{{ID_USB_INTERFACES}}="{interfaces}"\n')
    done = run("unshare", "--mount", "--net", "--propagation=private", "sh", "-c", SIMULATE, "-", str(tmp_path), action)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert not re.search(r"70-rackprint.rules:\d+ (?:Invalid|Unknown|Failed|Unexpected)", said), said
    properties = dict(re.findall(r"(?m)^(\w+)=(.*)$", said))
    assert properties["ID_USB_INTERFACES"] == interfaces
    assert properties.get("ID_RACKPRINT") == kind
    assert bool(re.search(r"70-rackprint.rules:\d+ GROUP 1$", said, re.M)) == bool(kind)
    assert bool(re.search(r"70-rackprint.rules:\d+ MODE 0660$", said, re.M)) == bool(kind)
    assert ("ID_MM_DEVICE_IGNORE" in properties) == bool(kind)
