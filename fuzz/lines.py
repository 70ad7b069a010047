"""``python -m fuzz.lines [TARGET…]``: which lines of the kernels' C the inputs at hand reach, file by file.

Inputs are the seeds, and FUZZ_CORPUS/TARGET. Lines of the headers in ext, and of what Cython made of the functions of
each kernel: of those many only pass on errors that memory running out would raise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from fuzz import kernels
from fuzz.sanitize import TARGETS
from fuzz.seeds import write

NEVER = 20  # lines that are named for each file


def count(folder: Path) -> dict[str, dict[int, int]]:
    """How often each line of each file was run, from what gcc's counters left in ``folder``."""
    found: dict[str, dict[int, int]] = {}
    for data in sorted(folder.glob("*.gcda")):
        told = subprocess.run(
            ["gcov", "--json-format", "--stdout", data.name], cwd=folder, capture_output=True, check=True
        )
        for file in json.loads(told.stdout)["files"]:
            name = Path(file["file"]).name
            kernel = name.endswith(".c")
            if not kernel and Path(file["file"]).parent != kernels.SOURCES:
                continue
            lines = found.setdefault(name, {})
            for line in file["lines"]:
                if not kernel or line.get("function_name", "").startswith(
                    ("__pyx_f_9rackprint", "__pyx_pf_9rackprint")
                ):
                    number = line["line_number"]
                    lines[number] = lines.get(number, 0) + line["count"]
    return found


def main(wanted: list[str]) -> int:
    """Prints a line a file, with the first lines that no input reached."""
    built = kernels.build("lines")
    if built is None:
        print("lines: takes gcc, and a rackprint that was installed from here")
        return 1
    for old in built.glob("*.gcda"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        write(Path(folder))
        for name in wanted or TARGETS:
            folders = [Path(folder) / name, Path(os.environ.get("FUZZ_CORPUS") or folder) / name]
            command = [sys.executable, "-m", "fuzz.mutate", name, str(Path(folder) / "shown"), *map(str, folders)]
            environment = os.environ | {kernels.FOLDER: str(built), "FUZZ_SECONDS": "0"}
            if subprocess.run(command, check=False, env=environment).returncode:
                return 1
    for name, lines in sorted(count(built).items()):
        missed = [number for number, ran in sorted(lines.items()) if not ran]
        print(f"{name:20} {len(lines) - len(missed):>5} of {len(lines):>5} lines", end="")
        print(f"; not {', '.join(map(str, missed[:NEVER]))}" + (" …" if len(missed) > NEVER else "") if missed else "")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
