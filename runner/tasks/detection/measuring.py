"""The measure of every detector: the same numbers and tables, in the same way, on the same held-out pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.contract import Table
from runner.data.boxes.box_side import BoxSplit
from runner.statistics.paired_bootstrap import GROUPS_SALT, Resampled, known
from runner.tasks._supervised.measured_baselines import Baselines
from runner.tasks._supervised.target_metrics import Metrics
from runner.tasks.detection.average_precision import OVERLAPS
from runner.tasks.detection.found_boxes import FoundBoxes
from runner.tasks.detection.judged_boxes import Judged, judge

#: Samples behind an interval; fewer of very many boxes.
DRAWS, LEAST_DRAWS = 200, 20
#: Numbers that all samples together may go through.
EFFORT = 400_000_000
AT_75 = 5


def measure_detection(
    found: Sequence[FoundBoxes],
    part: BoxSplit,
    *,
    seed: int,
    names: Sequence[str] | None = None,
    baselines: Baselines | None = None,
) -> tuple[Metrics, list[Table], float]:
    """Metrics with intervals, tables, and the threshold whose F1 is best, of what was found in held-out pictures.

    Boxes of every score belong in it: a threshold before this takes precision away. ``baselines`` were measured on the
    same pictures, with the same seed. Without a picture the metrics are None, there is no table, and the threshold is
    0.5.
    """
    from runner.tasks.detection.box_tables import tables
    from runner.tasks.detection.thresholds import best_threshold

    judged = judge(found, part)
    metrics, redrawn = score(judged, part, seed)
    if not len(part):
        return metrics, [], 0.5
    threshold, f1 = best_threshold(judged.matches)
    metrics |= {"f1": known(f1), "threshold": threshold}
    beside = [] if baselines is None else baselines.tables(redrawn)
    return metrics, [*tables(found, part, judged, threshold, names or part.pictures.names), *beside], threshold


def score(judged: Judged, part: BoxSplit, seed: int, draws: int = DRAWS) -> tuple[Metrics, Resampled | None]:
    """The metrics but for F1, and the redrawn mAP and mAP50 that a comparison pairs; None without boxes or draws."""
    metrics: Metrics = {
        "map": _mean(judged.precision), "map_50": _mean(judged.precision[:, 0]),
        "map_75": _mean(judged.precision[:, AT_75]),
        "mar_100": _mean(judged.recall), "f1": None,
    }  # fmt: skip
    redrawn = None
    if metrics["map"] is not None and draws:
        redrawn = _redrawn(judged, part, seed, draws)
        for at, name in enumerate(("map", "map_50")):
            metrics |= redrawn.share(at).ends(name)
    else:
        metrics |= dict.fromkeys([f"{name}_{end}" for name in ("map", "map_50") for end in ("low", "high")])
    # A class's own figures, as far as a page has room for them.
    metrics |= {
        f"map/{name}": known(own.mean()) for name, own in zip(part.classes[:100], judged.precision, strict=False)
    }
    return metrics | {"n_validation": len(part)}, redrawn


def _mean(values: np.ndarray) -> float | None:
    """The mean of what is defined; None where nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None


def _redrawn(judged: Judged, part: BoxSplit, seed: int, most: int) -> Resampled:
    """mAP and mAP50, and the same of pictures drawn again, by their groups: the draws are the same for every model."""
    group = np.arange(len(part)) if part.groups is None else np.unique(part.groups, return_inverse=True)[1]
    size = int(group.max()) + 1
    rng = np.random.default_rng([seed, GROUPS_SALT])
    boxes = sum(len(one.scores) for one in judged.matches) + 1
    draws = int(np.clip(EFFORT // (len(OVERLAPS) * boxes), LEAST_DRAWS, most))
    samples: list[list[Any]] = []
    for _ in range(draws):
        times = np.bincount(rng.integers(size, size=size), minlength=size)[group]
        own = np.array([one.precision_and_recall(times)[0] for one in judged.matches])
        means = (_mean(own), _mean(own[:, 0]))
        samples.append([np.nan if mean is None else mean for mean in means])
    first = np.array([_mean(judged.precision), _mean(judged.precision[:, 0])], np.float64)
    redrawn = np.array(samples, np.float64)
    # One picture, or group of them, says nothing of how others would be.
    return Resampled(first, redrawn if size > 1 else np.full_like(redrawn, np.nan), size)
