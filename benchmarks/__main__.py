"""``python -m benchmarks``: every figure of the linkage engine, with its peers in the same run (some ten minutes).

``make bench-quality`` prints the quality table; parts: ``python -m benchmarks.{kernels,batch,online,scenarios}``."""

from __future__ import annotations

from benchmarks import batch, kernels, online

if __name__ == "__main__":
    kernels.components()
    kernels.scoring()
    batch.run(1_000_000)
    batch.run(10_000_000, peer=False)
    online.run(1_000_000)
