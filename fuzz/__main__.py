"""``python -m fuzz [TARGET…]``: every target for FUZZ_SECONDS (30) or FUZZ_INPUTS (no limit), whichever ends first,
FUZZ_JOBS at once (as many as there are cores), each in a process of its own.

Says of each how many inputs it ran and what they covered. An input that is a finding is kept in fuzz/kept/TARGET and
named with the command that replays it; the exit code is 1 then. Inputs that reached something new are gone at the end,
unless FUZZ_CORPUS names a folder for them; the next run starts from those too.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fuzz import kernels
from fuzz.replay import KEPT
from fuzz.seeds import READERS
from fuzz.targets import NAMES, load

SECONDS = int(os.environ.get("FUZZ_SECONDS", "30"))
INPUTS = int(os.environ.get("FUZZ_INPUTS", "-1"))  # -1: no limit
JOBS = int(os.environ.get("FUZZ_JOBS", "0")) or os.cpu_count() or 1
CORPUS = os.environ.get("FUZZ_CORPUS", "")
MEMORY = 2048  # MiB; more is a finding
SLOW = 20  # seconds on one input; more is a finding
CAPTURE, MESSAGE = 1 << 16, 1 << 12  # bytes of an input: longer ones are slow, and limits past them have tests
_STATE = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")
_RAN = re.compile(r"number_of_executed_units: (\d+)")
_SLOWEST = re.compile(r"slowest_unit_time_sec: +(\d+)")
_TOOK = re.compile(r"Done \d+ runs in (\d+) second")
_ERROR = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt)\b.*|^SUMMARY: .*|^==\d+== ERROR: .*", re.MULTILINE)


def fuzz(name: str, seeds: Path, work: Path, built: Path | None) -> tuple[str, bool]:
    """A line that says how it went, and whether there was a finding. ``built``: where kernels are that tell of their
    edges."""
    for folder in (found := work / "found" / name, grown := Path(CORPUS or work / "grown") / name, seeds / name):
        folder.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={SECONDS}", f"-runs={INPUTS}", f"-rss_limit_mb={MEMORY}", f"-timeout={SLOW}",
        f"-max_len={CAPTURE if name in READERS else MESSAGE}", f"-artifact_prefix={found}/", "-print_final_stats=1",
    ]  # fmt: skip
    command = [sys.executable, "-m", "fuzz.one", name, *options, str(grown), str(seeds / name)]
    environment = os.environ | ({kernels.FOLDER: str(built)} if built else {})
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=environment)
    states = _STATE.findall(done.stderr)
    covered, features, corpus = map(int, states[-1]) if states else (0, 0, 0)
    inputs = int((_RAN.findall(done.stderr) or ["0"])[-1])
    seconds = max(1, int((_TOOK.findall(done.stderr) or ["0"])[-1]))
    line = f"{name:12} {inputs:>10,} inputs in {seconds:>4} s, {inputs // seconds:>7,} a second,"
    slowest = (_SLOWEST.findall(done.stderr) or ["?"])[-1]
    line += f" {covered:>6,} edges, {features:>6,} features, {corpus:>5,} kept apart, the slowest took {slowest} s"
    faults = sorted(found.iterdir())
    if not faults and not done.returncode:
        return (line, False) if covered else (f"{line}; FINDING: it reaches no code, and finds nothing", True)
    why = _ERROR.search(done.stdout) or _ERROR.search(done.stderr)  # Python's errors are on the first
    lines = [f"{line}; FINDING: {why.group(0) if why else f'exit code {done.returncode}'}"]
    for fault in faults:
        (KEPT / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(fault, KEPT / name / fault.name)
        lines.append(f"{'':12} python -m fuzz.replay fuzz/kept/{name}/{fault.name}")
    if not faults:
        lines.append(done.stderr[-2000:])
    return "\n".join(lines), True


def main(wanted: list[str]) -> int:
    """Runs those ``wanted``, or all."""
    if importlib.util.find_spec("atheris") is None:
        print("fuzz: atheris is not installed (pip install '.[fuzz]'; it has wheels for Linux and CPython only)")
        return 1
    if unknown := set(wanted) - set(NAMES):
        print(f"fuzz: no target is named {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
        return 2
    names = []
    for name in wanted or NAMES:
        try:
            load(name)
            names.append(name)
        except ModuleNotFoundError as error:
            print(f"{name:12} left out: {error}")
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        work = Path(folder)
        made = subprocess.run([sys.executable, "-m", "fuzz.seeds", str(work / "seeds")], check=False)
        if made.returncode:
            return 1
        built = kernels.build("edges")
        if built is None:
            print("edges are of Python only: those of the kernels take gcc, and a rackprint installed from here")
        failed = False
        with ThreadPoolExecutor(JOBS) as pool:
            for line, finding in pool.map(lambda name: fuzz(name, work / "seeds", work, built), names):
                print(line, flush=True)
                failed |= finding
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
