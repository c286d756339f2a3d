"""Standard streams that are closed, full, of another encoding, or that nobody reads: success stays success."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Desk
from tests.examples import example

STORED = "least_squares_scoring/{}/v1"
#: A locale whose encoding has nothing but ASCII, and is not silently taken for UTF-8.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def nobody_reads() -> int:
    """The writing end of a pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def run(desk: Desk, *words: object, closed: str = "", **streams: Any) -> subprocess.CompletedProcess[str]:
    """A command with these streams; ``closed`` is a shell's words for those that are closed, such as ``>&-``."""
    command = ["bash", "-c", f'exec "$@" {closed}', "-", *desk.command(*words)]
    where = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    try:
        return subprocess.run(command, cwd=desk.home, env=desk.variables, text=True, timeout=120, **where)
    finally:
        for stream in streams.values():
            os.close(stream)


def spec(desk: Desk, **changes: Any) -> Path:
    document = example("least_squares_scoring", **changes)
    document["data"] = document["data"] | {"max_samples": 300}
    return desk.write("spec.json", document)


def stored(desk: Desk) -> list[str]:
    return [row["model"] for row in desk("models", "--json").ok().json["models"]]


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize(
    ("closed", "streams"),
    [("", nobody_reads), ("", full), ("2>&-", None)],
    ids=["nobody reads", "a full disk", "closed"],
)
def test_a_training_does_not_need_standard_error(desk: Desk, closed: str, streams: Callable[[], int] | None) -> None:
    more = {"stderr": streams()} if streams else {}
    done = run(desk, "train", "--spec-file", spec(desk), "--executor", "local", closed=closed, **more)
    assert done.returncode == 0
    (model,) = stored(desk)
    assert f"stored as {model.removesuffix('/v1')}" in done.stdout


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize(
    ("closed", "streams", "said"),
    [("", full, "no space left"), (">&-", None, "it is closed"), ("", nobody_reads, None)],
    ids=["a full disk", "closed", "nobody reads"],
)
def test_a_model_that_is_stored_is_a_success_without_standard_output(
    desk: Desk, closed: str, streams: Callable[[], int] | None, said: str | None
) -> None:
    more = {"stdout": streams()} if streams else {}
    done = run(desk, "train", "--spec-file", spec(desk), "--executor", "local", "--json", closed=closed, **more)
    assert done.returncode == 0, done.stderr
    (model,) = stored(desk)
    if said is not None:
        assert f"stored as {model}; standard output cannot be written: {said}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("words", [("schema",), ("runs", "list", "--json"), ("models",)], ids=" ".join)
def test_a_result_that_cannot_be_written_is_an_error(desk: Desk, words: tuple[str, ...]) -> None:
    for closed, streams in (("", {"stdout": full()}), (">&-", {})):
        done = run(desk, *words, closed=closed, **streams)
        assert done.returncode == 6
        assert "standard output cannot be written" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.warm
def test_a_failure_keeps_its_code_whoever_reads(desk: Desk) -> None:
    bad, good = desk.write("bad.json", "{}"), spec(desk)
    for words in (("validate", bad), ("validate", good, bad), ("validate", bad, "--json"), ("validate", bad, bad)):
        both = nobody_reads()
        assert run(desk, *words, stdout=both, stderr=os.dup(both)).returncode == 3
    assert run(desk, "validate", bad, "--json", stdout=full()).returncode == 3
    assert run(desk, "runs", "show", "nothing", closed=">&- 2>&-").returncode == 5


@pytest.mark.parametrize(
    ("words", "code"),
    [(("train",), 2), (("validate",), 2), (("spec", "fix"), 2), (("validate", "/"), 5)],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_standard_input_that_is_closed_is_a_usage_error(desk: Desk, words: tuple[str, ...], code: int) -> None:
    done = run(desk, *words, closed="<&-")
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr


def test_standard_input_that_cannot_be_read_is_told(desk: Desk) -> None:
    done = run(desk, "train", stdin=os.open("/dev/null", os.O_WRONLY))
    assert (done.returncode, done.stderr) == (6, "error: <stdin>: cannot be read: Bad file descriptor\n")


def test_letters_that_the_encoding_lacks_are_escaped_and_json_stays_the_same_document(tmp_path: Path) -> None:
    name = "日本 \U0001f680 é.json"
    desk = Desk(tmp_path, {"PYTHONIOENCODING": "ascii"})
    desk.write(name, example("least_squares_scoring"))
    done = desk("validate", name, "--json").ok()
    assert done.json["source"] == name
    assert r"\u65e5\u672c \ud83d\ude80 \u00e9.json: a valid spec" in desk("validate", name).ok().out
    refused = desk("validate", f"not {name}")
    assert refused.code == 5
    assert "there is no such file" in refused.err


@pytest.mark.slow
@pytest.mark.warm
def test_the_scores_of_an_llm_whose_name_the_encoding_lacks(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"q{n}", "response_a": "x", "response_b": "y", "winner": "model_a" if n % 3 else "model_b"}
        | {"model_a": "gpt \U0001f680", "model_b": "größer"}
        for n in range(30)
    ]
    desk = Desk(tmp_path, {"PYTHONIOENCODING": "ascii"})
    desk.write("data.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    document = example("least_squares_scoring") | {"data": {"dataset": "data.jsonl"}}
    document["model"]["spec"]["min_model_occurrences"] = 0
    desk.write("spec.json", document)
    trained = desk("train", "--spec-file", "spec.json", "--executor", "local").ok()
    assert r"gpt \ud83d\ude80" in trained.out
    asked = ("infer", "--model", document["model"]["name"], "--prompts", "hi", "--output-path", "-")
    assert set(desk(*asked).ok().json) == {"gpt \U0001f680", "größer"}
    assert set(desk(*asked, "--output-format", "jsonl").ok().json["scores"]) == {"gpt \U0001f680", "größer"}
    assert run(desk, *asked, stdout=full()).returncode == 6
    assert run(desk, *asked, "--output-format", "jsonl", stdout=nobody_reads()).returncode == 0


def test_a_name_that_no_file_can_have_here_is_found_before_training(tmp_path: Path) -> None:
    desk = Desk(tmp_path, ASCII)
    document = example("least_squares_scoring")
    document["model"]["name"] = "日本"
    refused = desk("train", "--executor", "local", "--json", stdin=json.dumps(document))
    assert (refused.code, refused.json["where"]) == (6, "/model/name")
    assert "C.UTF-8" in refused.json["hint"]
    document = example("least_squares_scoring") | {"data": {"dataset": "größer.jsonl"}}
    refused = desk("train", "--executor", "local", "--json", stdin=json.dumps(document))
    assert (refused.code, refused.json["where"]) == (6, "/data")
    assert not (tmp_path / "runs").exists()
