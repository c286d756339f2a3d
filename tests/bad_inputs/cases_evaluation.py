"""Measurements that cannot be made in a training, and tasks that cannot be asked there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.bad_inputs.case import Bench, Case
from tests.bad_inputs.language_materials import answer, lacking, language, question, trained, wrong

PLACE = "/model/spec/evaluation"
TASK = {
    "name": "sums",
    "data": {"dataset": "sums.jsonl"},
    "prompt": "{question}",
    "answer": {"by": "log_likelihood", "target": "{answer}"},
}
SAYS = {"by": "generation", "reference": "{answer}", "metrics": [{"metric": "preferred", "model": "sft/judge"}]}
CODE = SAYS | {"metrics": [{"metric": "code", "tests": "assert {answer}"}]}


def measured(section: dict[str, Any], kind: str = "sft", **settings: Any) -> dict[str, Any]:
    return language(kind, evaluation=section, **settings)


def asked(measure: str | None = None, files: tuple[str, ...] = ("sums.json",), **settings: Any) -> dict[str, Any]:
    section: dict[str, Any] = {"tasks": list(files)}
    return measured(section | ({} if measure is None else {"measure": measure}), **settings)


def task(rows: int = 4, **fields: Any) -> Callable[[Bench], object]:
    """A task file, and a file of rows beside it."""

    def lay(bench: Bench) -> None:
        bench.write("sums.jsonl", [{"question": question(at), "answer": answer(at)} for at in range(rows)])
        bench.write("sums.json", TASK | fields)

    return lay


def twins(bench: Bench) -> None:
    task()(bench)
    bench.write("again.json", TASK)


CASES: list[Case] = [
    wrong(
        "a measure that there is none of",
        measured({"measure": "lossy"}),
        f"{PLACE}/measure",
        "'lossy' is not measured: did you mean 'loss'? there are loss, perplexity, token_accuracy",
    ),
    wrong(
        "a measure of another kind",
        measured({"measure": "perplexity"}, "reward"),
        f"{PLACE}/measure",
        "'perplexity' is not measured: there are log_loss, accuracy, margin",
    ),
    wrong(
        "a measure of a task where none is asked",
        measured({"measure": "sums/perplexity"}),
        f"{PLACE}/measure",
        "and no task is asked (tasks)",
    ),
    wrong(
        "a measure that nothing goes by",
        measured({"measure": "perplexity"}, keep="last"),
        f"{PLACE}/measure",
        'has no effect: "keep": "last" stores the last weights, and nothing stops early',
    ),
    wrong(
        "a measurement after the last step",
        measured({"every": 3}),
        f"{PLACE}/every",
        "the training ends after 2 steps, which max_steps says",
    ),
    wrong("a limit of no task", measured({"limit": 3}), f"{PLACE}/limit", "has no effect without tasks"),
    wrong(
        "a task for a model that answers nothing",
        asked(kind="reward"),
        f"{PLACE}/tasks",
        "a model of reward answers nothing: no task can be asked",
    ),
    wrong(
        "a measure that no task gives",
        asked("sums/accuracy"),
        f"{PLACE}/measure",
        "'sums/accuracy' is not measured: ",
        "sums/greedy_match",
        spoil=task(),
    ),
    wrong(
        "a task that another model judges",
        asked(),
        f"{PLACE}/tasks/0",
        "the metric preferred(sft/judge) of sums has another model judge, and a training opens none",
        spoil=task(answer=SAYS),
    ),
    wrong(
        "a task that runs code",
        asked(),
        f"{PLACE}/tasks/0",
        "the metric code(all) of sums runs the code of answers, and a measurement runs none",
        spoil=task(answer=CODE),
    ),
    wrong("two tasks of one name", asked(files=("sums.json", "again.json")), f"{PLACE}/tasks/1", "sums", spoil=twins),
    trained("a task that is not there", 5, asked(), f"{PLACE}/tasks/0: sums.json", "there is no such file"),
    trained(
        "a task with a field that there is none of",
        3,
        asked(),
        "sums.json:",
        "/promt",
        spoil=task(promt="{question}"),
    ),
    trained(
        "a task whose rows are not there",
        5,
        asked(),
        "/data/dataset: none.jsonl",
        spoil=task(data={"dataset": "none.jsonl"}),
    ),
    lacking(
        "a task whose rows cannot be asked",
        asked(),
        "/data",
        "not one of 4 rows is asked: none has the values of `where`",
        quick=True,
        spoil=task(data={"dataset": "sums.jsonl", "where": {"question": "?"}}),
    ),
    lacking(
        "patience without a row held out",
        language(early_stopping={"patience": 1}, data={"validation_split": 0}),
        "/model/spec/early_stopping",
        "nothing ends the training early: no row is held out that loss could be measured on",
    ),
    lacking(
        "measured after the last step of an epoch",
        measured({"every": 90}, max_steps=None),
        f"{PLACE}/every",
        "is 90, and the training has 5 steps",
    ),
]
