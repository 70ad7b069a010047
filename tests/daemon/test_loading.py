"""How processes begin and end, and what the daemon leaves for others to load."""

import os
import subprocess
import sys

GOOD = """
import atexit, gc, sys
def main():
    atexit.register(print, "taken apart")
    print(sys.argv[1:], gc.isenabled(), gc.get_threshold() == USUAL, gc.get_freeze_count() > 1000)
USUAL = gc.get_threshold()
"""
CODE = "import rackprint.daemon.api.app, rackprint.daemon.service, sys; print(sorted(HEAVY & set(sys.modules)))"
HEAVY = {"numpy", "pyarrow", "igraph", "scapy", "alembic", "jinja2", "sqlalchemy.dialects.postgresql", "cryptography"}


def run(folder, text):
    (folder / "part.py").write_text(text)
    command = [sys.executable, "-m", "rackprint.daemon.loading", "part", "7", "8"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_module_runs_with_what_it_loaded_set_aside_and_ends_at_once(tmp_path):
    done = run(tmp_path, GOOD)
    assert (done.returncode, done.stdout, done.stderr) == (0, "['7', '8'] True True True\n", "")


def test_a_module_that_fails_says_so(tmp_path):
    assert run(tmp_path, "import sys\ndef main():\n    sys.exit(4)").returncode == 4
    done = run(tmp_path, "def main():\n    raise ValueError('of its own')")
    assert (done.returncode, "of its own" in done.stderr) == (1, True)


def test_the_daemon_loads_nothing_that_only_its_other_processes_need():
    shown = subprocess.run(
        [sys.executable, "-c", f"HEAVY = {HEAVY}; {CODE}"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "[]\n"
