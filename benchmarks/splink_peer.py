"""``python -m benchmarks.splink_peer OBS.parquet TRUTH.csv``: Splink 5 on DuckDB over the same rows, as the peer.

CPU and wall count reading, training, prediction and the one clustering that is kept; imports, scoring and the other
thresholds tried are left out. The threshold is the best one by the truth itself, and the model is told what a phone
cannot do (be seen after a boot and then report an earlier one): both are in Splink's favour."""

from __future__ import annotations

import argparse
import csv
import logging
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rackprint.fingerprint.link.evaluate import Evaluation, evaluate

KEYS = ("drm", "android", "instance", "gaid")
CLASSES = ("android_version", "ram_mb", "storage_gb", "carrier", "locale")
GRID = (-4.0, 0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0)
CARRIERS = 1000  # a value with more is no key to block on
SAMPLE = 1e7  # pairs for u
TRAINED = 2e6  # pairs a session of EM

# Per-app identifiers compare within their app, and get it as a prefix; a zeroed gaid is none.
LOAD = """
CREATE TABLE flat AS SELECT
  id AS unique_id, app, epoch(time)::BIGINT AS seen,
  app || '|' || signals.drm_id AS drm, app || '|' || signals.android_id AS android,
  app || '|' || signals.app_instance AS instance,
  nullif(signals.gaid, '00000000-0000-0000-0000-000000000000') AS gaid,
  signals.model AS model, signals.screen || signals.gl_renderer AS build, signals.android_version AS android_version,
  signals.ram_mb AS ram_mb, signals.storage_gb AS storage_gb, signals.carrier AS carrier, signals.locale AS locale,
  signals.ip AS ip, signals.boot_time AS boot
FROM read_parquet(?)
"""


@dataclass(slots=True)
class Meter:
    """Wall and CPU seconds (user and system, all threads) of what runs inside :meth:`running`; the peak so far, KiB."""

    wall: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    parts: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.parts[name] = time.process_time() - cpu
        self.wall += time.perf_counter() - wall
        self.cpu += self.parts[name]
        self.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _exact(name: str, null: str = "", frequent: bool = True) -> dict[str, Any]:
    """Equal or not, with the value's own frequency."""
    level: dict[str, Any] = {"sql_condition": f"{name}_l = {name}_r", "label_for_charts": "equal"}
    if frequent:
        level |= {"tf_adjustment_column": name, "tf_adjustment_weight": 1.0}
    return {
        "output_column_name": name,
        "comparison_levels": [
            {
                "sql_condition": f"{name}_l IS NULL OR {name}_r IS NULL{null}",
                "label_for_charts": "null",
                "is_null_level": True,
            },
            level,
            {"sql_condition": "ELSE", "label_for_charts": "other"},
        ],
    }


def _model() -> dict[str, Any]:
    """The model, or the screen and renderer where one side does not tell it: they say nothing more."""
    comparison = _exact("model")
    null, equal, other = comparison["comparison_levels"]
    null["sql_condition"] = "(model_l IS NULL OR model_r IS NULL) AND (build_l IS NULL OR build_r IS NULL)"
    build = {
        "sql_condition": "(model_l IS NULL OR model_r IS NULL) AND build_l = build_r",
        "label_for_charts": "same screen and renderer",
    }
    return comparison | {"comparison_levels": [null, equal, build, other]}


def _boot() -> dict[str, Any]:
    """The same boot, a boot that the other side's sight rules out, or two boots of which either may be true."""
    conditions = {
        "same": "abs(boot_l - boot_r) <= 2",
        "impossible": "(boot_l < boot_r AND seen_l > boot_r + 5) OR (boot_r < boot_l AND seen_r > boot_l + 5)",
        "other": "ELSE",
    }
    null = {
        "sql_condition": "boot_l IS NULL OR boot_r IS NULL",
        "label_for_charts": "null",
        "is_null_level": True,
    }
    levels = [{"sql_condition": sql, "label_for_charts": name} for name, sql in conditions.items()]
    return {"output_column_name": "boot", "comparison_levels": [null, *levels]}


def settings() -> Any:
    """The model: blocking on each key and on address, model and boot; app-scoped keys are void between two apps."""
    from splink import SettingsCreator, block_on

    void = " OR app_l <> app_r"
    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            *[_exact(name, void if name != "gaid" else "") for name in KEYS],
            _model(),
            *[_exact(name) for name in CLASSES],
            _exact("ip"),
            _boot(),
        ],
        blocking_rules_to_generate_predictions=[
            *[block_on(f"{name}_block") for name in KEYS],
            block_on("place_block"),
        ],
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=False,
    )


