"""``python -m fuzz.mutate TARGET FILE FOLDER…``: the inputs in FOLDERs, then changed ones, until FUZZ_SECONDS or
FUZZ_INPUTS. For where no fuzzer runs: it learns nothing from what it reaches, and each time it changes the same.

Each input is in FILE while it runs, for a fault that ends the process.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from fuzz import kernels
from fuzz.targets import load

_EDGES = (b"\0", b"\1", b"\x7f", b"\x80", b"\xff", b"\0\0", b"\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff")
LONGEST = 1 << 16


def change(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """``data`` with some changes: bits turned, parts overwritten, taken out, said twice, cut off or another's."""
    made = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(made) + 1)
        end = min(len(made), at + (1 << rng.randrange(8)))
        match rng.randrange(7):
            case 0 if at < len(made):
                made[at] ^= 1 << rng.randrange(8)
            case 1:
                edge = rng.choice(_EDGES)
                made[at : at + len(edge)] = edge
            case 2:
                made[at:end] = rng.randbytes(end - at)
            case 3:
                del made[at:end]
            case 4:
                made[at:at] = made[at:end]
            case 5 if len(made) > 1:
                del made[rng.randint(len(made) // 2, len(made)) :]
            case _:
                other = rng.choice(others)
                place = rng.randrange(len(other) + 1)
                made[at:end] = other[place : place + end - at]
    return bytes(made[:LONGEST])


def inputs(kept: list[bytes], rng: random.Random) -> Iterator[bytes]:
    """Those kept, then changed ones without end."""
    yield from kept
    kept = [data for data in kept if len(data) <= LONGEST] or [b""]
    while True:
        yield change(rng.choice(kept), kept, rng)


def main() -> None:
    """Says how many ran."""
    name, file, *folders = sys.argv[1:]
    seconds, most = float(os.environ.get("FUZZ_SECONDS", "30")), int(os.environ.get("FUZZ_INPUTS", "-1"))
    kernels.use()
    run = load(name)
    kept = [path.read_bytes() for folder in folders for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    begun, ran = monotonic(), 0
    with Path(file).open("wb", buffering=0) as shown:
        for data in inputs(kept, random.Random(name)):
            if ran == most or (ran >= len(kept) and monotonic() - begun >= seconds):
                break
            shown.seek(0)
            shown.truncate()
            shown.write(data)
            run(data)
            ran += 1
    Path(file).unlink()
    took = max(monotonic() - begun, 0.001)
    print(f"{name:12} {ran:>10,} inputs in {took:>4.0f} s, {ran / took:>7,.0f} a second")


if __name__ == "__main__":
    main()
