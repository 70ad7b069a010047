"""``python -m fuzz.sanitize [TARGET…]``: the kernels built with the address and undefined behaviour sanitizers of gcc,
and each target that reaches one on its seeds and on changed ones, for FUZZ_SECONDS (30) or FUZZ_INPUTS.

What is in FUZZ_CORPUS/TARGET is taken for seeds too. A finding is kept in fuzz/kept/TARGET; the exit code is 1 then.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha1
from pathlib import Path

from fuzz import kernels
from fuzz.replay import KEPT
from fuzz.seeds import CORPUS, ROOT, write

TARGETS = (
    "kernel", "events", "signals", "frames", "pipe", "file", "flows", "samples", "hello", "names", "dhcp", "services",
    "moment", "signature", "initials", "crypto", "tell", "follow", "pieces",
)  # fmt: skip
_FAULT = ("ERROR: AddressSanitizer", "runtime error:", "Error")


def _environment(built: Path) -> dict[str, str]:
    """The sanitizers come before all else; Python asks for each object apart, so that one that is overrun is seen."""
    names = ("libasan.so", "libubsan.so")
    found = [subprocess.check_output(["gcc", f"-print-file-name={n}"], text=True).strip() for n in names]
    options = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1", "PYTHONMALLOC": "malloc"}
    return os.environ | options | {"LD_PRELOAD": " ".join(found), kernels.FOLDER: str(built)}


def _run(name: str, folders: list[Path], work: Path, environment: dict[str, str]) -> bool:
    """Whether there was a finding, which it tells."""
    shown = work / name
    command = [sys.executable, "-m", "fuzz.mutate", name, str(shown), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=environment)
    print(done.stdout, end="", flush=True)
    if not done.returncode:
        return False
    lines = done.stderr.splitlines()
    print(f"{name:12} FINDING: {next((s for s in lines if any(f in s for f in _FAULT)), f'exit {done.returncode}')}")
    print("\n".join(lines[-40:]))
    if shown.exists():
        kept = KEPT / name / f"sanitized-{sha1(shown.read_bytes()).hexdigest()}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shown, kept)
        print(f"{'':12} {kept.relative_to(ROOT)}")
    return True


def main(wanted: list[str]) -> int:
    """Runs those ``wanted``, or all of TARGETS."""
    built = kernels.build("sanitized")
    if built is None:
        print("sanitize: takes gcc, and a rackprint that was installed from here")
        return 1
    environment, failed = _environment(built), False
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        seeds = Path(folder) / "seeds"
        write(seeds)
        for name in wanted or TARGETS:
            captures = [CORPUS / "captures"] if name in ("kernel", "events") else []
            grown = [Path(os.environ["FUZZ_CORPUS"]) / name] if "FUZZ_CORPUS" in os.environ else []
            folders = [f for f in (seeds / name, *captures, *grown) if f.is_dir()]
            failed |= _run(name, folders, Path(folder), environment)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
