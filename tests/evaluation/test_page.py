"""The tables and the page of a comparison's document, whatever is in it."""

from __future__ import annotations

import copy
from html.parser import HTMLParser

import pytest

from runner.evaluation.compare_page import page
from runner.evaluation.compare_tables import markdown, reason, text
from runner.tasks.ranking import comparing, groups
from runner.tasks.ranking.ranks import side_by_side


class FakeEntry:
    """What the measure asks of an entry."""

    def __init__(self, label: str, board: list[dict]) -> None:
        self.label, self.tables = label, {"leaderboard": board}

    def as_dict(self) -> dict:
        return {
            "label": self.label,
            "state": "trained",
            "task": "ranking",
            "model_type": "elo_scoring",
            "error": None,
            "warnings": [],
            "bytes": 2_500_000,
            "fit_seconds": 3.2,
        }


def document(made, names=("plain/one", "reader/two", "reader/<b>&|three")) -> dict:
    data = made.some(400, seed=2, groups=["<i>one</i>", "two"] * 6)
    answers = [made.answer(data, at, reads=at > 0) for at in range(len(names))]
    board = [{"model": name, "score": at, "low": at - 1.5, "high": at + 1.5} for at, name in enumerate(data.models)]
    entries = [FakeEntry(name, board) for name in names]
    table = comparing.measure(entries, answers, [1.0] * len(names), data, seed=1)
    place = [row["label"] for row in table].index
    failed = {"label": "gone/<script>", "state": "failed", "task": "ranking", "model_type": "elo_scoring",
              "warnings": ["<doubt>"], "error": {
        "error": "data", "message": "no <rows>\x1b[31m", "where": "/data", "hint": "more"}}  # fmt: skip
    return {
        "created": "2026-01-01T00:00:00Z", "interrupted": False, "code": "abc", "device": "cpu",
        "data": {"section": {"dataset": "x|y", "max_samples": None}, "record": {"rows_read": 400}, "fingerprint": "f"},
        "models": [*table, failed],
        "tasks": {"ranking": {
            "held_out": {"comparisons": 400, "decided": 200, "prompts": 12, "models": list(data.models), "left_out": 3,
                         "left_out_models": {"<rare>": ["plain/one"]}},
            "table": table,
            "leaderboards": side_by_side(dict.fromkeys(names, board), data.models),
            "groups": groups.by_group(list(names), answers, [place(name) for name in names], data, 1),
            "win_rates": groups.win_rates(data, data.models),
        }},
    }  # fmt: skip


class Reader(HTMLParser):
    """Checks that tags close in the order they open, and keeps headings and text."""

    VOID = ("meta", "br", "link")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_well_formed_and_escapes_every_name(made):
    reader = Reader()
    reader.feed(page(document(made)))
    assert reader.open == []
    assert not reader.tags & {"script", "b", "i", "rare", "rows", "doubt"}
    for shown in ("reader/<b>&|three", "<i>one</i>", "gone/<script>", "no <rows>\\x1b[31m", "<doubt>", "<rare>"):
        assert shown in reader.text
    for heading in ("Where reading the prompt pays", "Leaderboards side by side", "Calibration", "Who beats whom"):
        assert heading in reader.text


@pytest.mark.parametrize("left_out", ["groups", "leaderboards", "win_rates", "table"])
def test_a_section_without_matter_is_left_out(made, left_out):
    shown = copy.deepcopy(document(made))
    shown["tasks"]["ranking"][left_out] = [] if left_out == "table" else None
    Reader().feed(page(shown))
    assert text(shown) and markdown(shown)
    nothing = shown | {"tasks": {}, "interrupted": True}
    assert "interrupted" in page(nothing)
    assert "gone/<script>" in text(nothing)


def test_the_tables_hold_every_model_at_any_width(made):
    shown = document(made)
    for width in (60, 80, 120, 200):
        lines = text(shown, width).splitlines()
        assert max(map(len, lines)) <= width
        for name in ("accuracy", "log loss", "ms/1k pairs", "size"):
            assert sum(name in line.split("  ") or f" {name}" in line for line in lines) >= 1
        assert not any("\x1b" in line for line in lines)
    table = [line for line in markdown(shown).splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {10}


def test_the_faults_of_a_spec_that_failed_are_told(made):
    faults = [{"pointer": "/epochs", "message": "too small"}, {"pointer": "/data/seed", "message": "wrong type"}]
    error = {"error": "spec", "message": "the spec has 2 faults", "where": None, "faults": faults}
    assert reason({"state": "failed", "error": error}) == (
        "failed (spec): the spec has 2 faults (/epochs: too small; /data/seed: wrong type)"
    )
