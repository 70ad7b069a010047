"""``rackprint config`` as an operator runs it."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

SCRIPT = Path(sys.executable).with_name("rackprint")


def run(*arguments, code: int = 0, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RACKPRINT_")}
    done = subprocess.run(
        [str(SCRIPT), "config", *map(str, arguments)],
        capture_output=True, text=True, cwd=cwd, env={**clean, **environment}, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_a_good_file_is_one_line(tmp_path):
    (tmp_path / "r.toml").write_text("[listen]\nport = 9000\n")
    out = run("check", "--config", "r.toml", cwd=tmp_path).stdout
    assert out == "r.toml: good; evidence mode, case case, 127.0.0.1 port 9000\n"
    assert "port 9001" in run("check", cwd=tmp_path, RACKPRINT_CONFIG="r.toml", RACKPRINT_LISTEN__PORT="9001").stdout
    assert run("check", cwd=tmp_path).stdout.startswith("configuration: good")


def test_what_cannot_be_read_is_one_line_and_what_would_not_work_one_line_each(tmp_path):
    file = tmp_path / "r.toml"
    file.write_text("[listen]\nprot = 9000\n")
    (line,) = run("check", "--config", file, code=1).stderr.splitlines()
    assert line == f"rackprint: {file}, line 2: listen.prot: unknown key; did you mean listen.port?"
    file.write_text("[spool]\nfolder = 'none'\n[platform]\nkey_file = 'key\\u001b'\n")
    lines = run("check", "--config", file, code=1).stderr.splitlines()
    assert [line.split(": ")[2] for line in lines] == ["platform.key_file", "spool.folder"]
    assert all(line.startswith(f"rackprint: {file}: ") and line.isprintable() for line in lines)


def test_show_says_where_each_value_came_from(tmp_path):
    (tmp_path / "r.toml").write_text("[store]\nurl = 'postgresql+psycopg://u:hunter2@h/db'\n")
    out = run("show", "--config", "r.toml", cwd=tmp_path, RACKPRINT_LOG__LEVEL="debug").stdout
    assert 'url = "postgresql+psycopg://u:***@h/db"  # file\n' in out
    assert 'level = "debug"  # environment, RACKPRINT_LOG__LEVEL\n' in out
    assert "port = 8470  # default\n" in out
    assert tomllib.loads(out)["listen"]["port"] == 8470
    told = json.loads(run("show", "--config", "r.toml", "--format", "json", cwd=tmp_path, RACKPRINT_CASE="c").stdout)
    assert told["case"] == {"value": "c", "from": "environment"}
    assert told["store.url"] == {"value": "postgresql+psycopg://u:***@h/db", "from": "file"}
    assert told["listen.socket"] == {"value": None, "from": "default"}


@pytest.mark.parametrize("module", ["pydantic", "pydantic_settings", "msgspec"])
def test_help_waits_for_no_heavy_import(module):
    code = f"import sys, rackprint.daemon.cli; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
