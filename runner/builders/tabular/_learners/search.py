"""The choice among learners and their parameters: a seeded search, judged by out-of-fold predictions.

Source: tree-structured Parzen estimator (Bergstra et al., 2011), as Optuna has it. Each learner's defaults are tried
first. A search that ends by its number of trials is the same for a seed; one that ends by time depends on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from runner.builders.tabular._learners import search_spaces
from runner.builders.tabular._learners.course import Course, OnProgress, SaveCheckpoint
from runner.builders.tabular._learners.cross_validation import Fold, FoldedTable, out_of_fold
from runner.builders.tabular._learners.leaderboard import leaderboard
from runner.builders.tabular._learners.losses import metric_name, row_losses, score
from runner.builders.tabular._learners.parameters import TabularTask
from runner.builders.tabular._learners.search_spaces import CANDIDATES
from runner.builders.tabular._learners.table import check_table
from runner.builders.tabular._learners.trials import Trial, distributions_of, study_of, trials_table
from runner.contract import Checkpoint, Table
from runner.errors import DataError, RunFailed, Stopped


@dataclass(frozen=True)
class Found:
    """The best trial's learner and parameters, for a fit to all rows, and what it was chosen from."""

    name: str
    params: dict[str, Any]
    leaderboard: Table
    trials: Table
    #: The best trial's predictions for rows that it did not learn from, NaN for rows that no fold scores.
    oof: np.ndarray
    #: What ended the search; ``time`` makes it depend on the machine.
    ended_by: Literal["trials", "time"]


