"""Which columns rows will have when a training or a task reads them: the first steps are rehearsed on a few rows."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from runner import near_names
from runner.data.hub_files import is_hub_name
from runner.errors import DataError, RunnerError
from runner.pipeline.loaded_pipeline import LoadedStep, task_of
from runner.pipeline.step_references import REFERENCE, Reference
from runner.pipeline.steps import STEPS, WHOLE
from runner.tasks.generation.questions.question_cells import columns_needed

if TYPE_CHECKING:
    from runner.pipeline.planning import PlannedStep

#: Rows of a raw file that are tried.
TRIED = 20


def check_columns(planned: Sequence[PlannedStep]) -> Iterator[tuple[str, RunnerError]]:
    """Trainings, and tasks of evaluations, that name a column which the rows of an earlier step will not have: step and
    error."""
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as scratch:
        rows: dict[str, list[dict[str, Any]]] = {}
        for each in planned:
            if each.step.verb in STEPS:
                rows[each.name] = _rehearsed(each, rows, Path(scratch) / each.name)
            elif each.step.verb == "train":
                yield from ((each.name, error) for error in _missing(each, rows))
            elif each.step.verb == "evaluate":
                yield from ((each.name, error) for error in _unasked(each, rows))


def _unasked(planned: PlannedStep, rows: Mapping[str, list[dict[str, Any]]]) -> Iterator[RunnerError]:
    """What is wrong with the columns of tasks whose rows a step makes; of other tasks the rows are read."""
    step = planned.step
    told = step.told(lambda within, name: name)
    sources = {ref.within: ref.step for ref in step.references if ref.within[-1:] == ("dataset",)}
    for at, said in enumerate(told["tasks"]):
        own = {within[2:-1]: name for within, name in sources.items() if within[:2] == ("tasks", at)}
        if not own:
            continue
        task = task_of(said, step.name).task
        shown = task.few_shot if own.get(("few_shot",)) else None
        needed = dict.fromkeys(task.data.where or (), "/data/where") | columns_needed(task)
        places = {("data",): needed, ("few_shot",): dict.fromkeys((shown and shown.where) or (), "/few_shot/where")}
        for place, columns in places.items():
            made = own.get(place)
            known = _known(rows.get(made, ())) if made is not None else []
            yield from (_error(step, f"tasks/{at}{field}", column, known, made)
                        for column, field in columns.items() if known and column not in known)  # fmt: skip


def _known(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _error(step: LoadedStep, field: str, column: str, known: Sequence[str], made: str | None) -> RunnerError:
    return DataError(
        f"there is no column {column!r} in the rows of {made!r}",
        where=f"/{'/'.join(map(str, step.place))}/{field}",
        hint=near_names.hint(column, known, f"they have: {', '.join(known)}"),
    )


def _missing(planned: PlannedStep, rows: Mapping[str, list[dict[str, Any]]]) -> Iterator[RunnerError]:
    step = planned.step
    reference = next((ref for ref in step.references if ref.within == ("data", "dataset")), None)
    if reference is None or step.spec is None:
        return
    known = _known(rows.get(reference.step, ()))
    if not known:
        return
    for pointer, column in _named_columns(step.spec.spec.data):
        if column not in known:
            yield _error(step, f"data/{pointer}", column, known, reference.step)


def _named_columns(data: Any) -> Iterator[tuple[str, str]]:
    """The columns that a data section names: those of its roles, and those of fields that are a column each."""
    columns = getattr(data, "columns", None)
    roles: dict[str, Any] = {}
    if isinstance(columns, BaseModel):
        roles = columns.model_dump()
    elif isinstance(columns, dict):
        roles = columns
    turn_keys = getattr(type(columns), "NO_COLUMNS", ())
    for role, column in roles.items():
        if isinstance(column, str) and role not in turn_keys:
            yield f"columns/{role}", column
    for name in ("split_column", "group_column", "time_column"):
        if isinstance(column := getattr(data, name, None), str):
            yield name, column


def _rehearsed(planned: PlannedStep, rows: Mapping[str, list[dict[str, Any]]], scratch: Path) -> list[dict[str, Any]]:
    """A few rows as the step makes them; none where a few are not enough to tell."""
    step = planned.step
    try:
        given = _given(step.references, step.body, rows)
        if step.verb in ("split", "dedupe") or not given:
            return given
        scratch.mkdir()
        source, out = scratch / "in.jsonl", scratch / "out"
        source.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8", errors="replace")
        out.mkdir()
        told = {name: value for name, value in step.body.items() if name != "input"}
        options = STEPS[step.verb].options.model_validate_json(json.dumps(told))
        report = STEPS[step.verb].run({WHOLE: source}, options, out)
        made = []
        for name in report.parts.values():
            made += [json.loads(line) for line in (out / name).read_text(encoding="utf-8").splitlines()]
        return made
    except (RunnerError, OSError, ValueError):
        # A few rows can be too few. What is wrong with all of them is told where they are read.
        return []


def _given(
    references: Sequence[Reference], body: Any, rows: Mapping[str, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    source = body["input"]
    if isinstance(source, dict) and REFERENCE in source:
        return rows.get(references[0].step, [])
    if is_hub_name(source):
        return []
    from runner.pipeline.steps.raw_rows import raw_rows

    first = itertools.islice(raw_rows(source, body.get("encoding"), body.get("delimiter")), TRIED)
    return [raw.value for raw in first if raw.fault is None]
