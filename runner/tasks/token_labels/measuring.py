"""The measure of every tagger: entities that are right in type and both ends, on the same held-out rows.

Entities are read by seqeval in its strict mode for IOB2 (Nakayama, 2018), as in the CoNLL-2003 evaluation (Tjong Kim
Sang and De Meulder, 2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from runner.contract import Table
from runner.tasks._supervised.target_metrics import Metrics, interval_metrics, known
from runner.tasks.token_labels.decoding import Entity
from runner.training.bootstrap import Resampled, resample

Tags = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Judged:
    """Tags that a model gave, and the true ones, of the same tokens; both in IOB2."""

    predicted: Tags
    actual: Tags

    @cached_property
    def found(self) -> list[set[Entity]]:
        """The entities of each row that the model gave."""
        return strict_entities(self.predicted)

    @cached_property
    def there(self) -> list[set[Entity]]:
        """The true ones."""
        return strict_entities(self.actual)

    @cached_property
    def counts(self) -> np.ndarray:
        """Of each row the entities that are right, found and there: int64 ``[n, 3]``."""
        pairs = zip(self.found, self.there, strict=True)
        rows = [(len(own & true), len(own), len(true)) for own, true in pairs]
        return np.array(rows, np.int64).reshape(-1, 3)

    def by_type(self) -> dict[str, tuple[int, int, int]]:
        """The same by type over all rows, of every type that is there or was found, sorted."""
        sums: dict[str, list[int]] = {}
        for own, true in zip(self.found, self.there, strict=True):
            for place, entities in enumerate((own & true, own, true)):
                for entity in entities:
                    sums.setdefault(entity.type, [0, 0, 0])[place] += 1
        return {name: (sums[name][0], sums[name][1], sums[name][2]) for name in sorted(sums)}


def strict_entities(tags: Tags) -> list[set[Entity]]:
    """The entities of each row by seqeval's strict mode. A row without tokens has none."""
    from seqeval.scheme import IOB2, Entities

    return [
        {Entity(each.tag, each.start, each.end) for each in row}
        for row in Entities([list(row) for row in tags], IOB2).entities
    ]


def rates(right: int, found: int, there: int) -> tuple[float, float, float]:
    """Precision, recall and F1; 0 where there is nothing to take a share of, as in seqeval."""
    return (
        right / found if found else 0.0,
        right / there if there else 0.0,
        2 * right / (found + there) if found + there else 0.0,
    )


def _f1(sums: np.ndarray) -> np.ndarray:
    """F1 out of means of right, found and there, float ``[..., 3]``: float ``[..., 1]``; NaN without an entity."""
    right, found, there = sums[..., 0], sums[..., 1], sums[..., 2]
    total = found + there
    return np.divide(2 * right, total, out=np.full_like(total, np.nan), where=total > 0)[..., None]


def score(judged: Judged, seed: int) -> tuple[Metrics, Resampled | None]:
    """The task's measures with the interval of F1, drawn over rows, and its samples; None of all without a row.

    F1 of the types is their plain mean, over those that are there or were found. Without an entity in the held-out rows
    precision, recall and F1 are undefined.
    """
    count = len(judged.actual)
    tokens = sum(map(len, judged.actual))
    names = ("f1", "f1_low", "f1_high", "precision", "recall", "f1_macro", "token_accuracy")
    if not count:
        return dict.fromkeys(names) | {"n_validation": 0, "n_entities": 0}, None
    right, found, there = (int(each) for each in judged.counts.sum(axis=0))
    same = sum(
        one == other
        for own, true in zip(judged.predicted, judged.actual, strict=True)
        for one, other in zip(own, true, strict=True)
    )
    metrics: Metrics = dict.fromkeys(names)
    metrics |= {"token_accuracy": same / tokens if tokens else None, "n_validation": count, "n_entities": there}
    if not there:
        return metrics, None
    redrawn = resample(judged.counts, np.arange(count), seed).of(_f1)
    precision, recall, f1 = rates(right, found, there)
    each = [rates(*sums)[2] for sums in judged.by_type().values()]
    return metrics | {"f1": f1} | interval_metrics("f1", redrawn.interval(0)) | {
        "precision": precision, "recall": recall, "f1_macro": known(sum(each) / len(each)),
    }, redrawn  # fmt: skip


def measure_tags(
    predicted: Tags, actual: Tags, tokens: Sequence[Sequence[str]], lines: Sequence[int], seed: int
) -> tuple[Metrics, list[Table]]:
    """A model's metrics and tables. ``lines`` are the rows' numbers in their file."""
    from runner.tasks.token_labels.tag_tables import tables

    judged = Judged(predicted, actual)
    metrics, _ = score(judged, seed)
    return metrics, tables(judged, tokens, lines) if metrics["n_validation"] else []
