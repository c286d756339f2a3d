"""What the LLMs that a router knows got on prompts: in the matrix that it was trained on, or foretold by the router."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.contract import LoadContext
from runner.data.comparisons.prompt_split import split_key
from runner.data.outcomes import OutcomeMatrix, Outcomes
from runner.errors import RunnerError
from runner.inference.opening import Opened
from runner.spec.checking import load_object
from runner.store.manifest import NAME
from runner.tasks.ranking.calibration import probability

#: A prompt: what it is known by, and its earlier turns, whatever their case and spacing.
Key = tuple[str, tuple[str, ...]]
#: Held-out prompts by which the router's scores are read as outcomes: two numbers are fitted.
MOST_READ = 500
STEPS = 50
#: Of both numbers, so that a router that is always right has finite ones.
RIDGE = 1e-3


def key_of(text: str, history: Sequence[str]) -> Key:
    return split_key(text), tuple(split_key(turn) for turn in history)


@dataclass(frozen=True)
class TrainingOutcomes:
    """The matrix that a router was trained on."""

    #: With the prompts that the training held out last.
    sides: tuple[OutcomeMatrix, OutcomeMatrix]
    options: Outcomes

    @classmethod
    def of(cls, opened: Opened, say: Callable[[str], None]) -> TrainingOutcomes | None:
        """Read the training data again; None, told by ``say``, where it is no matrix or is not what it was."""
        spec = load_object(opened.manifest.spec, source=str(opened.path / NAME)).spec
        try:
            data: Any = spec.data.load(LoadContext(spec.model.spec, opened.cache, lambda *_, **__: None))  # type: ignore[union-attr, arg-type]
        except RunnerError as error:
            say(f"the training data of {opened.reference} cannot be read again: {error.message}")
            return None
        if data.train.outcomes is None or data.validation.outcomes is None:
            say(f"{opened.reference} was trained on comparisons, which hold no scores")
            return None
        if data.fingerprint != opened.manifest.lock.data_fingerprint:
            say(f"the training data of {opened.reference} has changed since: its scores are taken as they are now")
        return cls((data.train.outcomes, data.validation.outcomes), spec.data.outcomes or Outcomes())  # type: ignore[union-attr]

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the greatest score that there may be, or that there is."""
        for side in self.sides:
            if side.score_range is not None:
                return side.score_range
        scores = np.concatenate([side.scores.ravel() for side in self.sides])
        return float(np.nanmin(scores)), float(np.nanmax(scores))

    def scores(self, keys: Sequence[Key], known: Sequence[str]) -> np.ndarray:
        """What these LLMs got on these prompts, float64 ``[P, M]``; NaN where nobody scored them."""
        table = np.full((len(keys), len(known)), np.nan)
        wanted: dict[Key, list[int]] = {}
        for at, key in enumerate(keys):
            wanted.setdefault(key, []).append(at)
        for side in self.sides:
            columns = side.of(known).scores
            for row, (text, history) in enumerate(zip(side.keys, side.histories, strict=True)):
                for at in wanted.get(key_of(text, history), ()):
                    table[at] = np.where(np.isnan(table[at]), columns[row], table[at])
        return table

    def foretold(self, score: Callable[[OutcomeMatrix], np.ndarray], scores: np.ndarray, known: Sequence[str]) -> Any:
        """The expected outcome where the router has a score: from 0, the least, to 1; float64 like ``scores``.

        ``score`` gives the router's scores ``[P, M]`` of a matrix's prompts. Scores become outcomes by one logistic
        curve, fitted to the held-out prompts (Papke and Wooldridge, "Econometric Methods for Fractional Response
        Variables", 1996).
        """
        side = self.sides[1] if len(self.sides[1]) else self.sides[0]
        side = side.take(np.arange(min(len(side), MOST_READ)))
        low, high = self.limits
        outcomes = side.of(known).scores
        there = ~np.isnan(outcomes)
        worth = np.clip((outcomes[there] - low) / max(high - low, 1e-12), 0, 1)
        table = np.stack([np.ones(len(worth)), score(side)[there]], axis=1)
        at = np.zeros(2)
        for _ in range(STEPS):
            chance = probability(table @ at)
            bend = (table * (chance * (1 - chance))[:, None]).T @ table + RIDGE * np.eye(2)
            step = np.linalg.solve(bend, table.T @ (worth - chance) - RIDGE * at)
            at = at + step
            if np.abs(step).max() < 1e-10:
                break
        return probability(at[0] + at[1] * scores)
