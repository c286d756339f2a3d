"""Questions on texts that cannot be learned from, windows that cannot go on, and questions that nobody can answer."""

from __future__ import annotations

from typing import Any

from tests.bad_inputs.case import Bench, Case

CONTEXT = "The market opens at seven and closes at noon."


def _question(text: str = "noon", start: Any = 40, **cells: Any) -> dict[str, Any]:
    answers = {"text": [text], "answer_start": [start]}
    return {"context": CONTEXT, "question": "When does it close?", "answers": answers} | cells


def _spec(**fields: Any) -> dict[str, Any]:
    own = {"model_type": "extractive_qa", "base_model_name": "runner/tiny-bert", "max_length": 96, "doc_stride": 16}
    return {"model": {"name": "answers", "spec": own | fields}, "data": {"dataset": "rows.jsonl"}, "epochs": 1}


def _refused_rows(name: str, rows: list[Any], *says: str) -> Case:
    """Rows that a training refuses."""

    def prepare(bench: Bench) -> None:
        bench.write("rows.jsonl", rows)
        bench.write("spec.json", _spec() | {"run": {"executor": "local"}})

    return Case(f"questions: {name}", 4, ("train", "--spec-file", "spec.json"), says, prepare, leaves="failed")


def _refused_spec(name: str, document: dict[str, Any], *says: str) -> Case:
    """A spec that ``validate`` refuses."""

    def prepare(bench: Bench) -> None:
        bench.write("rows.jsonl", [_question()] * 8)
        bench.write("spec.json", document)

    return Case(f"questions: {name}", 3, ("validate", "spec.json"), says, prepare)


CASES = [
    _refused_spec("windows that never go on", _spec(max_length=64, doc_stride=64), "/model/spec/doc_stride", "room"),
    _refused_spec(
        "a question that fills the window",
        _spec(max_length=64, max_question_length=64),
        "/model/spec/max_question_length",
        "no room",
    ),
    _refused_spec("an answer of no token", _spec(max_answer_length=0), "/model/spec/max_answer_length"),
    _refused_rows("answers that are elsewhere", [_question("dusk")] * 4, "answer_not_in_context", "'dusk'"),
    _refused_rows("answers of questions without one", [_question(is_impossible=True)] * 4, "answer_of_impossible"),
    _refused_rows("questions without a context", [{"question": "When?", "answers": []}] * 4, "context"),
    _refused_rows("fewer starts than texts", [_question(answers={"text": ["a", "b"], "answer_start": [1]})], "uneven"),
]
