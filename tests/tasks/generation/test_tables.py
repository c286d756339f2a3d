"""How the training of a language model ends: what tasks were worth before and after."""

from __future__ import annotations

from runner.runs.event_kinds import read_event
from runner.tracking.event_words import sentence
from runner.tracking.final_table import final_table

COLUMNS = ["task", "metric", "before", "after", "low", "high", "n", "unread", "cut", "file", "sha256"]


def test_every_figure_of_a_task_has_a_line():
    row = ["sums", "exact_match", 0.0151, 0.3125, 0.214, 0.43, 64, 0, 1, "sums.json", "0" * 64]
    one = ["says", "chrf", None, 12.0, None, None, 1, 0, 0, "says.json", "0" * 64]
    tables = {"tasks": {"name": "tasks", "title": "Tasks", "columns": COLUMNS, "rows": [row, one]}}
    text = final_table("sft", {"loss": 1.5, "n_validation": 8}, tables, "sft/own")
    assert "sums/exact_match 0.312, 95 % interval [0.214, 0.430], over 64 rows; 0.015 before the training" in text
    assert "says/chrf 12.000, over 1 row; - before the training" in text
    assert "before the training" not in final_table("sft", {"loss": 1.5, "n_validation": 8}, {}, "sft/own")


def test_patience_by_step_is_of_measurements():
    fields = {"t": 1.0, "event": "stopped_early", "done": 15, "total": 24, "unit": "steps", "min_delta": 0.0}
    assert sentence(read_event(fields | {"patience": 2})) == (
        "stopped early at step 15 of 24: no improvement for 2 measurements"
    )
