"""Racks and people, simulated with their truth: what linking is measured on.

A scenario is a function of a seed and a size that fills a :class:`~benchmarks.scenarios.world.World`; a view turns the
world's sessions into the observations that an analyst or a platform would have. Seeds below 1000 are for trying things
out; the tables in docs/quality.md are made with seeds from 1000 on, which nothing was tuned on.
"""
