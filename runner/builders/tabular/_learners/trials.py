"""What a search tried: each trial as a record that goes through JSON, and back into a study."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from runner.contract import Table

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Trial:
    """One learner with one set of parameters, and what came of it."""

    number: int
    learner: str
    #: The point in the search space, and the parameters that it stands for: with the length that early stopping chose.
    point: dict[str, Any]
    params: dict[str, Any]
    state: Literal["done", "failed", "cut"]
    #: Log loss or root mean squared error of the out-of-fold predictions, of a trial that is done.
    score: float | None
    seconds: float
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def study_of(
    trials: Sequence[Trial], distributions: Mapping[int, Mapping[str, Any]], seed: int, candidates: int
) -> optuna.Study:
    """A study in memory that knows these trials, about to draw the next.

    The sampler is new for each trial, with a seed of its own, so that what it draws follows from the trials before,
    and not from whether the search was stopped in between.
    """
    import numpy as np
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    own = int(np.random.SeedSequence([seed, len(trials)]).generate_state(1)[0])
    # The first points are the learners' defaults; a few random ones follow before the sampler goes by scores.
    sampler = optuna.samplers.TPESampler(seed=own, n_startup_trials=2 * candidates)
    study = optuna.create_study(direction="minimize", sampler=sampler)
    for trial in trials:
        done = trial.state == "done"
        known = {
            name: optuna.distributions.json_to_distribution(text) for name, text in distributions[trial.number].items()
        }
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.COMPLETE if done else optuna.trial.TrialState.FAIL,
                value=trial.score if done else None,
                params=trial.point,
                distributions=known,
            )
        )
    return study


def distributions_of(trial: optuna.trial.BaseTrial) -> dict[str, str]:
    """The ranges that a point was drawn from, as JSON by name."""
    from optuna.distributions import distribution_to_json

    return {name: distribution_to_json(value) for name, value in trial.distributions.items()}


def words(params: Mapping[str, Any]) -> str:
    """Parameters in one line."""
    return ", ".join(f"{name} {json.dumps(round_off(value))}" for name, value in params.items() if value is not None)


def round_off(value: Any) -> Any:
    """The value with four figures, to be read."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: round_off(inner) for name, inner in value.items()}
    return value


def trials_table(trials: Sequence[Trial], metric: str) -> Table:
    """Every trial, in the order in which it was made."""
    return Table(
        name="trials",
        title="What the search tried",
        columns=("trial", "model", metric, "state", "seconds", "parameters", "reason"),
        rows=[
            (
                trial.number + 1,
                trial.learner,
                trial.score,
                trial.state,
                trial.seconds,
                words(trial.params),
                trial.reason,
            )
            for trial in trials
        ],
        decimals={metric: 4, "seconds": 1},
    )
