"""Stored language models on tasks: what is asked is read first, then every model is asked, then all are compared."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from runner import __version__
from runner.contract.quantities import counted
from runner.data.dialogues.infer_rows import AskedConversation
from runner.errors import DataError, Interrupted, Stopped, UsageError
from runner.evaluation import judges
from runner.evaluation.batch_check import checked
from runner.evaluation.evaluated_model import EvaluatedModel
from runner.evaluation.evaluation_files import check_writable, write_samples
from runner.evaluation.public_suites import MARK, check_suites, evaluate_suite
from runner.evaluation.side_by_side import compared, measured
from runner.inference.inferring import Terminated
from runner.runs.event_kinds import Event, ProgressEvent
from runner.spec.evaluation_checking import LoadedTask, load_task_file
from runner.tasks.generation.answer_metrics import metric_sections
from runner.tasks.generation.answer_metrics.figures import Figure
from runner.tasks.generation.answer_metrics.overlap import check_installed
from runner.tasks.generation.evaluation_sections import Generation
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.questions.question_rows import AskedTask, read_task
from runner.tasks.generation.scored import ways
from runner.tasks.generation.scored.asked_model import Progress
from runner.tasks.generation.scored.scored_task import ScoredTask
from runner.workspace import Workspace


@dataclass(frozen=True)
class Plan:
    """What is evaluated, and how."""

    models: Sequence[str]
    #: Tasks, or the paths of their files.
    tasks: Sequence[LoadedTask | Path]
    limit: int | None = None
    seed: int = 0
    batch_size: int = 16
    device: str = "cpu"
    #: Rows that are answered again, each alone, to see what the batch makes of them; 0 for none.
    check_batches: int = 0
    #: Whether known answers are asked for again.
    fresh: bool = False
    #: Suites of lm-evaluation-harness, ``lm_eval:TASK``, and a folder of task files for it.
    suites: Sequence[str] = ()
    suite_path: Path | None = None


@dataclass(frozen=True)
class Prepared:
    """Everything that can be wrong was looked at: models are opened, rows are read, judges are there."""

    plan: Plan
    models: list[EvaluatedModel]
    tasks: list[AskedTask]
    bench: judges.Bench
    #: The harness's own names.
    suites: list[str]


def prepare(plan: Plan, workspace: Workspace) -> Prepared:
    """Read tasks and rows, and open models and judges, before anything is asked.

    Raises :class:`SpecError` for every task file that is wrong, :class:`DataError` for rows that cannot be asked, and
    what opening a model raises.
    """
    with _ended_in_words(lambda: "nothing was asked yet, and what was answered before is kept"):
        return _prepared(plan, workspace)


def _prepared(plan: Plan, workspace: Workspace) -> Prepared:
    if not plan.tasks and not plan.suites:
        raise UsageError("nothing is asked", where="--tasks", hint="name task files, or suites with --suite")
    tasks = [read_task(loaded, plan.limit, plan.seed) for loaded in _loaded(plan.tasks)]
    suites = check_suites(plan.suites, plan.suite_path)
    for task in tasks:
        _check_metrics(task)
        if plan.check_batches > len(task.questions):
            raise DataError(
                f"{task.name} asks {len(task.questions):,} rows, and {plan.check_batches:,} are to be checked",
                where="--check-batches",
                hint="lower it",
            )
    models = [
        EvaluatedModel.open(workspace, name, device=plan.device, batch_size=plan.batch_size, fresh=plan.fresh)
        for name in plan.models
    ]
    _check_each_once(models)
    for task in tasks:
        for model in models:
            model.chats(task.loaded.task)
    bench = judges.Bench(workspace, plan.device, plan.batch_size, fresh=plan.fresh, evaluated=models)
    for task in tasks:
        for at, metric in _metrics(task):
            if isinstance(metric, metric_sections.Judged):
                field = "metric" if isinstance(metric, metric_sections.Code) else "model"
                bench.open(metric, f"{task.loaded.source}: /answer/metrics/{at}/{field}")
    return Prepared(plan, models, tasks, bench, suites)


def evaluate(prepared: Prepared, folder: Path, emit: Callable[[Event], None]) -> dict[str, Any]:
    """Ask every model every task, write the samples of each into ``folder`` as it is done, and give the document.

    What was answered is kept: after a stop the same call answers the rest alone, and ends with the same document but
    for its times. Raises :class:`Interrupted` or :class:`Stopped` for a signal, and :class:`EnvironmentProblem`
    for a folder that cannot be written, before anything is asked.
    """
    check_writable(folder)
    plan = prepared.plan
    document: dict[str, Any] = {
        "created": datetime.now().astimezone().isoformat(),
        "runner": __version__,
        "device": plan.device,
        "seed": plan.seed,
        "limit": plan.limit,
        "batch_size": plan.batch_size,
        "models": [_model_facts(model) for model in prepared.models],
        "judges": prepared.bench.references,
        "tasks": [],
    }
    with _ended_in_words(lambda: _kept(prepared)):
        for task in prepared.tasks:
            document["tasks"].append(_one(task, prepared, folder, emit))
        for name in prepared.suites:
            own = [evaluate_suite(name, model, plan.suite_path, plan.limit, emit) for model in prepared.models]
            document.setdefault("suites", []).append({"name": f"{MARK}{name}", "models": own})
    return document


@contextlib.contextmanager
def _ended_in_words(kept: Callable[[], str]) -> Iterator[None]:
    """Raise :class:`Interrupted` after Ctrl-C, :class:`Stopped` after SIGTERM, with what is kept and how to go on."""
    try:
        yield
    except (KeyboardInterrupt, Terminated) as error:
        kind, word = (Stopped, "stopped") if isinstance(error, Terminated) else (Interrupted, "interrupted")
        raise kind(f"{word}: {kept()}", hint="the same command goes on from there") from None


def _kept(prepared: Prepared) -> str:
    added = sum(model.kept.added for model in (*prepared.models, *prepared.bench.judges))
    return f"{counted(added, 'answers')} of this command {'is' if added == 1 else 'are'} kept, and those of before"


def score(task: AskedTask, model: EvaluatedModel, bench: judges.Bench, emit: Callable[[Event], None]) -> ScoredTask:
    """One model on one task."""

    own, place = task.loaded.task, f"{model.reference} on {task.name}"
    return ways.score(
        own, task.questions, model, _told(emit, place, ways.COUNTED[own.answer.by]), _Judging(bench, emit, place)
    )


def _told(emit: Callable[[Event], None], phase: str, unit: str) -> Progress:
    return lambda done, total: emit(ProgressEvent(phase=phase, unit=unit, done=done, total=total))


@dataclass(frozen=True)
class _Judging:
    """The judges at work on one model's answers to one task, which is told as it goes on."""

    bench: judges.Bench
    emit: Callable[[Event], None]
    place: str

    def figure(
        self,
        metric: metric_sections.Judged,
        questions: Sequence[Question],
        rows: Sequence[AskedConversation],
        answers: Sequence[str],
    ) -> Figure:
        work = "the code of" if isinstance(metric, metric_sections.Code) else f"{metric.model} judges"
        unit = "judgements" if isinstance(metric, metric_sections.Preferred) else "answers"
        progress = _told(self.emit, f"{work} {self.place}", unit)
        # The first of them may take a while: who is at work is told before.
        progress(0, len(answers) * (2 if unit == "judgements" else 1))
        return self.bench.figure(metric, questions, rows, answers, progress)


