"""Code of answers, tried by the tests of their rows: what it is worth, and what is told of how it ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from runner.contract.foreign_code import CodeLimits, Program, cell_tests
from runner.evaluation.evaluation_tables import remarks
from runner.evaluation.run_code import RunCode
from runner.evaluation.side_by_side import measured
from runner.tasks.generation.answer_metrics.metric_sections import Code
from runner.tasks.generation.questions.question import Question
from runner.tasks.generation.scored.scored_task import ScoredTask
from tests.conftest import Desk
from tests.evaluation.task_documents import SAYS, Bench, evaluated, result, samples, task
from tests.talking_models import CHATS

TESTS = ["assert x == 1", "assert x > 0"]
ENDED = {
    "```python\nx = 1\n```": "passed",
    "x = 2": "failed",
    "while True: pass": "timeout",
    "import os\nos.kill(os.getpid(), 9)": "killed",
}


class Told:
    """In the place of containers: programs end as they are said to, by their source."""

    def __init__(self, ends: dict[str, list[str]]) -> None:
        self.ends, self.asked = ends, list[tuple[list[Program], CodeLimits]]()

    def run(self, programs: Sequence[Program], limits: CodeLimits) -> list[list[str]]:
        self.asked.append((list(programs), limits))
        return [self.ends[each.source] for each in programs]


def question(at: int) -> Question:
    return Question("rows.jsonl", at, f"{at}?", ("x = 1",), tests={"{tests}": cell_tests(TESTS)})


@pytest.mark.parametrize(("counts", "values"), [("all", [1, 0, 0, 0]), ("share", [1, 0.5, 0, 0])])
def test_code_is_worth_what_it_passes_and_nothing_where_it_is_cut_short(counts: Any, values: list[float]):
    told = Told(
        {"a": ["passed", "passed"], "b": ["passed", "failed"], "c": ["passed", "timeout"], "d": ["killed", "passed"]}
    )
    metric = Code(metric="code", tests="{tests}", counts=counts, timeout=2, memory=128)
    questions, done = [question(at) for at in range(4)], list[int]()
    figure = RunCode(told, 3).figure(metric, questions, list(told.ends), lambda now, total: done.append(now))
    assert figure.each.tolist() == values
    assert [len(programs) for programs, _ in told.asked] == [3, 1] and done == [3, 4]
    assert {limits for _, limits in told.asked} == {CodeLimits(2, 128)}
    assert told.asked[0][0][0].tests == cell_tests(TESTS)

    scored = ScoredTask(questions, [figure], [{} for _ in questions], {}, [False] * 4)
    name = f"code({counts})"
    assert [each["code"] for each in scored.records] == [
        {name: end} for end in ("passed", "failed", "timeout", "killed")
    ]
    (row,) = measured("sft/own/v1", scored, 0)
    assert row["code"] == {"passed": 1, "failed": 1, "timeout": 1, "killed": 1}
    assert row["interval"] == ("wilson" if counts == "all" else "bootstrap")


@pytest.mark.docker
def test_answers_are_tried_in_containers(bench: Bench, engine: Any):
    """The tiny model cannot program, so that its kept answers are written anew."""
    tested = [{"word": str(at), "right": "x = 1", "tests": TESTS} for at in range(len(ENDED))]
    home, files = bench(task(SAYS | {"metrics": [{"metric": "exact_match"}]}), lines=[*tested, {"word": "none"}])
    evaluated(home, files, [CHATS])
    (kept,) = (home / "cache" / "evaluations").glob("*.jsonl")
    known: dict[str, Any] = {}
    for line in kept.read_text().splitlines():
        known |= json.loads(line)
    answers = {key: answer | {"completion": code} for (key, answer), code in zip(known.items(), ENDED, strict=True)}
    kept.write_text(json.dumps(answers) + "\n")
    metrics = [{"metric": "code", "tests": "{tests}", "timeout": 2, "memory": 128, "counts": "share"}]
    Path(files[0]).write_text(json.dumps(task(SAYS | {"metrics": metrics})))
    desk = Desk(home, {"RUNNER_CACHE_DIR": str(home / "cache")})
    document = desk("evaluate", "--models", CHATS, "--tasks", files[0], "--output-dir", "out", "--json").ok().json
    assert {each["completion"]: each["code"]["code(share)"] for each in samples(home)} == ENDED
    row = result(document, "code(share)")
    assert row["value"] == 0.375 and row["code"] == dict.fromkeys(("passed", "failed", "timeout", "killed"), 1)
    (said,) = [each for each in remarks(document["tasks"][0]) if "ran out of time" in each]
    assert said == f"{CHATS}/v1: code(share): the code of 1 of 4 answers ran out of time, and is worth 0"