def load(observations: Path, carriers: int) -> Any:
    """A DuckDB connection with the table ``ready``: the flat rows with their blocking keys."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(LOAD, [str(observations)])
    blocks = dict(zip((f"{name}_block" for name in KEYS), KEYS, strict=True))
    blocks["place_block"] = "ip || '|' || model || '|' || boot // 10"
    rare = ", ".join(
        f"CASE WHEN count(*) OVER (PARTITION BY {sql}) <= {carriers} THEN {sql} END AS {name}"
        for name, sql in blocks.items()
    )
    connection.execute(f"CREATE TABLE ready AS SELECT *, {rare} FROM flat")
    connection.execute("DROP TABLE flat")
    return connection


def train(linker: Any) -> None:
    """The prior from keys that agree, u by random pairs, m by EM on the pairs of two keys."""
    from splink import block_on

    linker.training.estimate_probability_two_random_records_match([block_on("drm_block")], recall=0.3)
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLE, seed=1)
    for key in ("drm", "gaid"):
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(key), max_pairs=TRAINED, estimate_without_term_frequencies=True
        )


def tuned(found: Callable[[float], dict[str, str]], truth: dict[str, str]) -> tuple[float, Evaluation]:
    """The threshold with the best pairwise F1, and its scores."""
    tried = [(threshold, evaluate(truth, found(threshold))) for threshold in GRID]
    for threshold, scores in tried:
        of = scores.pairwise
        print(f"  threshold {threshold:5.1f}: precision {of.precision:.4f}, recall {of.recall:.4f}, F1 {of.f1:.4f}")
    return max(tried, key=lambda pair: pair[1].pairwise.f1)


def run(observations: Path, labels: Path, carriers: int = CARRIERS) -> None:
    """Links, scores and prints."""
    from splink import DuckDBAPI, Linker
    from splink.clustering import cluster_pairwise_predictions_at_threshold

    whole = Meter()
    clusterings: dict[float, Meter] = {}
    with whole.running("load"):
        connection = load(observations, carriers)
    with whole.running("train"):
        api = DuckDBAPI(connection)
        linker = Linker(api.register("ready"), settings(), log_level=logging.ERROR)
        train(linker)
    with whole.running("predict"):
        pairs = linker.inference.predict(threshold_match_weight=GRID[0])
    ((edges,),) = connection.execute(f"SELECT count(*) FROM {pairs.physical_name}").fetchall()
    nodes = api.register("ready", table_name="nodes")

    def found(threshold: float) -> dict[str, str]:
        meter = clusterings[threshold] = Meter()
        with meter.running("cluster"):
            clusters = cluster_pairwise_predictions_at_threshold(
                nodes, pairs, api, "unique_id", threshold_match_weight=threshold
            )
        rows = clusters.as_duckdbpyrelation().select("unique_id, cluster_id").fetchall()
        clusters.drop_table_from_database_and_remove_from_cache()
        return dict(rows)

    found(GRID[0])  # with the most edges: before the truth is read, for the peak
    peak = clusterings[GRID[0]].peak
    with labels.open(newline="", encoding="utf-8") as stream:
        truth = {row["id"]: row["device"] for row in csv.DictReader(stream)}
    threshold, scores = tuned(found, truth)
    kept = clusterings[threshold]
    of = scores.pairwise
    parts = {**whole.parts, **kept.parts}
    print(f"rows {len(truth):,}, scored pairs kept {edges:,}")
    print(f"wall seconds {whole.wall + kept.wall:.1f}")
    told = ", ".join(f"{name} {spent:.1f}" for name, spent in parts.items())
    print(f"CPU seconds {whole.cpu + kept.cpu:.1f} ({told})")
    print(f"peak RSS {peak / 1024:,.0f} MiB")
    print(f"pairwise precision {of.precision:.4f}, recall {of.recall:.4f}, F1 {of.f1:.4f}")
    print(f"B-cubed precision {scores.bcubed.precision:.4f}, recall {scores.bcubed.recall:.4f}")
    print(f"threshold used: match weight {threshold:.1f}")


def main() -> None:
    """Reads the command line."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("observations", type=Path)
    options.add_argument("truth", type=Path)
    options.add_argument("--carriers", type=int, default=CARRIERS, help="most rows that a blocking key may have")
    given = options.parse_args()
    run(given.observations, given.truth, given.carriers)


if __name__ == "__main__":
    main()
