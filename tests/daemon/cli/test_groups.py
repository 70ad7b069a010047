"""A command loads its own group only; the table of groups must be what the groups register."""

import subprocess
import sys

import pytest
import typer.main

from rackprint.daemon.cli import GROUPS, application


@pytest.mark.parametrize("group", GROUPS)
def test_the_table_is_what_a_group_registers(group):
    found = typer.main.get_command(application(group))
    assert tuple(found.commands) == GROUPS[group]


def test_a_command_loads_no_other_group():
    code = "import sys; sys.argv = ['rackprint', 'events', '--help']\nfrom rackprint.daemon.cli import main\n"
    code += "try: main()\nexcept SystemExit: print(sorted(m for m in sys.modules if 'daemon.cli.' in m))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == str([f"rackprint.daemon.cli.{name}" for name in ("events", "output", "streams")])


def test_what_is_no_command_is_answered_with_all_of_them():
    code = "import sys; sys.argv = ['rackprint', 'evnts']\nfrom rackprint.daemon.cli import main; main()"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert shown.returncode == 2
    assert "events" in shown.stderr
