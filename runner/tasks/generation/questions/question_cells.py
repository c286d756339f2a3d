"""The cells of a row as a task needs them: texts, lists of texts, and which choice is right."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from runner.contract.foreign_code import CodeTest, cell_tests
from runner.data.dialogues.cell_values import missing, structure, without_nulls
from runner.data.text_templates import columns_of, filled, only_column
from runner.tasks.generation.answer_metrics.matching import wants_number
from runner.tasks.generation.answer_metrics.metric_sections import Code
from runner.tasks.generation.answer_metrics.number_reading import last_number
from runner.tasks.generation.evaluation_sections import EvaluationTask, Generation, LogLikelihood, MultipleChoice


class Unasked(Exception):
    """Why a row cannot be asked, as it is counted, such as ``missing_cell``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def prompt_of(task: EvaluationTask, row: Mapping[str, Any]) -> str:
    """The prompt of a row. Raises :class:`Unasked`."""
    return _filled(task.prompt, row)


def answers_of(task: EvaluationTask, row: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    """The answers of a row, and which of them is right. Raises :class:`Unasked`."""
    if isinstance(task.answer, MultipleChoice):
        choices = list(task.answer.texts) if task.answer.texts else _choices(task.answer.choices or [], row)
        if len(choices) < 2:
            raise Unasked("fewer_than_two_choices")
        if len(set(choices)) < len(choices):
            raise Unasked("choice_twice")
        return tuple(choices), _correct(task.answer, choices, row)
    if isinstance(task.answer, LogLikelihood):
        return (_filled(task.answer.target, row),), 0
    if isinstance(task.answer, Generation):
        references = _references(task.answer.reference, row)
        numbers = any(wants_number(metric) for metric in task.answer.metrics)
        if numbers and any(last_number(reference) is None for reference in references):
            raise Unasked("reference_without_number")
        return references, 0
    return (), 0


def tests_of(task: EvaluationTask, row: Mapping[str, Any]) -> dict[str, tuple[CodeTest, ...]]:
    """What the code of an answer to a row is tried by, by the ``tests`` of a metric. Raises :class:`Unasked`."""
    if not isinstance(task.answer, Generation):
        return {}
    return {metric.tests: _tests(metric.tests, row) for _, metric in _trying(task.answer)}


def columns_needed(task: EvaluationTask) -> dict[str, str]:
    """The columns that a task reads, each with the pointer of the field that names it."""
    found = dict.fromkeys(columns_of(task.prompt), "/prompt")
    answer = task.answer
    if isinstance(answer, MultipleChoice):
        found = {answer.correct: "/answer/correct"} | found
        found |= {name: f"/answer/choices/{at}" for at, name in enumerate(answer.choices or ())}
    for field, text in answer_templates(task).items():
        found = dict.fromkeys(columns_of(text), f"/answer/{field}") | found
    return found


def answer_templates(task: EvaluationTask) -> dict[str, str]:
    """The templates of the right answer and of tests by field; none where a choice or a text is the answer."""
    if isinstance(task.answer, LogLikelihood):
        return {"target": task.answer.target}
    if not isinstance(task.answer, Generation):
        return {}
    tests = {f"metrics/{at}/tests": metric.tests for at, metric in _trying(task.answer)}
    return {"reference": task.answer.reference} | tests


def _trying(answer: Generation) -> list[tuple[int, Code]]:
    """The metrics that run code, each with its place."""
    return [(at, metric) for at, metric in enumerate(answer.metrics) if isinstance(metric, Code)]


def _tests(template: str, row: Mapping[str, Any]) -> tuple[CodeTest, ...]:
    column = only_column(template)
    if column is None:
        return cell_tests(_filled(template, row))
    value = row.get(column)
    if missing(value) or value == "":
        raise Unasked("missing_cell")
    try:
        return cell_tests(without_nulls(structure(value)))
    except ValueError:
        raise Unasked("cell_without_tests") from None


def _filled(template: str, row: Mapping[str, Any]) -> str:
    text = filled(template, {name: _text(row.get(name)) for name in columns_of(template)})
    if not text.strip():
        raise Unasked("missing_cell")
    return text


def _text(value: Any) -> str:
    if missing(value) or value == "":
        raise Unasked("missing_cell")
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return json.dumps(value)
    raise Unasked("cell_without_text")


def _texts(value: Any) -> list[str]:
    """Of a list, or its JSON, the items; of a text itself."""
    value = structure(value)
    return [_text(item) for item in value] if isinstance(value, list | tuple) else [_text(value)]


def _choices(columns: list[str], row: Mapping[str, Any]) -> list[str]:
    return [text for name in columns for text in _texts(row.get(name))]


def _references(template: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    column = only_column(template)
    found = _texts(row.get(column)) if column is not None else [_filled(template, row)]
    if not found:
        raise Unasked("missing_cell")
    return tuple(found)


def _correct(answer: MultipleChoice, choices: list[str], row: Mapping[str, Any]) -> int:
    value = _text(row.get(answer.correct))
    if answer.correct_is == "text":
        at = choices.index(value) if value in choices else -1
    elif answer.correct_is == "index":
        at = int(value) if value.isascii() and value.isdigit() else -1
    else:
        letter = value.strip().upper()
        at = ord(letter) - ord("A") if len(letter) == 1 and letter.isascii() and letter.isalpha() else -1
    if not 0 <= at < len(choices):
        raise Unasked("correct_is_no_choice")
    return at
