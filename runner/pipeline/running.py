"""A pipeline from its first step to its last: what is done is not done again, and what was cut off is gone on with."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner import __version__
from runner.errors import Interrupted, RunnerError, Stopped
from runner.inference.inferring import Terminated
from runner.pipeline.journal import Journal
from runner.pipeline.loaded_pipeline import LoadedPipeline
from runner.pipeline.pipeline_page import write_page
from runner.pipeline.planning import PlannedStep, from_step, plan, value_of
from runner.pipeline.step_store import StepRecord, StepStore
from runner.pipeline.steps import STEPS, WHOLE
from runner.pipeline.steps.part_names import parts_of
from runner.pipeline.verbs import Watching, Work, verb_of
from runner.store.files import write_json
from runner.workspace import Workspace

DOCUMENT = "pipeline.json"
#: Nobody follows it.
UNWATCHED = Watching()


@dataclass(frozen=True)
class DoneStep:
    """What became of one step."""

    name: str
    verb: str
    #: ``done``, ``done before``, ``failed`` or ``not started``.
    state: str
    folder: Path
    record: StepRecord | None = None
    error: RunnerError | None = None

    def as_dict(self) -> dict[str, Any]:
        """Its entry in the ``--json`` document."""
        found: dict[str, Any] = {"step": self.name, "verb": self.verb, "state": self.state}
        if self.record is not None:
            own = self.record
            paths = {part: str(self.folder / each["file"]) for part, each in own.parts.items()}
            found |= {"key": own.key, "summary": own.summary, "seconds": own.seconds, "folder": str(self.folder)}
            found |= {"parts": paths, "model": own.model, "run": own.run, "facts": dict(own.facts)}
        if self.error is not None:
            found["error"] = self.error.as_dict()
        return found


@dataclass(frozen=True)
class Ended:
    """What became of a pipeline."""

    name: str
    folder: Path
    steps: Sequence[DoneStep]
    page: Path | None = None

    @property
    def error(self) -> RunnerError | None:
        """What ended it early."""
        return next((step.error for step in self.steps if step.error is not None), None)

    def as_dict(self) -> dict[str, Any]:
        """The ``--json`` document."""
        state = "failed" if self.error is not None else "done"
        return {
            "pipeline": self.name,
            "state": state,
            "folder": str(self.folder),
            "page": None if self.page is None else str(self.page),
            "steps": [step.as_dict() for step in self.steps],
        }


def run(
    loaded: LoadedPipeline,
    workspace: Workspace,
    *,
    executor: str | None = None,
    again_from: str | None = None,
    watching: Watching = UNWATCHED,
    command: str = "runner pipeline run FILE",
) -> Ended:
    """Check everything, then do the steps in order, up to the first that fails.

    A step whose folder is there, whole, is not done again; ``again_from`` does that step and all later ones anew.
    Raises :class:`~runner.pipeline.planning.StepsError` before anything is begun; the error of a step is in the result.
    ``command`` is what a failure says to type to go on.
    """
    planned = plan(loaded, workspace, executor)
    if again_from is not None:
        planned = from_step(planned, again_from)
    store = StepStore(workspace)
    with store.running(loaded.name) as folder:
        journal = Journal(folder)
        write_json(folder / DOCUMENT, loaded.document.value)
        journal.add("pipeline-began", steps=[each.name for each in planned], source=loaded.source)
        steps: list[DoneStep] = []
        for at, each in enumerate(planned):
            step = _one(each, planned, steps, at, store, journal, loaded, executor, watching, again_from is not None)
            steps.append(step)
            if step.error is not None:
                # Its own hint comes first; then how the pipeline goes on.
                on = f"then go on: {command} (what is done is not done again)"
                step.error.hint = "\n  ".join(part for part in (step.error.hint, on) if part)
                break
        steps += [DoneStep(each.name, each.step.verb, "not started", each.folder) for each in planned[len(steps) :]]
        ended = Ended(loaded.name, folder, steps)
        if ended.error is None:
            journal.add("pipeline-ended")
        try:
            page = write_page(loaded, ended, folder)
        except RunnerError as error:
            watching.say(f"the page could not be written: {error}")
            return ended
        return replace(ended, page=page)


def _one(
    planned: PlannedStep,
    every: Sequence[PlannedStep],
    before: Sequence[DoneStep],
    at: int,
    store: StepStore,
    journal: Journal,
    loaded: LoadedPipeline,
    executor: str | None,
    watching: Watching,
    again: bool,
) -> DoneStep:
    name, verb = planned.name, planned.step.verb
    place = f"{at + 1} of {len(every)}: {name}"
    if planned.done is not None:
        watching.say(f"{place}: done before: {planned.done.summary}")
        store.link(loaded.name, name, verb, planned.key)
        own = planned.done
        journal.add("step-found", step=name, key=own.key, summary=own.summary, model=own.model, run=own.run)
        return DoneStep(name, verb, "done before", planned.folder, planned.done)
    watching.say(place)
    try:
        journal.add("step-began", step=name, verb=verb, key=planned.key)
        record = _carried_out(planned, every, before, store, loaded, executor, watching, again)
        store.link(loaded.name, name, verb, planned.key)
        journal.add(
            "step-ended", step=name, key=planned.key, summary=record.summary, model=record.model, run=record.run
        )
    except (RunnerError, KeyboardInterrupt, Terminated) as caught:
        error = _in_words(caught)
        error.where = f"step {name!r}" + (f" ({error.where})" if error.where else "")
        try:
            journal.add("step-failed", step=name, error=error.as_dict())
        except RunnerError:
            watching.say("the failure could not be written into the journal")
        return DoneStep(name, verb, "failed", planned.folder, error=error)
    finally:
        watching.ended()
    watching.say(f"  {record.summary}")
    return DoneStep(name, verb, "done", planned.folder, record)


def _in_words(caught: BaseException) -> RunnerError:
    """What ended a step as an error: a signal, outside of work that tells of it in its own words, is one too."""
    if isinstance(caught, RunnerError):
        return caught
    return Interrupted("interrupted") if isinstance(caught, KeyboardInterrupt) else Stopped("stopped")


def _carried_out(
    planned: PlannedStep,
    every: Sequence[PlannedStep],
    before: Sequence[DoneStep],
    store: StepStore,
    loaded: LoadedPipeline,
    executor: str | None,
    watching: Watching,
    again: bool,
) -> StepRecord:
    step, started = planned.step, time.perf_counter()
    records = {each.name: each.record for each in before if each.record is not None}
    folders = {each.name: each.folder for each in before}
    verb = verb_of(step.verb)
    by_place = {reference.within: reference for reference in step.references}
    told = step.told(lambda within, _: value_of(by_place[within], records, folders))
    inputs = _inputs(planned, told, records, folders)
    with store.doing(step.verb, planned.key) as aside:
        if not again and (made := store.done(step.verb, planned.key)) is not None:
            return made  # another pipeline has made it while this one waited
        if not verb.GOES_ON:
            shutil.rmtree(aside)
            aside.mkdir()
        work = Work(
            step,
            store.workspace,
            told,
            inputs,
            aside,
            executor,
            watching,
            {"name": loaded.name, "step": step.name, "steps": _lineage(planned, every)},
            loaded.source,
        )
        result = verb.carry_out(work)
        record = StepRecord(
            step.verb,
            planned.key,
            planned.identity,
            result.parts,
            result.model,
            result.run,
            result.facts,
            result.summary,
            result.page,
            round(time.perf_counter() - started, 3),
            time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            __version__,
        )
        store.finish(aside, record)
    return record


def _inputs(
    planned: PlannedStep, told: Any, records: Mapping[str, StepRecord], folders: Mapping[str, Path]
) -> dict[str, str]:
    """Part -> file of the step's input: of a step before all its parts, where none is named."""
    reference = next((each for each in planned.step.references if each.within == ("input",)), None)
    if reference is None:
        given = told.get("input") if isinstance(told, dict) else None
        return {part: str(path) for part, path in parts_of(given).items()} if given is not None else {}
    parts, folder = records[reference.step].parts, folders[reference.step]
    if reference.part is not None:
        return {WHOLE: str(folder / parts[reference.part]["file"])}
    return {part: str(folder / each["file"]) for part, each in parts.items()}


def _lineage(planned: PlannedStep, every: Sequence[PlannedStep]) -> list[dict[str, Any]]:
    """The steps that a step's rows and models came through, first to last: verb, key, and options or files."""
    by_name = {each.name: each for each in every}
    wanted, ahead = {planned.name}, list(planned.needs)
    while ahead:
        name = ahead.pop()
        if name not in wanted:
            wanted.add(name)
            ahead += by_name[name].needs
    found = []
    for each in every:
        if each.name in wanted and each.name != planned.name:
            entry: dict[str, Any] = {
                "step": each.name,
                "verb": each.step.verb,
                "key": each.key,
                "from": list(each.needs),
            }
            if each.step.verb in STEPS:
                entry |= {"options": each.identity.get("told"), "files": each.identity["inputs"].get("input", [])}
            found.append(entry)
    return found
