"""The tasks of a spec's ``evaluation``, asked of the model in training whenever it is measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import registry
from runner.chat.renderer import ChatRenderer
from runner.contract import Table, TrainContext
from runner.errors import DataError, Stopped
from runner.tasks.generation.answer_metrics.figures import Figure
from runner.tasks.generation.answer_metrics.overlap import check_installed
from runner.tasks.generation.evaluation_sections import EvaluationTask, Generation
from runner.tasks.generation.questions.question_rows import AskedTask, read_task
from runner.tasks.generation.scored import ways
from runner.tasks.generation.scored.asked_model import TOGETHER, AskedModel
from runner.tasks.generation.scored.scored_task import ScoredTask, rounded
from runner.training.evaluation_fields import Better, check_measured
from runner.training.without_dropout import without_dropout

PLACE = "/model/spec/evaluation"


@dataclass(frozen=True)
class ReadTask:
    """A task that was read from a file."""

    task: EvaluationTask
    source: str
    sha256: str


@dataclass(frozen=True)
class Answered:
    """What a model made of the tasks, in their order."""

    scored: Sequence[tuple[str, ScoredTask]] = ()

    def figures(self) -> dict[str, Figure]:
        """By ``TASK/METRIC``."""
        return {f"{name}/{each.measure.metric}": each for name, scored in self.scored for each in scored.figures}

    def metrics(self) -> dict[str, float | None]:
        """The same as numbers; None where not one answer counts."""
        return {name: rounded(each.value) for name, each in self.figures().items()}


class Memory:
    """Answers of one measurement: what a model answers at a step it may not at the next."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def key(self, **asked: Any) -> str:
        return json.dumps(asked, sort_keys=True)

    def get(self, key: Any) -> Any:
        return self._known.get(key)

    def put(self, answers: Mapping[Any, Any]) -> None:
        self._known |= answers


@dataclass
class AskedTasks:
    """The tasks, and which figure a training goes by."""

    spec: Any
    context: TrainContext
    #: What the model keeps beside its weights: with its chat, the tasks are asked as they will be of the stored model.
    document: Mapping[str, Any]
    tasks: Sequence[AskedTask] = ()
    #: What the tasks' figures are called, and which way each is better, once they were asked.
    _better: dict[str, Better] = field(default_factory=dict)

    @classmethod
    def read(cls, spec: Any, context: TrainContext, document: Mapping[str, Any]) -> AskedTasks:
        """Read tasks and rows, before a model is loaded.

        Raises :class:`DataError` for a task that is not what it was when the run was made, for rows that cannot be
        asked, and where early stopping waits for what nothing is measured on.
        """
        section = spec.evaluation
        read = [_read(path, f"{PLACE}/tasks/{at}") for at, path in enumerate(section.tasks or ())]
        if faults := spec.evaluation_faults([each.task for each in read]):
            raise DataError(faults[0].message, where=faults[0].pointer, hint=faults[0].hint)
        for each in read:
            for at, metric in enumerate(each.task.answer.metrics if isinstance(each.task.answer, Generation) else ()):
                check_installed(metric, f"{each.source}: /answer/metrics/{at}")
        found = cls(
            spec, context, document, [read_task(each, section.limit, context.seed, f"{PLACE}/limit") for each in read]
        )
        if spec.early_stopping is not None and found.criterion in spec.measures and not len(context.data.validation):
            check_measured({}, found.criterion, "/model/spec/early_stopping")
        if section.measure in spec.measures and not len(context.data.validation):
            raise DataError(
                f"has no effect: no row is held out that {section.measure} could be measured on",
                where=f"{PLACE}/measure",
                hint="hold rows out (data.validation_split), name a task's, or leave it out",
            )
        return found

    @property
    def criterion(self) -> str:
        """The figure that the best is told by."""
        return self.spec.evaluation.measure or next(iter(self.spec.measures))

    @property
    def better(self) -> Better:
        """Which way it is better. That of a task's is known once it was asked."""
        own: Mapping[str, Better] = self.spec.measures | self._better
        return own[self.criterion]

    @property
    def fingerprint(self) -> str | None:
        """Another one for other tasks or rows; None where none is asked."""
        if not self.tasks:
            return None
        told = [
            [
                _sha256(each),
                [[one.id, [[shot.prompt, shot.answer] for shot in one.shots]] for one in each.questions],
            ]
            for each in self.tasks
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def of(self, model: Any, tokenizer: Any, *, stoppable: bool = True) -> Answered:
        """Ask a model all of them, without dropout. Raises :class:`Stopped` when asked to stop, if ``stoppable``."""
        if not self.tasks:
            return Answered()
        chat = self.document.get("chat")
        renderer = ChatRenderer.from_document(tokenizer, chat) if chat else None
        with without_dropout(model):
            # The one that the stored model answers with.
            predictor = registry.load(self.spec.model_type).Predictor(model, tokenizer, renderer)
            asked = AskedModel("the model in training", lambda: predictor, TOGETHER, Memory())
            found = Answered([(task.name, self._score(task, asked, stoppable)) for task in self.tasks])
        self._better |= {name: each.measure.better for name, each in found.figures().items()}
        return found

    def table(self, before: Answered, after: Answered) -> list[Table]:
        """Every figure before and after the training, with its interval, and what it is of; none without a task."""
        rows = []
        seed, was = self.context.seed, before.figures()
        for task, (name, scored) in zip(self.tasks, after.scored, strict=True):
            for figure in scored.figures:
                interval, _, _ = figure.interval(seed)
                ends = [rounded(interval.low), rounded(interval.high)]
                unread = 0 if figure.unread is None else int(figure.unread.sum())
                earlier = rounded(was[f"{name}/{figure.measure.metric}"].value)
                told = [figure.count, unread, sum(scored.truncated), task.loaded.source, _sha256(task)]
                rows.append([name, figure.measure.metric, earlier, rounded(figure.value), *ends, *told])
        columns = ["task", "metric", "before", "after", "low", "high", "n", "unread", "cut", "file", "sha256"]
        decimals = dict.fromkeys(["before", "after", "low", "high"], 3)
        title = "Tasks, before and after the training"
        return [Table("tasks", title, columns, rows, decimals=decimals)] if rows else []

    def _score(self, task: AskedTask, model: AskedModel, stoppable: bool) -> ScoredTask:
        def progress(done: int, total: int) -> None:
            if stoppable and self.context.stop_requested():
                raise Stopped("stopped while measuring")

        return ways.score(task.loaded.task, task.questions, model, progress)


def _read(path: str, where: str) -> ReadTask:
    try:
        data = Path(path).read_bytes()
        task = EvaluationTask.model_validate_json(data)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} is no task any more: {str(error).splitlines()[0]}", where=where, hint="`runner validate` says why"
        ) from error
    return ReadTask(task, path, hashlib.sha256(data).hexdigest())


def _sha256(task: AskedTask) -> str:
    assert isinstance(task.loaded, ReadTask)
    return task.loaded.sha256
