"""What DESIGN fixes about the layout: imports point one way, scapy and SQL stay where they belong, and every folder of
the package is installed."""

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(p for top in ("daemon", "fingerprint", "ext") for p in (ROOT / top).rglob("*.py"))
INSIDE = {  # inside daemon: what a part may import of the others
    "cli": {
        "pipeline",
        "survey",
        "queries",
        "acquire",
        "acquisition",
        "simulated",
        "evidence",
        "engines",
        "export",
        "worker",
        "config",
        "tokens",
        "operations",
        "retention",
        "journal",
        "service",
        "store",
    },
    "export": {"pipeline", "queries"},
    "queries": {"store", "evidence"},
    "pipeline": {"acquire", "evidence", "store", "engines", "survey", "worker"},
    "survey": {"acquire", "worker"},
    "worker": {"acquire"},
    "reads": {"store", "evidence", "queries"},
    "supervision": {"channel", "processes"},
    "retention": {"evidence", "store"},
    "purger": {"channel", "evidence", "processes", "retention", "store"},
    "keeper_schedule": {"purger", "supervision"},
    "linker": {"channel", "evidence", "pipeline", "processes", "store"},
    "resolver": {"channel", "placing", "processes", "store"},
    "resolving": {"placing", "supervision"},
    "scheduler": {"linker", "supervision"},
    "spool": {"acquire", "intake", "service"},
    "api": {"audit", "config", "evidence", "intake", "metrics", "reads", "service", "store", "tokens"},
    "service": {
        "api",
        "audit",
        "config",
        "intake",
        "keeper_schedule",
        "linker",
        "metrics",
        "notify",
        "purger",
        "reads",
        "resolving",
        "scheduler",
        "spool",
        "store",
        "tokens",
    },
    "intake": {"acquire", "evidence", "store", "worker", "channel", "processes", "supervision"},
    "evidence": {"acquire"},
    "operations": {"store", "evidence", "acquire", "tokens", "config"},
    "acquire": {"channel", "processes"},
    "acquisition": {"acquire", "channel", "evidence", "intake", "pipeline", "processes", "simulated", "store"},
    "simulated": {"acquire"},
    "store": set(),
    "engines": {"store"},
    "config": {"config_model", "config_layers", "config_checks"},
    "config_layers": {"config_model"},
    "config_checks": {"config_model"},
}
EVERYWHERE = {"errors", "cells", "atomic", "entries", "points", "facts", "loading"}


@cache
def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path):
    top, *rest = path.relative_to(ROOT).parts
    allowed = {"daemon": {"daemon", "fingerprint", "ext"}, "fingerprint": {"fingerprint", "ext"}, "ext": {"ext"}}[top]
    ours = {n.split(".")[1:] and tuple(n.split(".")[1:]) for n in imported(path) if n.startswith("rackprint.")}
    assert {n[0] for n in ours} <= allowed
    if top == "daemon":
        part = Path(rest[0]).stem
        others = {n[1] for n in ours if n[0] == "daemon" and len(n) > 1} - {part} - EVERYWHERE
        assert others <= INSIDE.get(part, set()), f"{part} imports {others}"


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("scapy", ("fingerprint/capture/packets_scapy.py", "daemon/acquire/capture/sniffer.py")),
        ("sqlalchemy", "daemon/store"),
        ("alembic", "daemon/store"),
        ("usb", "daemon/acquire/usb/libusb.py"),
        ("libusb_package", "daemon/acquire/usb/libusb.py"),
    ],
)
def test_some_libraries_stay_in_one_place(library, home):
    users = {str(p.relative_to(ROOT)) for p in SOURCES if any(n.split(".")[0] == library for n in imported(p))}
    assert users
    assert all(user.startswith(home) for user in users), users


@pytest.mark.parametrize("path", [p for p in SOURCES if "fingerprint" in p.parts], ids=lambda p: p.stem)
def test_the_fingerprint_package_does_no_io_and_asks_no_clock(path):
    tree = ast.parse(path.read_text())
    calls = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    assert not calls & {"open", "datetime.now", "time.time", "Path", "print", "os.open"}
    assert not {n.split(".")[0] for n in imported(path)} & {"socket", "sqlite3", "subprocess", "pathlib", "os"}


def test_every_folder_with_code_is_installed():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {".".join(("rackprint", *p.parent.relative_to(ROOT).parts)) for p in SOURCES}
    assert sorted(listed) == sorted(folders)
    assert all((p.parent / "__init__.py").is_file() for p in SOURCES)


def test_files_stay_small():
    lengths = sorted(len(p.read_text().splitlines()) for p in SOURCES if p.name != "__init__.py")
    assert lengths[-1] <= 400
    assert lengths[len(lengths) // 2] <= 150
