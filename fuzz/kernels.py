"""The compiled kernels built another way, for a tool that looks into them, and taken in place of those installed."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from shutil import which
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "build/cython/ext"  # what Cython made of ext when rackprint was installed
WAYS = {
    "edges": ["-O1", "-fsanitize-coverage=trace-pc,trace-cmp", str(Path(__file__).with_name("edges.c"))],
    "sanitized": ["-O1", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "lines": ["-O0", "--coverage"],
}
_PACKAGE = "rackprint.ext."
FOLDER = "FUZZ_KERNELS"  # the variable that names the folder in use


def build(way: str) -> Path | None:
    """The folder of kernels built in one of WAYS; None where that cannot be: no gcc, or Cython's C is not there."""
    folder = ROOT / "build/fuzz" / way
    if not which("gcc") or not (sources := sorted(SOURCES.glob("*.c"))):
        return None
    newest = max(path.stat().st_mtime for path in [*SOURCES.iterdir(), *Path(__file__).parent.glob("*.c")])
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        made = folder / (source.stem + EXTENSION_SUFFIXES[0])
        if made.exists() and made.stat().st_mtime >= newest:
            continue
        include = sysconfig.get_paths()["include"]
        command = ["gcc", "-g", "-fPIC", "-shared", "-w", f"-I{include}", str(source), *WAYS[way], "-ldl", "-lm"]
        subprocess.run([*command, "-o", str(made)], check=True, cwd=folder)
    return folder


class _Finder:
    """Finds kernels in a folder before those installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        file = self._folder / (name.removeprefix(_PACKAGE) + EXTENSION_SUFFIXES[0])
        return spec_from_file_location(name, file) if name.startswith(_PACKAGE) and file.exists() else None


def use() -> None:
    """Takes kernels from the folder that FUZZ_KERNELS names from now on, if it names one."""
    if folder := os.environ.get(FOLDER):
        sys.meta_path.insert(0, _Finder(Path(folder)))


def tell_edges() -> None:
    """Shows libFuzzer the edges of the kernels that were loaded. Call it from within the target."""
    core = find_spec("atheris.core_with_libfuzzer")
    for name, kernel in list(sys.modules.items()):
        if name.startswith(_PACKAGE) and str(kernel.__file__).endswith(".so"):
            library = ctypes.CDLL(kernel.__file__)
            if core is not None and core.origin and hasattr(library, "rackprint_edges"):
                assert library.rackprint_edges(core.origin.encode()), f"{name}: libFuzzer sees none of it"
