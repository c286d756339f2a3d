"""Task files that ask nothing, rows that cannot be asked, and models and judges that are not there."""

from __future__ import annotations

import json
from typing import Any

from tests.bad_inputs.case import Bench, Case

TALKER, SCORER = "sft/talk", "reward/talk"
ROWS = [{"word": "hot", "right": "cold", "others": ["red", "blue"], "at": 1}, {"word": "up", "right": "down"}]
LIKELY = {"by": "log_likelihood", "target": "{right}"}
SAYS = {"by": "generation", "reference": "{right}", "metrics": [{"metric": "exact_match"}]}
CODE = SAYS | {"metrics": [{"metric": "code", "tests": "{right}"}]}
CHOICES = {"by": "multiple_choice", "choices": ["right", "others"], "correct": "right"}
TEXTS = {"by": "perplexity"}


def task(answer: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A good task of ``rows.jsonl``."""
    document = {"name": "words", "data": {"dataset": "rows.jsonl"}, "prompt": "The opposite of {word}?"}
    return document | {"answer": answer} | fields


def tried(**fields: Any) -> dict[str, Any]:
    """An answer whose code is run, with other ``fields`` of the metric."""
    return CODE | {"metrics": [CODE["metrics"][0] | fields]}


def asked(name: str, code: int, document: Any, *says: str, **more: Any) -> Case:
    """An evaluation of ``models`` (the talker) on a task, with ``words`` beside; ``rows`` are the file's."""
    models, words = more.pop("models", TALKER), more.pop("words", "")
    rows, spoil = more.pop("rows", ROWS), more.pop("spoil", None)

    def prepare(bench: Bench) -> None:
        if models.startswith((TALKER, SCORER)):
            bench.furnish_talkers()
        if rows is not None:
            bench.write("rows.jsonl", rows)
        if document is not None:
            bench.write("task.json", document)
        if spoil:
            spoil(bench)

    every = ("evaluate", "--models", *models.split(), "--tasks", "task.json", *words.split())
    return Case(name=f"evaluate: {name}", code=code, words=every, says=says, prepare=prepare, **more)


def wrong(name: str, document: Any, *says: str, **more: Any) -> Case:
    """A task file that is none: told with its place before any model is looked for."""
    return asked(name, 3, document, "task.json", *says, models="sft/nobody", **more)


def unasked(name: str, answer: dict[str, Any], *says: str, **more: Any) -> Case:
    """Rows that cannot be asked: told before any model is looked for."""
    fields = more.pop("fields", {})
    return asked(name, 4, task(answer, **fields), *says, models="sft/nobody", **more)


TASKS = [
    asked("no task file", 5, None, "task.json"),
    wrong("an empty task file", "", "task.json"),
    wrong("a list of tasks", json.dumps([task(LIKELY)]), "task.json:1:1", "a JSON object"),
    wrong("rows for a task", ROWS, "task.json:2:1", "after the document"),
    wrong("a prompt without its braces", task(LIKELY, prompt="word"), "/prompt", "names no column"),
    wrong("a prompt with two pairs of braces", task(LIKELY, prompt="{{word}}?"), "/prompt", "in one pair of braces"),
    wrong("a part of no columns", task(LIKELY, data={"dataset": "rows.jsonl", "where": {}}), "/data/where", "too few"),
    wrong("several values of a part", task(LIKELY, few_shot={"k": 1, "where": {"word": ["hot"]}}), "/where/word"),
    wrong("a tolerance below nothing", task(SAYS | {"metrics": [{"metric": "numeric_match", "absolute": -1}]}), "-1"),
    wrong("no way to answer", {k: v for k, v in task(LIKELY).items() if k != "answer"}, "`answer` is missing"),
    wrong("a way that there is none of", task({"by": "loglikelihood"}), "/answer/by", "log_likelihood"),
    wrong("an unknown field of a task", task(LIKELY, promt="x"), "/promt", "prompt"),
    wrong("a metric of another way", task(CHOICES | {"metrics": ["exact_match"]}), "/answer/metrics/0"),
    wrong("a metric nearly so called", task(SAYS | {"metrics": [{"metric": "exact"}]}), "/answer/metrics/0"),
    wrong("a metric as a text", task(SAYS | {"metrics": ["exact_match"]}), "/answer/metrics/0"),
    wrong("a metric twice", task(TEXTS | {"metrics": ["bits_per_byte"] * 2}), "/answer/metrics", "twice"),
    wrong(
        "an expression of a metric that is none",
        task(SAYS | {"metrics": [{"metric": "extracted_match", "pattern": "(a"}]}),
        "/answer/metrics/0/pattern",
    ),
    wrong("choices from two places", task(CHOICES | {"texts": ["a", "b"]}), "/answer/choices", "not both"),
    wrong("one choice twice", task(CHOICES | {"choices": None, "texts": ["a", "a"]}), "/answer/texts"),
    wrong("a brace that is left open", task(LIKELY, prompt="{word"), "/prompt"),
    wrong("shown rows of a whole text", task(TEXTS, few_shot={"k": 1}), "/few_shot", "no effect"),
    wrong("a system's turn in a text", task(LIKELY, system="Be short.", chat="off"), "/system", "no effect"),
    wrong("several answers of which one is scored", task(SAYS | {"options": {"n": 3}}), "/answer/options/n"),
    wrong("code without tests", task(SAYS | {"metrics": [{"metric": "code"}]}), "`tests` is missing"),
    wrong("tests with a brace left open", task(tried(tests="{right")), "/answer/metrics/0/tests", "a lone {"),
    wrong("code without time", task(tried(timeout=0)), "/answer/metrics/0/timeout", "too small"),
    wrong("code that counts otherwise", task(tried(counts="most")), "/answer/metrics/0/counts", "unknown value"),
    wrong("no rows shown", task(LIKELY, few_shot={"k": 0}), "/few_shot/k", "at least 1"),
    wrong("a name with a slash", task(LIKELY, name="a/b"), "/name"),
    wrong("a task's rows without a name", task(LIKELY, data={}), "/data", "`dataset` is missing"),
]
ROWS_READ = [
    asked("no file of rows", 5, task(LIKELY), "/data/dataset", "rows.jsonl", models="sft/nobody", rows=None),
    unasked("rows of which none is there", LIKELY, "rows.jsonl", rows=""),
    unasked("a row that is no JSON", LIKELY, "rows.jsonl:2", rows='{"word": "hot", "right": "cold"}\n{"word": \n'),
    unasked("a column that no row has", LIKELY | {"target": "{rihgt}"}, "/answer/target", "'right'"),
    unasked("a prompt's column that no row has", LIKELY, "/prompt", "'words'", fields={"prompt": "{words}"}),
    unasked("a column without its braces", SAYS | {"reference": "right"}, "/answer/reference", "{right} stands"),
    unasked("a target without its braces", LIKELY | {"target": " right"}, "/answer/target", "{right} stands"),
    unasked("one choice", CHOICES | {"choices": ["right"]}, "fewer than two choices"),
    unasked(
        "a table of semicolons",
        LIKELY,
        "rows.csv:1",
        "data.delimiter",
        fields={"data": {"dataset": "rows.csv"}},
        spoil=lambda bench: bench.write("rows.csv", "word;right\nhot;cold\n"),
    ),
    unasked(
        "a part that no row is of",
        LIKELY,
        "not one of 2 rows is asked",
        fields={"data": {"dataset": "rows.jsonl", "where": {"word": "cold"}}},
    ),
    unasked(
        "choices counted from 1",
        CHOICES | {"correct": "at", "correct_is": "index"},
        "correct is no choice",
        "correct_is says",
        rows=[{"word": "hot", "right": "cold", "others": ["red"], "at": 2}],
    ),
    unasked("a column of tests that no row has", tried(tests="{tests}"), "/answer/metrics/0/tests", "'tests'"),
    unasked("a column of tests without its braces", tried(tests="right"), "/answer/metrics/0/tests", "{right} stands"),
    unasked("tests that are none", tried(tests="{at}"), "cell without tests (1)", "assert add(", rows=ROWS[:1]),
    unasked("a number in words", SAYS | {"metrics": [{"metric": "numeric_match"}]}, "reference without number"),
    unasked("more rows shown than there are", LIKELY, "/few_shot/k", "there are 1", fields={"few_shot": {"k": 2}}),
    unasked("a limit above all rows", LIKELY, "--limit", "2 rows can be asked", words="--limit 3"),
    unasked("more checked than asked", LIKELY, "--check-batches", "lower it", words="--check-batches 3"),
]
MODELS = [
    asked("a limit of none", 2, task(LIKELY), "--limit", "1 or more", words="--limit 0"),
    asked("a suite without its harness's name", 2, task(LIKELY), "--suite", "lm_eval:", words="--suite arc_easy"),
    asked("a folder beside no suite", 2, task(LIKELY), "--suite-path", "no suite", words="--suite-path ."),
    asked("a seed below nothing", 2, task(LIKELY), "--seed", "0 or more", words="--seed -1"),
    asked("two tasks of one name", 2, task(LIKELY), "two tasks are called words", words="task.json"),
    asked("a file for a folder", 2, task(LIKELY), "rows.jsonl", "folder", words="--output-dir rows.jsonl"),
    asked("one model twice", 2, task(LIKELY), "named twice", models=f"{TALKER} {TALKER}/v1"),
    asked(
        "an endpoint",
        2,
        task(LIKELY),
        "http://127.0.0.1:8000/v1 is the address of an endpoint, and models that lie here are opened",
        "endpoints are not evaluated",
        models="http://127.0.0.1:8000/v1",
    ),
    asked("a model that is not there", 5, task(LIKELY), "sft/nobody", models="sft/nobody"),
    asked("a model that says nothing", 5, task(LIKELY), SCORER, models=SCORER),
    asked("a router", 5, task(LIKELY), "elo_scoring/ratings", models="elo_scoring/ratings", spoil=Bench.furnish),
    asked(
        "a judge that is not there",
        5,
        task(SAYS | {"metrics": [{"metric": "reward", "model": "reward/nobody"}]}),
        "/answer/metrics/0/model",
    ),
    asked(
        "a judge that gives no rewards",
        5,
        task(SAYS | {"metrics": [{"metric": "reward", "model": TALKER}]}),
        "/answer/metrics/0/model",
        "gives no rewards",
    ),
    asked(
        "code without an engine",
        6,
        task(CODE),
        "task.json: /answer/metrics/0/metric",
        "code of answers is run in containers",
        "runner image build",
        environment={"DOCKER_HOST": "unix:///nowhere/docker.sock"},
    ),
    asked(
        "rows longer than the model", 4, task(LIKELY), "longer than the model", rows=[ROWS[0] | {"word": "x" * 4000}]
    ),
    asked("a GPU that is not here", 6, task(LIKELY), "--device", words="--device cuda"),
]
CASES: list[Case] = [*TASKS, *ROWS_READ, *MODELS]
