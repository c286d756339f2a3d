"""When a language model is measured in training, by what, and which tasks it is asked: its spec's ``evaluation``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from runner.contract import invalid, option
from runner.errors import Fault
from runner.training.evaluation_fields import Evaluation, unknown_measure

if TYPE_CHECKING:
    from runner.tasks.generation.evaluation_sections import EvaluationTask

TaskFile = Annotated[str, StringConstraints(pattern=r"\.json$", max_length=4096)]
#: The section's place in a spec of the kind.
PLACE = "evaluation"


class AskedEvaluation(Evaluation):
    """When the model is measured, which figure decides, and which tasks it is asked beside the held-out rows."""

    tasks: Annotated[list[TaskFile], Field(min_length=1, max_length=32)] | None = option(
        None,
        file=".json",
        description="Task files, as `runner evaluate --tasks` takes them: the model is asked them whenever it is "
        "measured, before and after the training too.",
        examples=[["specs/evaluation/opposites.json"]],
    )
    limit: int | None = option(
        None, ge=1, description="Ask so many rows of each task, drawn by their content; null asks all of them."
    )


def check_evaluation(spec: Any) -> None:
    """Raise pydantic's error for a section that a spec of the kind cannot have, or that has no effect in it."""
    section: AskedEvaluation = spec.evaluation
    if section.tasks is not None and not spec.speaks:
        raise invalid((PLACE, "tasks"), "void", f"a model of {spec.model_type} answers nothing: no task can be asked")
    if section.limit is not None and section.tasks is None:
        raise invalid((PLACE, "limit"), "void", "has no effect without tasks")
    if section.tasks is not None and len(set(section.tasks)) < len(section.tasks):
        raise invalid((PLACE, "tasks"), "twice", "a task is there twice")
    if section.every is not None and spec.max_steps is not None and section.every > spec.max_steps:
        raise invalid(
            (PLACE, "every"), "over_length", f"the training ends after {spec.max_steps:,} steps, which max_steps says"
        )
    if section.measure is None:
        return
    of_task = "/" in section.measure and section.tasks is not None
    if not of_task and section.measure not in spec.measures:
        beside = "" if section.tasks is not None or "/" not in section.measure else " and no task is asked (tasks)"
        raise invalid((PLACE, "measure"), "choice", unknown_measure(section.measure, spec.measures) + beside)
    if spec.keep == "last" and spec.early_stopping is None:
        raise invalid(
            (PLACE, "measure"), "void", 'has no effect: "keep": "last" stores the last weights, and nothing stops early'
        )


def task_faults(spec: Any, tasks: Iterable[EvaluationTask]) -> list[Fault]:
    """What is wrong with the tasks that a training asks, and with a measure that is to be one of theirs."""
    # Imported here: a spec is checked without the sections of tasks.
    from runner.tasks.generation.evaluation_sections import code_metrics, judged_metrics, metric_names

    section: AskedEvaluation = spec.evaluation
    place, known = f"/model/spec/{PLACE}", list[str]()
    faults, names = list[Fault](), list[str]()
    for at, task in enumerate(tasks):
        if task.name in names:
            faults.append(
                Fault(f"two tasks are called {task.name}", f"{place}/tasks/{at}", hint="give one another name")
            )
        for metric in judged_metrics(task):
            faults.append(
                Fault(
                    f"the metric {metric} of {task.name} has another model judge, and a training opens none",
                    f"{place}/tasks/{at}",
                    hint="leave the metric out, and have `runner evaluate` ask the stored model",
                )
            )
        for metric in code_metrics(task):
            faults.append(
                Fault(
                    f"the metric {metric} of {task.name} runs the code of answers, and a measurement runs none",
                    f"{place}/tasks/{at}",
                    hint="leave the metric out, and have `runner evaluate` ask the stored model",
                )
            )
        names.append(task.name)
        known += [f"{task.name}/{metric}" for metric in metric_names(task)]
    if section.measure is not None and section.measure not in (*spec.measures, *known):
        faults.append(Fault(unknown_measure(section.measure, [*spec.measures, *known]), f"{place}/measure"))
    return faults
