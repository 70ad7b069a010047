"""The configuration: what wins over what, and one line with place, reason and remedy for whatever is wrong."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from rackprint.daemon import config_checks
from rackprint.daemon.config import KEYS, Config, load, masked, problems, shown, sources
from rackprint.daemon.errors import RackprintError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for name in [name for name in os.environ if name.startswith("RACKPRINT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "r.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def refused(path: Path | None, overrides: dict | None = None) -> str:
    with pytest.raises(RackprintError) as caught:
        load(path, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_said_is_the_defaults():
    config, origins = sources(None)
    assert config == Config()
    assert set(origins) == set(KEYS)
    assert set(origins.values()) == {"default"}


def test_command_line_over_environment_over_file_over_default(file, monkeypatch):
    path = file("case = '/a'\n[listen]\nport = 1\nhost = '::1'\n[log]\nlevel = 'error'\n")
    monkeypatch.setenv("RACKPRINT_LISTEN__PORT", "2")
    monkeypatch.setenv("RACKPRINT_CASE", "/b")
    monkeypatch.setenv("RACKPRINT_COLLECT__INTERFACES", "wlan0, eth0")
    config, origins = sources(path, {"listen": {"port": 3, "host": None}, "case": None})
    assert (config.listen.port, config.listen.host, str(config.case)) == (3, "::1", "/b")
    assert config.collect.interfaces == ["wlan0", "eth0"]
    assert config.log.level == "error"
    told = {key: origin for key, origin in origins.items() if origin != "default"}
    assert told == {
        "case": "environment", "collect.interfaces": "environment", "listen.port": "command line",
        "listen.host": "file", "log.level": "file",
    }  # fmt: skip


def test_what_is_empty_in_the_environment_is_not_set_and_what_is_no_key_is_left_alone(file, monkeypatch):
    monkeypatch.setenv("RACKPRINT_LISTEN__PORT", "")
    monkeypatch.setenv("RACKPRINT_DEBUG", "1")
    assert load(file("[listen]\nport = 4")).listen.port == 4


def test_relative_paths_in_the_file_are_relative_to_the_file(file, monkeypatch, tmp_path):
    path = file("case = 'c'\n[listen]\ntls_cert = 'a/x.crt'\ntls_key = '/k'\n[spool]\nfolder = '../s'")
    monkeypatch.setenv("RACKPRINT_AUDIT__FILE", "here.log")
    monkeypatch.chdir(tmp_path.parent)
    config = load(path.relative_to(tmp_path.parent))
    assert config.case == tmp_path / "c"
    assert config.listen.tls_cert == tmp_path / "a/x.crt"
    assert config.listen.tls_key == Path("/k")
    assert config.spool.folder == tmp_path / "../s"
    assert config.audit.file == Path("here.log")  # what a person types is relative to where they are


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("\n[listen]\nprot = 5", ", line 3: listen.prot", "unknown key; did you mean listen.port?"),
        ("port = 5", ", line 1: port", "did you mean listen.port?"),
        ("[listne]\nport = 5", ", line 1: listne", "did you mean listen?"),
        ("[limits]\nfoo = 1", ", line 2: limits.foo", "known here are body_mb, small_kb"),
        ("zzz = 1\nyyy = 2", ", line 1: zzz", "docs/config.md lists every key (1 more like it)"),
        ("listen.tls = 'x'", ", line 1: listen.tls", "did you mean listen.tls_key?"),
        ('"a\\u001bb\\n" = 1', ": a\\x1bb\\x0a", "unknown key"),
        ("[listen]\nport = '5'", ", line 2: listen.port", "should be a valid integer, not '5'; leave it out for 8470"),
        ("[listen]\nport = true", ", line 2: listen.port", "not True"),
        ("[listen]\nport = 70000", ", line 2: listen.port", "less than or equal to 65535, not 70000"),
        ("[listen]\nport = 1.5", ", line 2: listen.port", "should be a valid integer"),
        ("[auth]\nrequired = 0", ", line 2: auth.required", "should be a valid boolean"),
        ("[limits]\nidle_seconds = nan", ", line 2: limits.idle_seconds", "finite"),
        ("[limits]\nidle_seconds = 0", ", line 2: limits.idle_seconds", "greater than 0"),
        ("[parsers]\nfiles = 0", ", line 2: parsers.files", "greater than or equal to 1"),
        ("listen = 3", ", line 1: listen", "should be a table; write [listen]"),
        ("[[listen]]\nport = 3", ": listen", "should be a table"),
        ("[collect]\ninterfaces = ['a', 3]", ", line 2: collect.interfaces", "not 3; leave it out for none"),
        ("[listen]\nsocket_mode = '0888'", ", line 2: listen.socket_mode", "pattern"),
        ("[log]\nlevel = 2026-01-01", ", line 2: log.level", "'debug', 'info', 'warning' or 'error'"),
        ("mode = 'platfrom'", ", line 1: mode", "'evidence' or 'platform', not 'platfrom'"),
        ("case = ''", ", line 1: case", "is no path"),
        ('case = "a\\u0000b"', ", line 1: case", "is no path"),
        ("[store]\nurl = 'mysql://u:hunter2@h'", ", line 2: store.url", "is no postgresql+psycopg:// URL"),
        ("[store]\nurl = ['hunter2']", ", line 2: store.url", "should be a valid string"),
        ("a = 1\na = 2", ", end of document", "is not TOML: Cannot overwrite a value"),
        ("a\x07 = 1", ", line 1, column 2", "is not TOML"),
        (b"case = '\xff'", ", byte 8", "is not UTF-8"),
        ("x = " + "[" * 5000, "", "is nested too deep"),
        ("x = 0x" + "f" * 6000, "", "is not TOML"),
        ("[listen]\nport = 9" + "9" * 40, ", line 2: listen.port", "65535"),
    ],
)
def test_what_is_wrong_in_the_file_is_one_line(file, text, where, why):
    path = file(text)
    line = refused(path)
    assert line.startswith(f"{path}{where}")
    assert why in line
    assert "; " in line, "what to do about it is missing"
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("RACKPRINT_LISTEN__PORT", "abc", "should be a valid integer"),
        ("RACKPRINT_LISTEN__PROT", "3", "unknown key; did you mean RACKPRINT_LISTEN__PORT?"),
        ("RACKPRINT_LISTNE__PORT", "3", "unknown key; did you mean RACKPRINT_LISTEN__PORT?"),
        ("RACKPRINT_LISTEN__PORT__X", "3", "unknown key"),
        ("RACKPRINT_MODE__X", "3", "unknown key; did you mean RACKPRINT_MODE?"),
        ("RACKPRINT_LISTEN", "{}", "is a section; name a key in it, as RACKPRINT_LISTEN__NAME"),
        ("RACKPRINT_AUTH__REQUIRED", "maybe", "should be a valid boolean"),
        ("RACKPRINT_STORE__URL", "mysql://u:hunter2@h", "is no postgresql+psycopg:// URL"),
        ("RACKPRINT_MODE", "platform", "platform needs platform.key_file"),
    ],
)
def test_what_is_wrong_in_the_environment_names_the_variable(file, monkeypatch, name, value, why):
    monkeypatch.setenv(name, value)
    line = refused(file("case = 'x'"))
    assert line.startswith(f"environment, {name}: ")
    assert why in line
    assert "hunter2" not in line


def test_what_is_wrong_on_the_command_line_says_so():
    assert refused(None, {"listen": {"prot": 1}}).startswith("command line, listen.prot: unknown key")
    assert refused(None, {"listen": {"port": -1}}).startswith("command line, listen.port: should be")


def test_a_file_that_is_not_there_or_no_file(tmp_path):
    assert "no such file" in refused(tmp_path / "none.toml")
    assert "is a directory" in refused(tmp_path)


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ("mode = 'platform'", "mode", "needs platform.key_file"),
        ("[listen]\nhost = '0.0.0.0'", "listen.host", "set listen.remote = true"),
        ("[listen]\nhost = '::'\nremote = true", "listen.host", "need TLS"),
        ("[listen]\nhost = 'rack.example'\nbehind_proxy = true", "listen.host", "set listen.remote = true"),
        ("[listen]\nhost = ''", "listen.host", "would be every interface"),
        ("[listen]\ntls_cert = 'a'", "listen.tls_cert", "needs listen.tls_key too"),
        ("[listen]\ntls_key = 'a'", "listen.tls_key", "needs listen.tls_cert too"),
        (
            "[listen]\nhost = '10.0.0.1'\nremote = true\nbehind_proxy = true\n[auth]\nrequired = false",
            "auth.required",
            "only on loopback",
        ),
    ],
)
def test_keys_that_do_not_go_together(file, text, key, why):
    line = refused(file(text))
    assert f": {key}: " in line
    assert why in line


@pytest.mark.parametrize(
    "text",
    [
        "[listen]\nhost = '0.0.0.0'\nremote = true\nbehind_proxy = true",
        "[listen]\nhost = '0.0.0.0'\nremote = true\ntls_cert = 'a'\ntls_key = 'b'",
        "[listen]\nhost = '127.8.8.8'\nsocket = 's'\n[auth]\nrequired = false",
        "[listen]\nhost = 'localhost'\n[auth]\nrequired = false",
        "[listen]\nhost = '::1'\nport = 0",
        "mode = 'platform'\n[platform]\nkey_file = 'k'",
        "[limits]\nidle_seconds = 5",  # a whole number where a number is wanted
        "\ufeffcase = 'c'",
        "",
    ],
)
def test_what_is_right_is_taken(file, text):
    load(file(text))


def test_rules_hold_for_what_all_sources_say_together(file, monkeypatch):
    monkeypatch.setenv("RACKPRINT_PLATFORM__KEY_FILE", "k")
    assert load(file("mode = 'platform'")).mode == "platform"
    assert refused(file("case = 'c'"), {"listen": {"host": "0.0.0.0"}}).startswith("command line, listen.host: ")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://u:hunter2@h/db",
        "postgresql+psycopg://u:hunter2@h@h/db",
        "postgresql+psycopg://u:hun/hunter2@h/db",
        "postgresql+psycopg://u@x:hunter2@h/db",
        "postgresql+psycopg://:hunter2@h",
        "postgresql+psycopg:///db?host=/run/pg&password=hunter2",
        "postgresql+psycopg:///db?sslPassword=hunter2&a=b",
    ],
)
def test_passwords_are_hidden(url):
    config = load(None, {"store": {"url": url}})
    assert "hunter2" not in shown(config) + json.dumps(masked(config))
    assert "***" in shown(config)


def test_what_is_shown_is_what_was_read(file):
    case, interfaces = '/a"b\\c\n\x7f\u202eé😀', ["a", 'b"']
    told = load(None, {"case": case, "collect": {"interfaces": interfaces}, "log": {"level": "debug"}})
    assert load(file(shown(told))) == told
    path = file(shown(told, sources(None)[1]))  # with where it came from
    assert load(path) == told
    assert set(tomllib.loads(shown(Config()))) == set(Config.model_fields)
    broken = shown(load(None, {"case": os.fsdecode(b"/\xff")}))
    broken.encode()
    tomllib.loads(broken)


def test_the_page_lists_every_key_with_its_default():
    page = (ROOT / "docs/config.md").read_text()
    rows = {m[1]: m[2].strip().strip("`") for m in re.finditer(r"^\| `([\w.]+)` \|([^|]*)\|", page, re.M)}
    told = {key: "" if v is None else v if isinstance(v, str) else json.dumps(v) for key, v in masked(Config()).items()}
    assert rows == told


def test_the_example_of_the_page_is_good(file):
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/config.md").read_text(), re.S)
    load(file(example))


# What `config check` looks at on this machine.


def faults(tmp_path: Path, **sections) -> list[str]:
    return problems(load(None, {"case": tmp_path / "case", **sections}))


def test_a_case_that_is_not_yet_there_is_fine_and_one_that_cannot_be_is_not(tmp_path):
    assert faults(tmp_path) == []
    (tmp_path / "file").write_text("")
    (line,) = problems(load(None, {"case": tmp_path / "file/case"}))
    assert "is no folder" in line


@pytest.mark.parametrize(
    ("size", "mode", "why"),
    [(32, 0o600, ""), (32, 0o400, ""), (31, 0o600, "holds 31 bytes and needs 32"), (32, 0o640, "mode 0640")],
)
def test_the_key_file(tmp_path, size, mode, why):
    key = tmp_path / "key"
    key.write_bytes(b"k" * size)
    key.chmod(mode)
    found = faults(tmp_path, platform={"key_file": key})
    assert [why in line for line in found] == ([True] if why else [])


def test_a_systemd_credential_shows_its_acl_as_the_groups_mode(tmp_path, monkeypatch):
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert faults(tmp_path, platform={"key_file": key}) == []
    key.chmod(0o444)
    assert len(faults(tmp_path, platform={"key_file": key})) == 1


def test_folders_and_files_that_are_missing_or_something_else(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    found = faults(
        tmp_path,
        platform={"key_file": tmp_path / "pipe"},
        spool={"folder": tmp_path / "spool"},
        audit={"file": tmp_path},
        listen={"socket": tmp_path / "file", "tls_cert": tmp_path / "none.crt", "tls_key": tmp_path / "none.key"},
    )
    assert [line.partition(":")[0] for line in found] == [
        "platform.key_file", "spool.folder", "audit.file", "listen.socket", "listen.tls_cert", "listen.tls_key",
    ]  # fmt: skip
    assert all("; " in line for line in found)
    assert faults(tmp_path, listen={"socket": "/run/not-there-yet/api.sock"}) == []  # systemd makes it at the start
    assert "longer than the 107 bytes" in " ".join(faults(tmp_path, listen={"socket": tmp_path / ("s" * 108)}))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(tmp_path):
    (tmp_path / "spool").mkdir(mode=0o500)
    (line,) = faults(tmp_path, spool={"folder": tmp_path / "spool"})
    assert "may not be written" in line


def test_a_socket_for_everybody_without_tokens(tmp_path):
    listen = {"socket": tmp_path / "s", "socket_mode": "0666"}
    assert faults(tmp_path, listen=listen) == []
    (line,) = faults(tmp_path, listen=listen, auth={"required": False})
    assert line.startswith("listen.socket_mode")


@pytest.mark.parametrize(("capabilities", "port", "good"), [(0, 443, False), (1 << 10, 443, True), (0, 1024, True)])
def test_low_ports_take_a_privilege(tmp_path, monkeypatch, capabilities, port, good):
    def read(path, *_):
        return f"Name:\tx\nCapEff:\t{capabilities:016x}\n" if path.name == "status" else "1024\n"

    monkeypatch.setattr(config_checks.Path, "read_text", read)
    assert (faults(tmp_path, listen={"port": port}) == []) is good


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    for name in ("a", "b"):
        made = ["-nodes", "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=x", "-days", "2"]
        subprocess.run(["openssl", "req", "-x509", *kind, *made], check=True, capture_output=True, timeout=60)
        (folder / f"{name}.key").chmod(0o600)
    locked = ["openssl", "ec", "-in", str(folder / "a.key"), "-aes256", "-passout", "pass:x"]
    subprocess.run([*locked, "-out", str(folder / "locked.key")], check=True, capture_output=True, timeout=60)
    (folder / "locked.key").chmod(0o600)
    (folder / "open.key").write_bytes((folder / "a.key").read_bytes())
    (folder / "open.key").chmod(0o644)
    return folder


@pytest.mark.parametrize(
    ("cert", "key", "why"),
    [
        ("a.crt", "a.key", ""),
        ("a.crt", "b.key", "does not belong to"),
        ("a.crt", "locked.key", "are no PEM pair"),
        ("a.crt", "a.crt", "are no PEM pair"),
        ("a.key", "a.key", "are no PEM pair"),
        ("a.crt", "open.key", "mode 0644"),
    ],
)
def test_certificate_and_key(tmp_path, pairs, cert, key, why):
    (pairs / "a.crt").chmod(0o600)
    found = faults(tmp_path, listen={"tls_cert": pairs / cert, "tls_key": pairs / key})
    assert [why in line for line in found] == ([True] if why else [])
