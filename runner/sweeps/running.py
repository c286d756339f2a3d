"""A sweep from its first trial to its last: what is asked, trained, stopped and written down."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from runner.errors import ExitCode, Interrupted, RunFailed, RunnerError, SpecError, Stopped
from runner.execution.plan import check_requirements, choosing_once, make_plan
from runner.execution.supervisor import Signals, caught_signals
from runner.runs.checkpoints import clear_checkpoints
from runner.runs.run_folder import State, all_runs
from runner.store.files import write_json
from runner.sweeps import trial_process, trial_scores
from runner.sweeps.constraint_checking import feasible
from runner.sweeps.journal import Record, Trial, TrialState
from runner.sweeps.optuna_study import Chooser
from runner.sweeps.search_space import dotted
from runner.sweeps.sweep_checking import CheckedSweep
from runner.sweeps.sweep_folder import SweepFolder, content_hash, sweep_folder
from runner.sweeps.trial_gpus import dealer
from runner.sweeps.trial_process import TrialProcess
from runner.sweeps.trial_specs import Child, child_of
from runner.workspace import Workspace

#: How often trials are looked at, seconds.
TICK = 0.02
#: Of so many draws in a row that give nothing to train, the space is taken to be at its end.
MOST_VAIN = 200
#: What of a base spec may change without making another sweep of it.
UNIMPORTANT = ("run", "log", "wandb", "$schema")


@dataclass
class SweepEnd:
    """What a sweep came to."""

    folder: SweepFolder
    record: Record
    #: A sentence each.
    notes: list[str] = field(default_factory=list)


def run_sweep(
    checked: CheckedSweep,
    workspace: Workspace,
    *,
    executor: str | None = None,
    retry_failed: bool = False,
    told: Callable[[Trial, Record], None] = lambda trial, record: None,
    said: Callable[[str], None] = lambda text: None,
) -> SweepEnd:
    """Run a sweep, or go on with it, until all its trials are over.

    ``told`` hears of every trial that is over, and ``said`` what else should be known. Raises
    :class:`~runner.errors.Stopped` or :class:`~runner.errors.Interrupted` when told to stop, and
    :class:`~runner.errors.RunFailed` where trials failed beyond what the sweep allows, or none is complete.
    """
    folder = sweep_folder(workspace, checked.loaded.sweep.name)
    with folder.lock(), caught_signals() as signals:
        plan_each(checked, workspace, executor)
        running = _Running(checked, workspace, folder, executor, told, said, signals)
        running.begin(retry_failed)
        try:
            running.go()
        finally:
            running.close()
        return running.end()


def plan_each(checked: CheckedSweep, workspace: Workspace, executor: str | None) -> None:
    """What every trial would fail of is an error of the sweep: data that is not there, a package, the engine."""
    choose = choosing_once()
    for child in checked.tried:
        try:
            check_requirements(make_plan(child.loaded, workspace, executor=executor, choose=choose))
        except SpecError:
            raise
        except RunnerError as error:
            tried = {place: value for place, value in child.values.items() if (error.where or "").startswith(place)}
            if tried:
                # The base spec has another value there.
                error.message += f", with {', '.join(f'{dotted(place)} = {each!r}' for place, each in tried.items())}"
            raise


class _Running:
    def __init__(
        self,
        checked: CheckedSweep,
        workspace: Workspace,
        folder: SweepFolder,
        executor: str | None,
        told: Callable[[Trial, Record], None],
        said: Callable[[str], None],
        signals: Signals,
    ) -> None:
        self.checked, self.sweep, self.base = checked, checked.loaded.sweep, checked.loaded.base_value
        self.workspace, self.folder, self.executor = workspace, folder, executor
        self.told, self.said, self.signals = told, said, signals
        self.record = folder.record()
        self.dealer = dealer(checked, executor)
        self.trials: list[TrialProcess] = []
        self.to_resume: list[Trial] = []
        self.stopping: str | None = None
        self.asked_to_stop = False
        self.exhausted = False
        #: What became of the last draws in a row that gave nothing to train.
        self.vain: list[str] = []
        self.notes: list[str] = []

    # -- beginning

    def begin(self, retry_failed: bool) -> None:
        """Write down what is new about the sweep, and tell the chooser what was."""
        document = {"sweep": self.checked.loaded.document.value["sweep"], "base": self.base}
        space = content_hash(
            {
                "base": {
                    key: value for key, value in self.base.items() if key not in ("run", "log", "wandb", "$schema")
                },
                "space": {place: each.model_dump() for place, each in self.checked.space.parameters.items()},
                "method": self.sweep.method,
                "seed": self.sweep.seed,
                "prune": self.sweep.pruning.model_dump() if self.sweep.pruning else None,
                "metric": [
                    each
                    for aim, asked in zip(self.checked.aims, self.sweep.metrics, strict=True)
                    for each in (aim.metric, aim.goal, asked.at)
                ],
                "constraints": self.sweep.constraints,
                "parallel": self.sweep.parallel > 1,
            }
        )
        self.folder.write_document(document)
        if not self.record.spaces or self.record.spaces[-1] != space:
            first, *others = self.checked.aims
            again = trial_scores.again(self.record, self.checked)
            second = {"second": asdict(others[0])} if others else {}
            self.add("space", hash=space, metric=first.metric, goal=first.goal, **second)
            for fields in again:
                self.add("ended", **fields)
        segment = len(self.record.spaces) - 1
        goals = [aim.goal for aim in self.checked.aims]
        self.chooser = Chooser(self.sweep, self.checked.space, self.base, goals, segment=segment)
        self.chooser.before(trial for trial in self.record.trials.values() if trial.segment < segment)
        stopped, differed = self.chooser.replay(self.record.steps)
        if differed is not None:
            self.note(differed)
        for trial in self.record.trials.values():
            if retry_failed and trial.state is TrialState.FAILED:
                self.add("again", trial=trial.number)
                self.chooser.next(trial.number, trial.values)
                self.to_resume.append(trial)
            elif trial.state is TrialState.RUNNING:
                if trial.pruned_at is None and trial.number in stopped:
                    # Decided, and not written down before everything ended.
                    self.add("pruned", trial=trial.number, at=stopped[trial.number])
                self.to_resume.append(trial)
        self._need_metric()

    # -- the loop

    def go(self) -> None:
        """Until there is nothing left to do, or it is told to stop."""
        while True:
            self._look_at_signals()
            for trial in list(self.trials):
                self._hear(trial)
            while self.stopping is None and len(self.trials) < self.sweep.parallel and self._start_one():
                pass
            if not self.trials:
                return
            time.sleep(TICK)

    def _start_one(self) -> bool:
        """Begin a trial, or find one that needs no training. False where there is nothing to begin now."""
        if self.to_resume:
            self._take_up(self.to_resume.pop(0))
            return True
        if self.exhausted or (self.record.counted() >= self.checked.trials and not self.record.waiting):
            return False
        number = len(self.record.trials)
        given = self.record.waiting[0] if self.record.waiting else None
        values = self.chooser.next(number, given)
        if values is None:
            self.exhausted = True
            return False
        child, _ = self._child(values)
        self.add(
            "asked",
            trial=number,
            values=values,
            name=child.name if child else None,
            identity=child.identity if child else None,
            **({"added": True} if given is not None else {}),
        )
        trial = self.record.trials[number]
        trained = self._take_up(trial)
        repeated = trial.state is TrialState.DUPLICATE
        self.vain = [] if trained else [*self.vain, "repeated another" if repeated else trial.why or "did not fit"]
        if len(self.vain) >= MOST_VAIN and self.sweep.method != "grid":
            why = "; ".join(f"{count} {said}" for said, count in Counter(self.vain).most_common(3))
            self.note(f"{MOST_VAIN} draws in a row gave nothing to train ({why}): the space is taken to be at its end")
            self.exhausted = True
        return not self.exhausted

    def _child(self, values: dict[str, Any]) -> tuple[Child | None, str]:
        """The child of values; None where it is no spec, with why."""
        try:
            return child_of(self.base, self.sweep.name, values), ""
        except SpecError as error:
            return None, f"no spec: {error.faults[0].pointer}: {error.faults[0].message}"

    def _take_up(self, trial: Trial) -> bool:
        """Train a trial that was asked for, or say why it is not trained: whether it is."""
        child, why = self._child(trial.values)
        unfit = feasible(self.checked.loaded, child) if child else None
        if child is None or unfit:
            self._end(trial, TrialState.INFEASIBLE, why=why or f"does not fit: {unfit}")
            return False
        if trial.pruned_at is not None:
            self._end(trial, TrialState.PRUNED, why=f"after {trial.pruned_at}")
            return True
        first = self._of_same_identity(trial)
        if first is not None:
            # What one comes to that is still trained is not known: the copy says nothing then, and costs nothing.
            why = f"trial {first.number} trains the same"
            self._end(trial, TrialState.DUPLICATE, first.value, second=first.second, why=why)
            return False
        self._start(trial, child)
        return True

    def _of_same_identity(self, trial: Trial) -> Trial | None:
        """An earlier trial that trains the same."""
        return next(
            (
                each
                for each in self.record.trials.values()
                if each.identity == trial.identity and each.number < trial.number and each.counted
            ),
            None,
        )

    def _start(self, trial: Trial, child: Child) -> None:
        write_json(self.folder.spec(child.name), child.loaded.document.value)
        log = self.folder.log(child.name)
        devices = self.dealer.take() if self.dealer else ()
        self.trials.append(
            trial_process.begin(
                trial.number,
                child.loaded,
                self.workspace,
                log,
                self.checked.metric,
                self.executor,
                self.trials,
                devices,
            )
        )

    def _hear(self, process: TrialProcess) -> None:
        """Take in what a trial tells, and its end."""
        trial = self.record.trials[process.number]
        status = process.over()
        for line in process.heard():
            if "run" in line:
                if trial.run != line["run"]:
                    self.add("run", trial=trial.number, run=line["run"])
            elif "at" in line:
                self._measured(process, trial, line["at"], line["value"])
            else:
                process.end = line["end"]
        if status is not None:
            self.trials.remove(process)
            process.close()
            if self.dealer:
                self.dealer.give_back(process.devices)
            self._over(process, trial, time.monotonic() - process.began)

    def _measured(self, process: TrialProcess, trial: Trial, at: int, value: float) -> None:
        if trial.pruned_at is not None or at in trial.told:
            return  # what a resumed run told before
        self.add("told", trial=trial.number, at=at, value=value)
        if self.chooser.told(trial.number, at, value) and self.sweep.pruning is not None:
            self.add("pruned", trial=trial.number, at=at)
            process.stop()

    def _over(self, process: TrialProcess, trial: Trial, seconds: float) -> None:
        """Write down what a trial came to whose process is over."""
        end = process.end
        if trial.pruned_at is not None:
            self._end(trial, TrialState.PRUNED, why=f"after {trial.pruned_at}", seconds=seconds)
            self._close_for_good(trial)
            return
        code = int(end.get("code", 0)) if end else int(ExitCode.BUG)
        if self.stopping is not None and (end is None or code in (ExitCode.STOPPED, ExitCode.INTERRUPTED)):
            # It goes on when the sweep does: also one that was told to stop before its run had begun.
            return
        if end is None or "error" in end:
            why = end["error"] if end else f"its process ended: see {self.folder.log(trial.name or '')}"
            self._end(trial, TrialState.FAILED, why=why, seconds=seconds)
            self._failed(trial)
            return
        said = trial_scores.verdict(self.checked, trial, end["metrics"], end["model"])
        self._end(trial, TrialState(said.pop("state")), said.pop("value"), seconds=seconds, **said)
        self._need_metric()
        if self.sweep.pruning is not None and not any(each.told for each in self.record.trials.values()):
            self.stopping = (
                f"trial {trial.number} ended and told no {self.checked.metric} while it trained, so that nothing can "
                "be stopped by it: take /sweep/prune out"
            )

    def _need_metric(self) -> None:
        """Begin no more where a trial has ended without what it is judged by, and none with it: the next would too."""
        states = {each.state: each for each in self.record.trials.values()}
        if TrialState.MISSING_METRIC in states and TrialState.COMPLETE not in states:
            trial = states[TrialState.MISSING_METRIC]
            self.stopping = f"trial {trial.number} is over, and {trial.why}: name one of them in /sweep/metric"

    def _close_for_good(self, trial: Trial) -> None:
        """A run that was stopped for good keeps no checkpoints: nothing goes on from them."""
        run = next((each for each in all_runs(self.workspace.runs) if each.id == trial.run), None)
        if run is not None and run.state().state is State.INTERRUPTED:
            clear_checkpoints(run.path / "checkpoints")
            run.transition(State.CANCELLED, note=f"stopped by sweep {self.folder.name} after {trial.pruned_at}")

    def _failed(self, trial: Trial) -> None:
        failures = sum(each.state is TrialState.FAILED for each in self.record.trials.values())
        if self.sweep.on_fail == "stop":
            self.stopping = f"trial {trial.number} failed, and on_fail is stop"
        elif self.sweep.max_failures is not None and failures >= self.sweep.max_failures:
            self.stopping = f"{failures} trials failed: max_failures is {self.sweep.max_failures}"

    def _end(self, trial: Trial, state: TrialState, value: float | None = None, **fields: Any) -> None:
        fields = {name: each for name, each in fields.items() if each not in (None, {})}
        if "seconds" in fields:
            fields["seconds"] = round(fields["seconds"], 3)
        self.add("ended", trial=trial.number, state=str(state), value=value, **fields)
        self.chooser.ended(trial.number, state, value, fields.get("second"))
        self.told(trial, self.record)
        if self.stopping is None and self.sweep.time_budget is not None:
            spent = sum(each.seconds for each in self.record.trials.values())
            if spent >= self.sweep.time_budget and not self.exhausted:
                self.note(f"{spent:.0f} s of training: the time budget, {self.sweep.time_budget:g} s, is spent")
                self.exhausted = True

    def _look_at_signals(self) -> None:
        if self.signals.any and not self.asked_to_stop:
            self.asked_to_stop = True
            self.stopping = "interrupted" if self.signals.interrupted else "asked to stop"
            if self.trials:
                self.said(f"{self.stopping}: waiting for {len(self.trials)} to save a checkpoint")
        if self.stopping is not None:
            for process in self.trials:
                process.stop()

    # -- its end

    def close(self) -> None:
        """End what is left, after an error of ours: its runs go on when the sweep does."""
        for process in self.trials:
            process.close()

    def end(self) -> SweepEnd:
        """What it came to. Raises where it did not come to what was asked."""
        name = self.folder.name
        states = [trial.state for trial in self.record.trials.values()]
        over = sum(state in (TrialState.COMPLETE, TrialState.PRUNED) for state in states)
        again = "go on with it: the same command again"
        if self.asked_to_stop:
            kind = Interrupted if self.signals.interrupted else Stopped
            raise kind(f"sweep {name}: stopped with {over} of {self.checked.trials} trials over", hint=again)
        if self.stopping is not None:
            raise RunFailed(f"sweep {name}: {self.stopping}", hint=f"look at them: runner sweep show {name}")
        if TrialState.COMPLETE not in states:
            counted = ", ".join(f"{count} {state.value}" for state, count in Counter(states).items())
            raise RunFailed(
                f"sweep {name}: no trial is complete: {counted or 'none was begun'}",
                hint=f"look at them: runner sweep show {name}",
            )
        return SweepEnd(self.folder, self.record, self.notes)

    def note(self, text: str) -> None:
        """Say something, and keep it."""
        self.notes.append(text)
        self.said(text)

    def add(self, event: str, **fields: Any) -> None:
        """Write a line and take it in."""
        self.folder.journal.add(event, **fields)
        self.record.take({"event": event} | fields)