@dataclass
class _State:
    """What a checkpoint of a search holds: trials, and each learner's best predictions."""

    trials: list[Trial] = field(default_factory=list)
    distributions: dict[int, dict[str, str]] = field(default_factory=dict)
    seconds: float = 0.0
    best: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, resume: Checkpoint | None) -> _State:
        if resume is None:
            return cls()
        trials = [Trial(**record) for record in resume.state["trials"]]
        known = {int(number): ranges for number, ranges in resume.state["distributions"].items()}
        best = {name.removeprefix("best/"): np.array(value) for name, value in resume.tensors.items()}
        return cls(trials, known, float(resume.state["seconds"]), best)

    def snapshot(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        state = {
            "trials": [trial.as_dict() for trial in self.trials],
            "distributions": {str(number): ranges for number, ranges in self.distributions.items()},
            "seconds": self.seconds,
        }
        return {f"best/{name}": predictions for name, predictions in self.best.items()}, state

    def best_of(self, learner: str | None = None) -> Trial | None:
        """The trial of the lowest score, the first among equals."""
        done = [trial for trial in self.trials if trial.score is not None and learner in (None, trial.learner)]
        return min(done, key=lambda trial: (trial.score, trial.number), default=None)


class _TimeIsUp(Exception):
    """The time limit passed inside a trial."""


def search(
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    task: TabularTask,
    n_classes: int | None,
    folds: Sequence[Fold],
    categorical: Sequence[int] = (),
    weights: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    candidates: Sequence[str] = CANDIDATES,
    trials: int | None = 30,
    time_limit: float | None = None,
    seed: int = 0,
    threads: int = 1,
    device: str = "cpu",
    on_progress: OnProgress | None = None,
    stop: Callable[[], bool] | None = None,
    resume: Checkpoint | None = None,
    checkpoint: SaveCheckpoint | None = None,
) -> Found:
    """Try learners until there were so many ``trials``, or ``time_limit`` seconds have passed.

    ``folds`` are (training rows, scored rows) among the rows; ``groups`` int ``[n]`` are rows that are drawn together
    for the intervals. The linear model's defaults are always tried, however short the time. A trial that fails is
    recorded with its reason; raises :class:`RunFailed` where none succeeds, and :class:`Stopped` after ``checkpoint``
    was called when ``stop`` asked for that: a search with that checkpoint as ``resume`` makes the remaining trials.
    """
    table = check_table(inputs, targets, weights, tuple(categorical), None, n_classes)
    folded = FoldedTable(
        table.inputs, table.targets, task, n_classes, table.categorical, table.weights, [_fold(fold) for fold in folds]
    )
    if not folds or any(not len(learned) or not len(scored) for learned, scored in folded.folds):
        raise DataError("a fold of the search has no rows", hint="take fewer folds, or more rows")
    run = _Search(
        folded,
        tuple(name for name in CANDIDATES if name in {"linear", *candidates}),
        trials,
        time_limit,
        seed,
        threads,
        device,
        Course.of(on_progress, stop, resume, checkpoint),
    )
    ended_by = run.go()
    return run.found(ended_by, groups)


def _fold(fold: Fold) -> Fold:
    return np.asarray(fold[0], np.int64), np.asarray(fold[1], np.int64)


class _Search:
    def __init__(
        self,
        table: FoldedTable,
        candidates: tuple[str, ...],
        most: int | None,
        time_limit: float | None,
        seed: int,
        threads: int,
        device: str,
        course: Course,
    ) -> None:
        self._table, self._candidates, self._course = table, candidates, course
        self._most, self._time_limit = most, time_limit
        self._seed, self._threads, self._device = seed, threads, device
        self._state = _State.of(course.resume)
        #: As if the search had begun when all its parts are put together.
        self._began = time.monotonic() - self._state.seconds

    def go(self) -> Literal["trials", "time"]:
        """Make trials until it is enough."""
        state = self._state
        while self._most is None or len(state.trials) < max(1, self._most):
            if state.trials and self._time_is_up():
                return "time"
            self._course.stop_here(len(state.trials), self._snapshot)
            try:
                trial, predictions, ranges = self._try(len(state.trials))
            except Stopped:
                # The trial is begun anew by whoever resumes.
                self._course.save(len(state.trials), self._snapshot)
                raise
            best = state.best_of(trial.learner)
            if predictions is not None and (best is None or trial.score < best.score):  # type: ignore[operator]
                state.best[trial.learner] = predictions
            state.trials.append(trial)
            state.distributions[trial.number] = ranges
            leader = state.best_of()
            name = metric_name(self._table.n_classes is not None)
            self._course.on_progress(
                len(state.trials), self._most or 0, "trials", {name: None if leader is None else leader.score}
            )
            last = self._most is not None and len(state.trials) >= self._most
            self._course.save_sometimes(len(state.trials), self._snapshot, last=last)
        return "trials"

    def _snapshot(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        self._state.seconds = time.monotonic() - self._began
        return self._state.snapshot()

    def _time_is_up(self) -> bool:
        return self._time_limit is not None and time.monotonic() - self._began >= self._time_limit

    def _try(self, number: int) -> tuple[Trial, np.ndarray | None, dict[str, str]]:
        study = study_of(self._state.trials, self._state.distributions, self._seed, len(self._candidates))
        if number < len(self._candidates):
            first = self._candidates[number]
            study.enqueue_trial({"learner": first} | search_spaces.DEFAULTS[first])
        asked = study.ask()
        name, params = search_spaces.draw(asked, self._table.task, self._candidates)
        record = Trial(number, name, dict(asked.params), params, "failed", None, 0.0)
        began = time.monotonic()
        predictions = None
        try:
            predictions, settled = out_of_fold(
                self._table,
                name,
                params,
                seed=self._seed,
                threads=self._threads,
                device=self._device,
                # The first trial is made whatever the time, so that there is a model.
                stop=lambda: self._course.stop() or (number > 0 and self._cut()),
            )
            losses = row_losses(self._table.targets[self._table.scored], predictions[self._table.scored])
            value = float(score(losses, self._table.n_classes is not None))
            if np.isfinite(value):
                record = replace(record, state="done", score=value, params=settled)
            else:
                record = replace(record, reason="its predictions are no finite numbers")
                predictions = None
        except _TimeIsUp:
            record = replace(record, state="cut", reason="the time limit ended it")
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a library raises ends this trial, not the search
            record = replace(
                record, reason=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            )
        return replace(record, seconds=time.monotonic() - began), predictions, distributions_of(asked)

    def _cut(self) -> bool:
        if self._time_is_up():
            raise _TimeIsUp
        return False

    def found(self, ended_by: Literal["trials", "time"], groups: np.ndarray | None) -> Found:
        """The best of it. Raises :class:`RunFailed` with the reasons where nothing succeeded."""
        state, table = self._state, self._table
        best = state.best_of()
        if best is None:
            reasons = dict.fromkeys(f"{trial.learner}: {trial.reason}" for trial in state.trials)
            raise RunFailed(
                f"all {len(state.trials)} trials of the search failed: {'; '.join(reasons)}",
                hint="give it more time, or name a learner to see its own error",
            )
        bests = {name: trial for name in self._candidates if (trial := state.best_of(name)) is not None}
        note = f"Out-of-fold over {len(table.folds)} folds, {len(state.trials)} trials"
        if ended_by == "time":
            note += f"; the time limit of {self._time_limit:g} s ended the search, so another run may end elsewhere"
        board = leaderboard(
            table, bests, {name: state.best[name] for name in bests}, state.trials, groups, self._seed, note + "."
        )
        metric = metric_name(table.n_classes is not None)
        return Found(
            best.learner, best.params, board, trials_table(state.trials, metric), state.best[best.learner], ended_by
        )
