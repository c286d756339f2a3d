"""What an evaluation promises, one test a promise or more."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import signal
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.errors import DataError, EnvironmentProblem, Interrupted, SpecError
from runner.evaluation.evaluating import Plan, evaluate, prepare
from runner.evaluation.network_guard import without_network
from runner.evaluation.shown_questions import shown
from tests.conftest import Desk
from tests.evaluation import task_documents as made
from tests.evaluation.task_documents import (
    CHOICES,
    LIKELY,
    NUMBERED,
    SAYS,
    TEXTS,
    Bench,
    evaluated,
    figures,
    furnish,
    result,
    samples,
    task,
    workspace,
)
from tests.holding import mark, variables, wait
from tests.talking_models import CHATS, GOES_ON, keep

#: What they ask is made once, and that takes longer than a quick test may.
pytestmark = [pytest.mark.slow, pytest.mark.warm]


def answers(document: dict[str, Any], at: int = 0) -> tuple[int, int]:
    """How many answers of a task were computed, and how many were known, over all models."""
    each = [one["answers"] for one in document["tasks"][at]["models"]]
    return sum(one["computed"] for one in each), sum(one["known_before"] for one in each)


# ---- 1: an answer is taken from the cache only where everything that decides it is the same.


def test_the_same_question_of_the_same_model_is_answered_once(bench: Bench):
    home, files = bench(
        task(CHOICES), task(SAYS, "says"), task(LIKELY, "likely"), task(TEXTS, "texts", prompt="{word}")
    )
    first, second = evaluated(home, files), evaluated(home, files)
    assert all(answers(second, at)[0] == 0 and answers(second, at)[1] > 0 for at in range(4))
    assert figures(first) == figures(second)
    assert answers(evaluated(home, files, fresh=True))[0] == answers(first)[0]


def changed_weights(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    (file,) = folder.glob("*.safetensors")
    tensors = load_file(file)
    name = sorted(tensors)[0]
    tensors[name] = tensors[name] + 0.01
    save_file(tensors, file, {"format": "pt"})


def changed_template(folder: Path) -> None:
    document = json.loads((folder / "language_model.json").read_text())
    source = document["chat"]["source"] + "{# the same, otherwise written #}"
    document["chat"] |= {"source": source, "sha256": hashlib.sha256(source.encode()).hexdigest()}
    (folder / "language_model.json").write_text(json.dumps(document))


def changed_tokenizer(folder: Path) -> None:
    document = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(document, indent=3))


@pytest.mark.parametrize("change", [changed_weights, changed_template, changed_tokenizer, None])
def test_another_model_is_never_answered_for(bench: Bench, talking: Desk, change: Any):
    home, files = bench(task(CHOICES))
    before = evaluated(home, files, [CHATS])
    folder = home / "other"
    shutil.copytree(talking.home / "models" / CHATS / "v1", folder)
    (folder / "manifest.json").unlink()
    if change is not None:
        change(folder)
    shutil.rmtree(home / "models" / CHATS)
    keep(home, CHATS, folder)
    after = evaluated(home, files, [CHATS])
    count = answers(before)[0]
    # The same bytes stored anew are the same model.
    assert answers(after) == ((0, count) if change is None else (count, 0))


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        ({"options": {"max_new_tokens": 7}}, True),
        ({"options": {"max_new_tokens": 6, "temperature": 1.0}}, True),
        ({"options": {"max_new_tokens": 6, "stop": ["e"]}}, True),
        ({"metrics": [{"metric": "contains"}]}, False),
    ],
)
def test_other_settings_are_another_question_and_other_metrics_are_not(
    bench: Bench, change: dict[str, Any], anew: bool
):
    home, files = bench(task(SAYS))
    count, _ = answers(evaluated(home, files, [CHATS]))
    files = furnish(home, home / "models", [task(SAYS | change)])
    assert answers(evaluated(home, files, [CHATS])) == ((count, 0) if anew else (0, count))


# ---- 2: offline means offline, and says who asked; a task of local files needs no hub.


def test_offline_names_who_asked_for_a_network(bench: Bench):
    home, _ = bench(task(CHOICES, data={"dataset": "hub:nobody/nothing"}), task(LIKELY, "local"))
    desk = Desk(home, {"RUNNER_CACHE_DIR": str(home / "cache")})
    refused = desk("evaluate", "--models", CHATS, "--tasks", "opposites.json", "--offline")
    assert refused.code == 6, refused.err
    assert "huggingface_hub" in refused.err and "asked for a network" in refused.err
    desk("evaluate", "--models", CHATS, "--tasks", "local.json", "--offline", "--limit", "2").ok()


def test_a_refusal_that_is_swallowed_is_told_all_the_same():
    with (
        pytest.raises(EnvironmentProblem, match=r"test_promises \(203\.0\.113\.1\) asked for a network"),
        without_network(),
        contextlib.suppress(Exception),
    ):
        socket.create_connection(("203.0.113.1", 80), timeout=1)
    with without_network():
        one, other = socket.socketpair()
        with one, other:
            assert one.send(b"x") == 1


# ---- 3: every score has n, a standard error, and how many answers could not be read or were cut.


def test_every_figure_says_how_many_and_how_sure(bench: Bench):
    home, files = bench(
        task(CHOICES), task(NUMBERED, "says"), task(LIKELY, "likely"), task(TEXTS, "texts", prompt="{word} {right}")
    )
    document = evaluated(home, files)
    for each in document["tasks"]:
        assert each["results"]
        for row in each["results"]:
            assert row["n"] == len(made.PAIRS)
            assert row["standard_error"] >= 0 and row["low"] <= row["value"] <= row["high"]
            assert {"unread", "truncated"} <= row.keys()
    said = samples(home, "says", GOES_ON)
    row = result(document, "numeric_match", GOES_ON, at=1)
    assert row["unread"] == sum("numeric_match" in each.get("unread", ()) for each in said) > 0
    assert row["truncated"] == sum(each["finish_reason"] == "length" for each in said) == len(made.PAIRS)


# ---- 4: models are compared sample by sample, and only over the same samples.


def test_models_are_compared_by_sample(bench: Bench):
    home, files = bench(task(CHOICES))
    document = evaluated(home, files)
    own = {each["id"]: each["scores"]["accuracy"] for each in samples(home, model=GOES_ON)}
    base = {each["id"]: each["scores"]["accuracy"] for each in samples(home)}
    gaps = [own[name] - base[name] for name in base]
    (row,) = [each for each in document["tasks"][0]["comparisons"] if each["metric"] == "accuracy"]
    assert (row["model"], row["baseline"]) == (f"{GOES_ON}/v1", f"{CHATS}/v1")
    assert row["difference"] == pytest.approx(sum(gaps) / len(gaps), abs=1e-6)
    assert [row[name] for name in ("wins", "ties", "losses")] == [
        sum(gap > 0 for gap in gaps),
        gaps.count(0),
        sum(gap < 0 for gap in gaps),
    ]


def test_models_that_answered_other_samples_are_not_compared(bench: Bench):
    # In a chat the template's own tokens make the long row longer than the model reads, as a text it just fits.
    long = {"word": "x" * 2030, "right": "y", "wrong": ["z"], "number": 1, "part": 0}
    home, files = bench(task(CHOICES, prompt="{word}"), lines=[*made.rows(), long])
    document = evaluated(home, files)
    (chats, goes_on) = document["tasks"][0]["models"]
    assert chats["rows_dropped"] == {"longer_than_the_model_reads": 1}
    assert chats["named"] == {"longer_than_the_model_reads": [9]}
    assert goes_on["rows_dropped"] == {}
    assert [each["refused"] for each in document["tasks"][0]["comparisons"]] == [
        "1 sample answered by one of the two models alone"
    ] * 2


# ---- 5: the exact prompt, its tokens, the template and the rows shown are in every record, and shown by a command.


@pytest.mark.parametrize("answer", [CHOICES, SAYS, LIKELY], ids=lambda answer: answer["by"])
def test_what_was_asked_is_recorded_and_shown(bench: Bench, answer: dict[str, Any]):
    home, files = bench(task(answer, few_shot={"k": 2, "seed": 1}))
    evaluated(home, files)
    asked = shown(prepare(Plan((CHATS, GOES_ON), files), workspace(home)), 3)
    assert len(asked) == 6
    for model in (CHATS, GOES_ON):
        own = [each for each in asked if each["model"] == f"{model}/v1"]
        for each, record in zip(own, samples(home, model=model), strict=False):
            same = ("id", "file", "line", "few_shot", "prompt", "prompt_ids", "template")
            assert {name: each[name] for name in same} == {name: record[name] for name in same}
            assert len(record["few_shot"]) == 2 and record["line"] not in record["few_shot"]
            assert (record["template"] is None) == (model == GOES_ON)


def test_the_command_that_shows_asks_nothing(bench: Bench):
    home, files = bench(task(LIKELY, few_shot={"k": 2, "seed": 1}))
    desk = Desk(home, {"RUNNER_CACHE_DIR": str(home / "cache")})
    ran = desk("evaluate", "--models", CHATS, "--tasks", files[0], "--show", 1).ok()
    (asked,) = shown(prepare(Plan((CHATS,), files), workspace(home)), 1)
    assert " ".join(map(str, asked["prompt_ids"])) in ran.out
    assert "shown before: lines" in ran.out and "answer 'cold': " in ran.out
    assert not (home / "evaluations").exists() and not (home / "cache" / "evaluations").exists()


# ---- 6: killed at any point and typed again, only what is missing is computed, and the end is the same.


def test_whatever_was_kept_the_rest_is_computed_and_the_end_is_the_same(bench: Bench):
    home, files = bench(task(CHOICES), task(SAYS, "says"))
    whole = evaluated(home, files, [CHATS], batch_size=4)
    records = {name: samples(home, name) for name in ("opposites", "says")}
    (kept,) = (home / "cache" / "evaluations").glob("*.jsonl")
    lines = kept.read_bytes().splitlines(keepends=True)
    total = sum(answers(whole, at)[0] for at in range(2))
    known = 0
    for at, line in enumerate(lines):
        # Killed in the middle of a line, which was not whole on the disk.
        kept.write_bytes(b"".join(lines[:at]) + line[: len(line) // 2])
        again = evaluated(home, files, [CHATS], batch_size=4)
        assert sum(answers(again, each)[0] for each in range(2)) == total - known
        assert figures(again) == figures(whole)
        assert {name: samples(home, name) for name in records} == records
        known += len(json.loads(line))
    assert known == total and len(lines) > 4


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_a_command_that_was_ended_goes_on_and_leaves_nothing_half_written(bench: Bench, number: signal.Signals):
    home, files = bench(task(CHOICES), task(SAYS, "says"))
    desk = Desk(home, {"RUNNER_CACHE_DIR": str(home / "cache")})
    words = ["evaluate", "--models", CHATS, "--tasks", *files, "--batch-size", 4, "--output-dir", "out", "--json"]
    process = replace(desk, environment=desk.environment | variables(home, "progress:8")).start_copy(*words)
    wait(mark(home).exists, process)
    process.send_signal(number)
    code = process.wait(300)
    assert code == {signal.SIGKILL: -9, signal.SIGTERM: 75, signal.SIGINT: 130}[number]
    assert len(samples(home)) == len(made.PAIRS)
    assert {path.name for path in (home / "out").rglob("*")} == {"samples", "opposites", "sft--talker--v1.jsonl"}
    again = desk(*words).ok().json
    assert answers(again, 0)[0] == 0 and answers(again, 1)[1] > 0
    assert figures(evaluated(home, files, [CHATS], batch_size=4, fresh=True)) == figures(again)


def test_ctrl_c_says_what_is_kept_and_how_to_go_on(bench: Bench):
    home, files = bench(task(CHOICES), task(SAYS, "says"))
    plan = Plan((CHATS,), files, batch_size=4)
    told = []

    def emit(event: Any) -> None:
        told.append(event)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        evaluate(prepare(plan, workspace(home)), home / "out", emit)
    (kept,) = (home / "cache" / "evaluations").glob("*.jsonl")
    count = sum(len(json.loads(line)) for line in kept.read_text().splitlines())
    assert caught.value.message == f"interrupted: {count} answers of this command are kept, and those of before"
    assert caught.value.hint == "the same command goes on from there"
    again = evaluated(home, files, [CHATS], batch_size=4)
    assert sum(answers(again, at)[1] for at in range(2)) == count == 12


# ---- 7: what a batch does to an answer is told on request.


def test_some_samples_are_answered_again_alone(bench: Bench):
    home, files = bench(task(CHOICES), task(SAYS, "says"), task(TEXTS, "texts", prompt="{word} {right}"))
    document = evaluated(home, files, batch_size=8, check_batches=5)
    for each in document["tasks"]:
        for model in each["models"]:
            check = model["batch_check"]
            assert check["samples"] == 5
            assert check.get("largest_difference", check.get("different_texts")) <= 1e-3
    with pytest.raises(DataError, match="asks 8 rows, and 9 are to be checked"):
        evaluated(home, files, check_batches=9)


# ---- 8: what is asked for is done or refused: never another number of rows, and nothing made up.


@pytest.mark.parametrize(
    ("change", "words", "message"),
    [
        ({"few_shot": {"k": 8}}, {}, "8 rows are to be shown, and there are 7"),
        ({"few_shot": {"k": 5, "where": {"part": 1}}}, {}, "5 rows are to be shown, and there are"),
        ({}, {"limit": 9}, "8 rows can be asked, and 9 are wanted"),
        ({"data": {"dataset": "rows.jsonl", "where": {"part": 3}}}, {}, "not one of 8 rows is asked"),
        (
            {"answer": CHOICES | {"correct_is": "letter"}},
            {},
            r"not one of 8 rows can be asked: correct is no choice \(8\)",
        ),
        ({"prompt": "The opposite of {wrd}?"}, {}, "no row has a column 'wrd'"),
    ],
)
def test_what_cannot_be_done_as_asked_is_refused(
    bench: Bench, change: dict[str, Any], words: dict[str, Any], message: str
):
    home, files = bench(task(CHOICES) | change)
    with pytest.raises(DataError, match=message):
        evaluated(home, files, **words)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": SAYS | {"metrics": [{"metric": "code_check"}]}}, "/answer/metrics/0/metric"),
        ({"answer": CHOICES | {"metrics": ["acuracy"]}}, "/answer/metrics/0"),
        ({"answer": TEXTS, "few_shot": {"k": 1}}, "/few_shot"),
        ({"answer": SAYS | {"options": {"n": 3, "temperature": 1.0}}}, "/answer/options/n"),
    ],
)
def test_what_would_have_no_effect_is_refused_at_its_place(bench: Bench, change: dict[str, Any], message: str):
    home, files = bench(task(CHOICES) | change)
    with pytest.raises(SpecError) as refused:
        evaluated(home, files)
    assert [fault.pointer for fault in refused.value.faults] == [message]
