"""Task files: what is published is what is enforced, and every fault is told at its place."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from runner.data.text_templates import TemplateFault, columns_of, filled, only_column
from runner.errors import SpecError
from runner.spec.evaluation_checking import load_task
from runner.spec.json_schemas import evaluation_task
from tests.conftest import ROOT, Desk

EXAMPLES = sorted((ROOT / "specs" / "evaluation").glob("*.json"))
GOOD: dict[str, Any] = {
    "name": "sums",
    "data": {"dataset": "sums.jsonl"},
    "prompt": "How much is {a} plus {b}?",
    "answer": {"by": "generation", "reference": "{sum}", "metrics": [{"metric": "exact_match"}]},
}
CHOICE: dict[str, Any] = {"by": "multiple_choice", "choices": ["wrong", "right"], "correct": "right"}


def faults(document: dict[str, Any]) -> dict[str, str]:
    """Each fault's message by its pointer."""
    with pytest.raises(SpecError) as refused:
        load_task(json.dumps(document, indent=2), "task.json")
    assert all(fault.line for fault in refused.value.faults)
    return {fault.pointer: f"{fault.message} {fault.hint or ''}".strip() for fault in refused.value.faults}


def answer(**fields: Any) -> dict[str, Any]:
    return GOOD | {"answer": GOOD["answer"] | fields}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_validate_by_code_and_schema(path):
    task = load_task(path.read_bytes(), str(path)).task
    assert task.name == path.stem
    jsonschema.Draft202012Validator(evaluation_task()).validate(json.loads(path.read_text()))
    assert (ROOT / task.data.dataset).exists()


def test_every_fault_is_told_at_once_and_at_its_place():
    found = faults(GOOD | {"promt": "x", "few_shot": {"k": 0, "seeds": 1}, "answer": {"by": "generatoin"}})
    assert found == {
        "/promt": 'unknown field did you mean "prompt"?',
        "/few_shot/k": "too small",
        "/few_shot/seeds": 'unknown field did you mean "seed"?',
        "/answer/by": 'unknown value did you mean "generation"?',
    }


def test_a_misspelt_field_is_one_fault():
    document = {name: value for name, value in GOOD.items() if name != "prompt"} | {"promt": "{a}"}
    assert faults(document) == {"/promt": 'unknown field did you mean "prompt"?'}


@pytest.mark.parametrize(
    ("document", "pointer", "message"),
    [
        (answer(metrics=[{"metric": "exact_mach"}]), "/answer/metrics/0/metric", "exact_match"),
        (answer(metrics=[]), "/answer/metrics", "too few items"),
        (answer(metrics=[{"metric": "f1"}, {"metric": "f1"}]), "/answer/metrics", "the metric f1 is there twice"),
        (answer(metrics=[{"metric": "extracted_match", "pattern": "("}]), "/answer/metrics/0/pattern", "no regular"),
        (answer(reference="{sum"), "/answer/reference", "a lone {"),
        (answer(options={"n": 2, "temperature": 1.0}), "/answer/options/n", "one answer is scored"),
        (answer(options={"top_k": 2}), "/answer/options/top_k", "no token is drawn"),
        (answer(options={"system": "x"}), "/answer/options/system", "the task's own field"),
        (GOOD | {"prompt": "{}"}, "/prompt", "no column"),
        (GOOD | {"name": "a/b"}, "/name", "not in this form"),
        (GOOD | {"chat": "off", "system": "Be brief."}, "/system", "has no effect"),
        (GOOD | {"answer": CHOICE | {"texts": ["a", "b"]}}, "/answer/choices", "and not both"),
        (GOOD | {"answer": {"by": "multiple_choice", "texts": ["a", "a"], "correct": "c"}}, "/answer/texts", "twice"),
        (GOOD | {"answer": {"by": "perplexity"}, "few_shot": {"k": 1}}, "/few_shot", "has no effect"),
        (GOOD | {"answer": {"by": "perplexity"}, "chat": "on"}, "/chat", "has no effect"),
    ],
)
def test_what_cannot_be_meant_is_refused(document, pointer, message):
    found = faults(document)
    assert list(found) == [pointer]
    assert message in found[pointer]


def test_templates_have_cells_where_columns_stand():
    assert columns_of("{a} and {a} {{not this}} {b c}") == ["a", "b c"]
    assert filled("{a} {{x}} {b}", {"a": "{b}", "b": "1"}) == "{b} {x} 1"
    assert (only_column("{a}"), only_column("{a} "), only_column("a")) == ("a", None, None)
    with pytest.raises(TemplateFault, match="lone } at character 3"):
        columns_of("a }")


def test_validate_and_schema_know_tasks(desk: Desk):
    good, bad = desk.write("good.json", GOOD), desk.write("bad.json", GOOD | {"promt": ""})
    assert "a valid task, answered by generation" in desk("validate", good).ok().out
    assert desk("validate", bad).code == 3
    assert desk("schema", "evaluation-task").ok().json == evaluation_task()


def test_columns_are_called_columns():
    with pytest.raises(SpecError) as refused:
        load_task(json.dumps(GOOD | {"answer": {"by": "multiple_choice", "choices": "options"}}), "task.json")
    expected = {fault.message: fault.expected or "" for fault in refused.value.faults}
    assert expected["`correct` is missing"] == "the name of a column"
    assert "a list of names of columns" in expected["not one of the allowed values"]
