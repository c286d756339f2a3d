"""What is tried next, and what is stopped: Optuna's samplers and pruners, told everything by the journal.

Nothing of Optuna's is kept. After an interruption a study is made anew and hears the journal's lines in their order, so
that it asks and stops as it would have without: its samplers are seeded, and a study that heard the same does the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runner.sweeps.journal import Trial, TrialState
from runner.sweeps.search_space import Space, Values
from runner.sweeps.sweep_fields import Goal, Pruning, SweepSection

if TYPE_CHECKING:
    import optuna

#: Trials drawn at random before what was measured decides.
FIRST_AT_RANDOM = 8


class Chooser:
    """Draws values, hears what became of them, and says what is to stop. One for each space of a sweep."""

    def __init__(
        self, sweep: SweepSection, space: Space, base: Mapping[str, Any], goals: Sequence[Goal], *, segment: int = 0
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space, self._base, self._several = space, base, len(goals) > 1
        self._trials: dict[int, optuna.trial.Trial] = {}
        self._grid = space.combinations(base) if sweep.method == "grid" else None
        self._passed: list[Values] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Optuna calls experimental
            self._study = optuna.create_study(
                study_name=sweep.name,
                directions=list(goals),
                sampler=_sampler(sweep, (sweep.seed + segment) % 2**31),
                pruner=_pruner(sweep.pruning),
            )

    def before(self, trials: Iterable[Trial]) -> None:
        """Hear of trials that were drawn from an earlier space, as far as this one has their values."""
        import optuna

        for trial in trials:
            # A grid does not come to them again.
            self._passed.append(trial.values)
            if (
                trial.state is not TrialState.COMPLETE
                or trial.value is None
                or (self._several and trial.second is None)
            ):
                continue
            if set(trial.values) <= set(self._space.parameters) and all(
                self._space.takes(place, value) for place, value in trial.values.items()
            ):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self._study.enqueue_trial(self._space.fixed(trial.values))
                    asked = self._study.ask()
                    self._space.suggested(asked, self._base)
                    if not self._several:
                        for at, value in sorted(trial.told.items()):
                            asked.report(value, at)
                    values = self._values(trial.value, trial.second)
                    self._study.tell(asked, values, state=optuna.trial.TrialState.COMPLETE)

    def _values(self, value: float, second: float | None) -> list[float]:
        if not self._several:
            return [value]
        assert second is not None
        return [value, second]

    def next(self, number: int, given: Values | None = None) -> Values | None:
        """The values of the next trial: those that are ``given``, or what the method says. None: a grid is at its end.

        ``number`` is the trial's, by which it is spoken of later.
        """
        if given is None and self._grid is not None:
            given = next((each for each in self._grid if each not in self._passed), None)
            if given is None:
                return None
        if given is not None:
            self._study.enqueue_trial(self._space.fixed(given))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial = self._study.ask()
            values = self._space.suggested(trial, self._base)
        self._trials[number] = trial
        return values

    def told(self, number: int, at: int, value: float) -> bool:
        """Hear a measurement; whether the trial is to stop. Of two metrics nothing is stopped by one."""
        if self._several:
            return False
        trial = self._trials[number]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial.report(value, at)
            return trial.should_prune()

    def ended(self, number: int, state: TrialState, value: float | None, second: float | None = None) -> None:
        """Hear the end of a trial; ``second`` is the value of a second metric, where there is one."""
        import optuna

        trial = self._trials.pop(number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if value is not None and state in (TrialState.COMPLETE, TrialState.DUPLICATE):
                self._study.tell(trial, self._values(value, second))
            elif state is TrialState.PRUNED:
                self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            else:
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def replay(self, steps: Iterable[Mapping[str, Any]]) -> tuple[dict[int, int], str | None]:
        """Hear the journal's lines since this space began.

        Returns by trial the measurement after which it was to stop, and as a sentence what could not be repeated. A
        trial that the study would not have drawn (another version of Optuna) is taken as it is.
        """
        differed, stopped = None, dict[int, int]()
        for line in steps:
            number = line["trial"]
            match line["event"]:
                case "asked":
                    given = line["values"] if line.get("added") else None
                    drawn = self.next(number, given)
                    if drawn != line["values"]:
                        differed = differed or (
                            f"trial {number} was drawn as it would not be now: what is tried next is not what an "
                            "uninterrupted sweep would try"
                        )
                        if number in self._trials:
                            self.ended(number, TrialState.FAILED, None)
                        self.next(number, line["values"])
                case "again":
                    self.next(number, line["values"])
                case "told":
                    if self.told(number, line["at"], line["value"]):
                        stopped.setdefault(number, line["at"])
                case "ended":
                    if number in self._trials:
                        self.ended(number, TrialState(line["state"]), line.get("value"), line.get("second"))
        return stopped, differed

    def importance(self, metric: int = 0) -> dict[str, float]:
        """How much of the differences in the metric of this place each parameter explains (PED-ANOVA), of parameters
        that every trial has."""
        import optuna

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                evaluator = optuna.importance.PedAnovaImportanceEvaluator()
                target = (lambda trial: trial.values[metric]) if self._several else None
                return dict(optuna.importance.get_param_importances(self._study, evaluator=evaluator, target=target))
        except (ValueError, RuntimeError, ZeroDivisionError):
            return {}


def _sampler(sweep: SweepSection, seed: int) -> optuna.samplers.BaseSampler:
    from optuna import samplers

    match sweep.method:
        case "tpe":
            # constant_liar: trials that are being trained are taken for bad ones, so that two are not alike.
            return samplers.TPESampler(
                seed=seed, n_startup_trials=FIRST_AT_RANDOM, constant_liar=sweep.parallel > 1, multivariate=True
            )
        case "gp":
            return samplers.GPSampler(seed=seed, n_startup_trials=FIRST_AT_RANDOM, deterministic_objective=True)
        case "cma-es":
            return samplers.CmaEsSampler(seed=seed, n_startup_trials=FIRST_AT_RANDOM, warn_independent_sampling=False)
    return samplers.RandomSampler(seed=seed)


def _pruner(pruning: Pruning | None) -> optuna.pruners.BasePruner:
    from optuna import pruners

    match pruning.kind if pruning else None:
        case "median":
            assert pruning
            return pruners.MedianPruner(n_startup_trials=pruning.warmup_trials, n_warmup_steps=pruning.min_step - 1)
        case "halving":
            assert pruning
            return pruners.SuccessiveHalvingPruner(min_resource=pruning.min_step, reduction_factor=pruning.eta)
        case "hyperband":
            assert pruning
            return pruners.HyperbandPruner(min_resource=pruning.min_step, reduction_factor=pruning.eta)
    return pruners.NopPruner()
