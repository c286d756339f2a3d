"""The task ``spans``: the piece of a text that answers a question on it, or that there is none."""

from __future__ import annotations

from runner.contract import Measure, Task
from runner.tasks.spans.options import SpanOptions

TASK = Task(
    name="spans",
    package=__name__,
    measures=(
        Measure("f1", "F1 of the answers' words", "F1", 3, interval=True),
        Measure("exact_match", "Exact match", "exact", 3, interval=True),
        Measure("has_answer_f1", "F1 of questions with an answer", "F1 with", 3),
        Measure("has_answer_exact_match", "Exact match of questions with an answer", "exact with", 3),
        Measure("no_answer_accuracy", "Questions without an answer that are told as such", "none told", 3),
    ),
    options=SpanOptions,
    held_out_noun="questions",
    models_noun="Answerers",
)