def _one(task: AskedTask, prepared: Prepared, folder: Path, emit: Callable[[Event], None]) -> dict[str, Any]:
    own, plan = task.loaded.task, prepared.plan
    found: list[tuple[EvaluatedModel, ScoredTask]] = []
    results, checks = [], []
    for model in prepared.models:
        model.computed = model.known = 0
        started = time.perf_counter()
        scored = score(task, model, prepared.bench, emit)
        seconds = round(time.perf_counter() - started, 3)
        samples = write_samples(folder, task.name, model.reference, scored)
        answers = {"computed": model.computed, "known_before": model.known, "seconds": seconds}
        results += measured(model.reference, scored, plan.seed)
        found.append((model, scored))
        facts = {
            "model": model.reference,
            "chat": model.chats(own),
            "answered": len(scored.records),
            "rows_dropped": {reason: len(lines) for reason, lines in scored.dropped.items()},
            "named": {reason: list(lines)[:100] for reason, lines in scored.dropped.items()},
            "truncated": sum(scored.truncated),
            "answers": answers,
            "samples": str(samples.relative_to(folder)),
        }
        if plan.check_batches:
            facts["batch_check"] = checked(task, scored, model, plan.check_batches)
        checks.append(facts)
    return {
        "name": own.name,
        "file": task.loaded.source,
        "task": own.model_dump(mode="json", by_alias=True, exclude_none=True),
        "data": task.facts(),
        "models": checks,
        "results": results,
        "comparisons": compared([(model.reference, scored) for model, scored in found], plan.seed),
    }


def _loaded(tasks: Sequence[LoadedTask | Path]) -> list[LoadedTask]:
    """The tasks, those of files read. Raises :class:`SpecError`, and :class:`UsageError` for two of one name."""
    found: dict[str, LoadedTask] = {}
    for task in tasks:
        loaded = load_task_file(task) if isinstance(task, Path) else task
        if loaded.task.name in found:
            raise UsageError(
                f"two tasks are called {loaded.task.name}",
                where=loaded.source,
                hint=f"the other is {found[loaded.task.name].source}",
            )
        found[loaded.task.name] = loaded
    return list(found.values())


def _check_each_once(models: Sequence[EvaluatedModel]) -> None:
    """Raise :class:`UsageError` for a model that is named twice, by whatever names."""
    references = [model.reference for model in models]
    twice = next((name for name in references if references.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice", where="--models", hint="leave one out")


def _check_metrics(task: AskedTask) -> None:
    for at, metric in _metrics(task):
        check_installed(metric, f"{task.loaded.source}: /answer/metrics/{at}")


def _metrics(task: AskedTask) -> list[tuple[int, metric_sections.AnswerMetric]]:
    answer = task.loaded.task.answer
    return list(enumerate(answer.metrics)) if isinstance(answer, Generation) else []


def _model_facts(model: EvaluatedModel) -> dict[str, Any]:
    manifest = model.opened.manifest
    return {
        "model": model.reference,
        "content": model.content,
        "manifest_sha256": manifest.sha256,
        "run": manifest.run,
        "template": model.template(model.converses),
    }
