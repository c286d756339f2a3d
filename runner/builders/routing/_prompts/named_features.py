"""Prompt features by name, of whichever set they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from runner.builders.routing._fields.feature_list import DENSITIES, FEATURES
from runner.builders.routing._prompts.densities import densities
from runner.builders.routing._prompts.features import features

#: A set's names and what computes it.
_SETS: tuple[tuple[tuple[str, ...], Callable[..., np.ndarray]], ...] = (
    (tuple(feature.name for feature in FEATURES), features),
    (tuple(feature.name for feature in DENSITIES), densities),
)


def named_features(
    names: Sequence[str], prompts: Sequence[str], histories: Sequence[Sequence[str]] | None = None
) -> np.ndarray:
    """The raw features of these names, float32 ``[len(prompts), len(names)]``; every value is finite.

    ``histories`` has each prompt's earlier turns, oldest first; without them a prompt opens its conversation. Raises
    ``KeyError`` for a name that no set has.
    """
    earlier = [()] * len(prompts) if histories is None else histories
    columns: dict[str, np.ndarray] = {}
    for known, compute in _SETS:
        wanted = [at for at, name in enumerate(known) if name in set(names)]
        if wanted:
            table = compute(prompts, earlier)
            columns |= {known[at]: table[:, at] for at in wanted}
    if not names:
        return np.zeros((len(prompts), 0), np.float32)
    return np.stack([columns[name] for name in names], axis=1)
