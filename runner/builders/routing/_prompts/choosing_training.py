"""How a router is trained, chosen by cross-validation over its training prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from runner.contract import TrainContext, TrainResult
from runner.data.comparisons import Comparisons
from runner.data.comparisons.prompt_split import split_key
from runner.tasks.ranking.calibration import fit_temperature
from runner.training.cross_validation import Choice, CrossValidated, choose, fold_of
from runner.training.schedules import needs_length

#: A training of a spec on a context's data, and by how much each decided held-out comparison's winner leads after every
#: epoch: float64 ``[epochs, n]``.
Leads = Callable[[Any, TrainContext], np.ndarray]


class NoCheckpoints:
    """Those of a fold's training: a fold that is stopped begins anew."""

    def save(self, step: int, tensors: Any, state: Any) -> None:
        pass

    def latest(self) -> None:
        return None

    def stage(self, name: str) -> NoCheckpoints:
        return self


@dataclass(frozen=True)
class Training:
    """The spec to train by and for how long, and what was chosen of it, if anything was."""

    spec: Any
    context: TrainContext
    choice: Choice | None = None

    @classmethod
    def of(cls, spec: CrossValidated, context: TrainContext, leads: Leads) -> Training:
        """The spec as it is, or as its ``cross_validation`` chooses.

        A fold's temperature is not known, so candidates are judged at the one that fits best: by order and by shape,
        not by scale. What is prepared of the whole training split without a look at who won (features' means, the
        embedding of the LLMs) is shared by all folds.
        """
        if spec.cross_validation is None:
            return cls(spec, context)
        if context.start_from is not None:
            _warn(context, "a model to start from has seen the prompts that would be foretold")
            return cls(spec, context)
        train: Comparisons = context.data.train
        keys = [split_key(train.keys[at]) for at in train.prompt]
        fold = fold_of(keys, train.decided.tolist(), spec.cross_validation.folds, context.seed)
        if fold.max() < 0 or not context.epochs:
            _warn(context, "there are too few prompts with a winner" if context.epochs else "there are no epochs")
            return cls(spec, context)

        def foretell(candidate: Any, held: np.ndarray) -> np.ndarray:
            data = replace(context.data, train=train.take(~held), validation=train.take(held))
            inner = replace(context, data=data, emit=_silent, checkpoints=NoCheckpoints())
            return leads(candidate, inner)

        last_alone = needs_length(getattr(spec, "schedule", None))
        choice = choose(spec, context, fold, foretell, judge, last_alone)
        return cls(choice.spec, replace(context, epochs=choice.epochs), choice)

    @property
    def criterion(self) -> str:
        """What the epochs are compared by: nothing, where their number was chosen."""
        return "accuracy" if self.choice is None else ""

    @property
    def temperature(self) -> float | None:
        """The one that fits what was foretold; None where nothing was."""
        return None if self.choice is None else self.choice.measured["temperature"]

    def told(self, result: TrainResult) -> TrainResult:
        """The result with what was chosen."""
        if self.choice is not None:
            result.tables[self.choice.table.name] = self.choice.table.as_dict()
            result.parameters |= self.choice.parameters
        return result


def judge(leads: np.ndarray) -> dict[str, float]:
    """The log loss at the temperature that fits best, the accuracy, and that temperature, of winners' leads ``[n]``."""
    temperature = fit_temperature(leads)
    loss = float(np.logaddexp(0.0, -leads / temperature).mean())
    return {"log_loss": loss, "accuracy": float((leads > 0).mean()), "temperature": temperature}


def _warn(context: TrainContext, why: str) -> None:
    context.emit("warning", message=f"nothing is cross-validated: {why}", pointer="/model/spec/cross_validation")


def _silent(event: str, **fields: Any) -> None:
    pass
