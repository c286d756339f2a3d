"""The tags that a model gave beside the true ones: which entities are right, in type and both ends.

Entities are read as in the strict mode of seqeval for IOB2 (Nakayama, 2018), and counted as in the CoNLL-2003 task
(Tjong Kim Sang and De Meulder, 2003).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from runner.tasks.token_labels.tag_decoding import Entity, entities_of

Tags = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Judged:
    """Tags that a model gave, and the true ones, of the same tokens; both in IOB2."""

    predicted: Tags
    actual: Tags

    @cached_property
    def found(self) -> list[set[Entity]]:
        """The entities of each row that the model gave."""
        return [set(entities_of(row)) for row in self.predicted]

    @cached_property
    def there(self) -> list[set[Entity]]:
        """The true ones."""
        return [set(entities_of(row)) for row in self.actual]

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


def rates(right: int, found: int, there: int) -> tuple[float, float, float]:
    """Precision, recall and F1; 0 where there is nothing to take a share of, as in seqeval."""
    return (
        right / found if found else 0.0,
        right / there if there else 0.0,
        2 * right / (found + there) if found + there else 0.0,
    )
