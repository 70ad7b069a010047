"""The unit's filter of system calls, set by libseccomp as systemd sets it, and what rackprint builds on run under it.

Namespaces, devices and addresses take a booted systemd: test_boot.py.
"""

import ctypes
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNITS = sorted((Path(__file__).resolve().parents[2] / "packaging/systemd").glob("*.service"))
WORKLOAD = Path(__file__).with_name("workload.py")

# Run as: python -c SANDBOX workload.py NAMES...; the names are the system calls that may be made.
SANDBOX = """
import ctypes, json, runpy, sys
library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
library.seccomp_init.restype = ctypes.c_void_p
class Argument(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]
ALLOW, REFUSE, MASKED = 0x7FFF0000, 0x00050000 | 1, 7
def number(name):
    return library.seccomp_syscall_resolve_name(name.encode())
def new(default):
    return ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(default)))
calls = new(REFUSE)
for name in json.load(sys.stdin):
    if number(name) >= 0:
        assert library.seccomp_rule_add(calls, ALLOW, number(name), 0) == 0, name
memory = new(ALLOW)  # MemoryDenyWriteExecute
for name, arg, bits in (("mmap", 2, 6), ("mprotect", 2, 4), ("pkey_mprotect", 2, 4), ("shmat", 2, 0o100000)):
    rule = Argument(arg, MASKED, bits, bits)
    assert library.seccomp_rule_add_array(memory, REFUSE, number(name), 1, ctypes.byref(rule)) == 0, name
assert library.seccomp_load(memory) == 0 and library.seccomp_load(calls) == 0
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def libseccomp():
    try:
        return ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return None


pytestmark = [
    pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze names the calls of each group"),
    pytest.mark.skipif(libseccomp() is None, reason="libseccomp is not there to set the filter"),
]


def run(*arguments, given=""):
    return subprocess.run([sys.executable, *arguments], input=given, capture_output=True, text=True, check=False)


def allowed(unit):
    """The system calls that the lines of a unit leave: groups are @names, and a line with ~ takes away."""
    listing = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout
    groups, group = {}, []
    for line in listing.splitlines():
        if line.startswith("@"):
            group = groups[line.strip()] = []
        elif line.startswith("    ") and not line.strip().startswith("#"):
            group.append(line.strip())

    def flat(names):
        return {call for n in names for call in (flat(groups[n]) if n.startswith("@") else {n})}

    left = flat(["@default"])
    for line in unit.read_text().splitlines():
        key, _, value = line.partition("=")
        if key == "SystemCallFilter":
            left = left - flat(value[1:].split()) if value.startswith("~") else left | flat(value.split())
    return sorted(left)


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.stem)
def test_what_rackprint_builds_on_runs_under_the_filter(unit):
    calls = allowed(unit)
    assert {"read", "prlimit64", "futex"} <= set(calls)
    assert not {"mount", "setuid", "chown", "bpf", "ptrace"} & set(calls)
    assert "MemoryDenyWriteExecute=yes" in unit.read_text()
    done = run("-c", SANDBOX, str(WORKLOAD), given=json.dumps(calls))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert not {name: why for part in found.values() for name, why in part.items() if why}


def test_the_workload_does_nothing_outside_a_sandbox():
    if "\nSeccomp:\t0\n" not in Path("/proc/self/status").read_text():
        pytest.skip("something else has set a filter here")
    done = run(str(WORKLOAD))
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "not in a sandbox: no filter of system calls is set\n",
    )
