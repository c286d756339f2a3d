"""What a pipeline would do: every step's key, whether it is done already, and all that can be told to be wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import near_names
from runner.errors import ExitCode, NotFoundError, RunnerError
from runner.pipeline.known_columns import check_columns
from runner.pipeline.loaded_pipeline import LoadedPipeline, LoadedStep
from runner.pipeline.step_references import Reference
from runner.pipeline.step_store import StepRecord, StepStore, key_of
from runner.pipeline.steps import STEPS
from runner.pipeline.verbs import verb_of
from runner.workspace import Workspace


class StepsError(RunnerError):
    """Some steps of a pipeline cannot be done: every error of every one. Nothing was started."""

    code = ExitCode.RUN_FAILED
    kind = "pipeline"

    def __init__(self, errors: Sequence[tuple[str, RunnerError]], among: int) -> None:
        count = len({name for name, _ in errors})
        super().__init__(f"{count} of {among} steps cannot be done; nothing was started")
        self.errors = list(errors)
        self.code = errors[0][1].code  # type: ignore[misc]

    def as_dict(self) -> dict[str, Any]:
        return super().as_dict() | {"steps": [{"step": name} | error.as_dict() for name, error in self.errors]}


@dataclass(frozen=True)
class PlannedStep:
    """A step, what its key is the hash of, and what it made, if that was made before and is still there."""

    step: LoadedStep
    key: str
    identity: Mapping[str, Any]
    folder: Path
    done: StepRecord | None
    #: The names of the steps whose output it takes.
    needs: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.step.name


def plan(loaded: LoadedPipeline, workspace: Workspace, executor: str | None = None) -> list[PlannedStep]:
    """Every step in order. Raises :class:`StepsError` with everything that can be told before the first begins."""
    store = StepStore(workspace)
    planned: dict[str, PlannedStep] = {}
    errors: list[tuple[str, RunnerError]] = []
    for step in loaded.steps:
        verb = verb_of(step.verb)
        own: list[RunnerError] = []
        try:
            told = step.told(lambda within, name: None)
            inputs = verb.inputs(step, told, workspace)
        except RunnerError as error:
            own.append(_at(error, step))
            inputs = {}
        try:
            if not own:
                verb.check(step, workspace, executor)
        except RunnerError as error:
            own.append(_at(error, step))
        errors += [(step.name, error) for error in own]
        keys = {
            "/".join(map(str, reference.within)): [planned[reference.step].key, reference.part]
            for reference in step.references
            if reference.step in planned
        }
        own_words = {} if step.verb == "train" else {"told": _canonical(step)}
        identity = {"verb": step.verb, "inputs": inputs, "from": keys, **own_words}
        key = key_of(identity)
        needs = tuple(dict.fromkeys(reference.step for reference in step.references))
        folder = store.folder(step.verb, key)
        done = None if own else store.done(step.verb, key)
        if any(
            planned[name].done is None and planned[name].step.verb not in STEPS for name in needs if name in planned
        ):
            # The model that it was made of is gone. Rows that are made again are the same rows.
            done = None
        planned[step.name] = PlannedStep(step, key, identity, folder, done, needs)
    wrong = {name for name, _ in errors}
    errors += [each for each in check_columns(list(planned.values())) if each[0] not in wrong]
    if errors:
        order = [step.name for step in loaded.steps]
        raise StepsError(sorted(errors, key=lambda error: order.index(error[0])), len(loaded.steps))
    return list(planned.values())


def _canonical(step: LoadedStep) -> Any:
    """What the step is told, defaults and all, so that writing a default changes nothing. Its input is told by the key
    of a step, or by the bytes of files."""
    if step.section is None:
        return step.body
    own = {"input"} if "input" in type(step.section).model_fields else None
    return step.section.model_dump(mode="json", by_alias=True, exclude=own)


def _at(error: RunnerError, step: LoadedStep) -> RunnerError:
    place = f"/{'/'.join(map(str, step.place))}"
    if error.where is None:
        error.where = place
    elif error.where.startswith("/") and not Path(error.where.partition(" ")[0].rstrip(":")).exists():
        error.where = place + error.where
    else:
        error.where = f"{place} ({error.where})"
    return error


def from_step(planned: Sequence[PlannedStep], name: str) -> list[PlannedStep]:
    """The same, with a step and all after it to be done again. Raises :class:`NotFoundError` for none of that name."""
    names = [each.name for each in planned]
    if name not in names:
        raise NotFoundError(
            f"there is no step {name!r}",
            where="--from",
            hint=near_names.hint(name, names, f"the steps are: {', '.join(names)}"),
        )
    at = names.index(name)
    return list(planned[:at]) + [
        PlannedStep(each.step, each.key, each.identity, each.folder, None, each.needs) for each in planned[at:]
    ]


def value_of(reference: Reference, records: Mapping[str, StepRecord], folders: Mapping[str, Path]) -> str:
    """What a reference stands for once the step is done: the path of a file, or a model with its version."""
    record = records[reference.step]
    if reference.sort == "model":
        assert record.model is not None
        return record.model
    part = reference.part if reference.part is not None else next(iter(record.parts))
    return str(folders[reference.step] / record.parts[part]["file"])
