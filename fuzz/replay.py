"""``python -m fuzz.replay [FILE…]``: inputs through their targets, without a fuzzer; those that were kept by default.

The folder of an input is named as its target.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from fuzz.targets import load

KEPT = Path(__file__).with_name("kept")


def kept() -> list[Path]:
    """Inputs that once were findings, and stay as tests."""
    return sorted(path for path in KEPT.glob("*/*") if not path.name.startswith("."))


def main() -> int:
    """1 where an input is still a finding."""
    failed = 0
    paths = [Path(text) for text in sys.argv[1:]] or kept()
    for path in paths:
        try:
            load(path.resolve().parent.name)(path.read_bytes())
        except Exception:  # noqa: BLE001 (whatever it is, it is the finding)
            failed += 1
            print(f"{path}:\n{traceback.format_exc()}", file=sys.stderr)
    print(f"{len(paths)} inputs, {failed} findings")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
