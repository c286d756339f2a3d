"""What the graph of who met whom says about the scores to come: its components, and LLMs that only won or lost."""

from __future__ import annotations

import numpy as np

from runner.data.comparisons.comparison_arrays import A, B


def components(model_a: np.ndarray, model_b: np.ndarray, models: int) -> np.ndarray:
    """The component of each LLM, numbered by its smallest member, -1 for one in no row: int64 ``[models]``."""
    label = np.full(models, -1, np.int64)
    pairs = np.unique(np.stack([model_a, model_b], axis=1), axis=0) if len(model_a) else np.zeros((0, 2), np.int64)
    label[pairs.ravel()] = pairs.ravel()
    while True:
        lowest = label.copy()
        np.minimum.at(lowest, pairs[:, 0], label[pairs[:, 1]])
        np.minimum.at(lowest, pairs[:, 1], label[pairs[:, 0]])
        if np.array_equal(lowest, label):
            return label
        label = lowest


def wins_and_losses(
    model_a: np.ndarray, model_b: np.ndarray, winner: np.ndarray, models: int
) -> tuple[np.ndarray, np.ndarray]:
    """Decided comparisons won and lost by each LLM: two int64 ``[models]``."""
    won = np.concatenate([model_a[winner == A], model_b[winner == B]])
    lost = np.concatenate([model_b[winner == A], model_a[winner == B]])
    return np.bincount(won, minlength=models), np.bincount(lost, minlength=models)


def oddities(model_a: np.ndarray, model_b: np.ndarray, winner: np.ndarray, models: tuple[str, ...]) -> list[str]:
    """A sentence, with the LLMs' names, for each thing that a rating of these comparisons cannot settle."""
    said = []
    label = components(model_a, model_b, len(models))
    absent = [name for name, at in zip(models, label, strict=True) if at < 0]
    if absent:
        said.append(f"no training comparison has {_names(absent)}: its score cannot be learnt")
    groups = [[models[at] for at in np.flatnonzero(label == root)] for root in np.unique(label[label >= 0])]
    if len(groups) > 1:
        listed = "; ".join(_names(group) for group in groups)
        said.append(
            f"the comparison graph is not connected, and scores of different parts cannot be compared: "
            f"{len(groups)} parts: {listed}"
        )
    won, lost = wins_and_losses(model_a, model_b, winner, len(models))
    for verb, names in (
        ("won", [models[at] for at in np.flatnonzero((won > 0) & (lost == 0))]),
        ("lost", [models[at] for at in np.flatnonzero((lost > 0) & (won == 0))]),
    ):
        if names:
            said.append(f"only {verb}, in every decided training comparison: {_names(names)}: its score has no bound")
    return said


def _names(names: list[str], limit: int = 12) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
