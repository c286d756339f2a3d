"""The verbs of the steps of data: what they print, what they refuse, and what ``clean`` takes away."""

from __future__ import annotations

import json

import pytest

from runner.execution.plan_document import PlanDocument
from runner.runs.run_folder import Run
from tests.conftest import Desk

ROWS = [{"question": f"What is {n} and {n}?", "answer": 2 * n} for n in range(20)]


@pytest.fixture
def desk(tmp_path) -> Desk:
    there = Desk(tmp_path)
    there.write("raw.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS))
    return there


def test_a_step_prints_one_document(desk):
    told = desk("data", "process", "raw.jsonl", "one", "--json").ok().json
    assert (told["rows_read"], told["rows_written"], told["already_done"]) == (20, 20, False)
    assert told["files"]["data.jsonl"]["rows"] == 20 and told["changed"] == {"number_as_text": 20}
    assert desk("data", "process", "raw.jsonl", "one", "--json").ok().json["already_done"]
    told = desk("data", "split", "one", "--store-as", "sums", "--json").ok().json
    assert told["stored_as"] == "dataset/sums/v1" and told["new_version"]
    (listed,) = desk("data", "list", "--json").ok().json["datasets"]
    assert listed["rows"] == {"train": 16, "validation": 2, "test": 2} and listed["steps"] == ["process", "split"]
    told = desk("data", "stats", "dataset/sums", "--json").ok().json
    assert told["parts"]["train"]["rows"] == 16 and told["asked_in_both"] == {}
    assert not (desk.home / "models" / "dataset" / "sums" / "v1" / "_step.json").exists()


def test_a_style_with_quotes_and_dollars_is_taken_as_it_stands(desk):
    desk("data", "process", "raw.jsonl", "one").ok()
    style = 'Say "$HOME" `now` \\n $(date)'
    desk("data", "style", "one", "two", "--style", style).ok()
    (desk.home / "style.txt").write_text(style + "\n")
    desk("data", "style", "one", "three", "--style-file", "style.txt").ok()
    for name in ("two", "three"):
        rows = [json.loads(line) for line in (desk.home / name / "data.jsonl").read_text().splitlines()]
        assert {row["system"] for row in rows} == {style}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["process", "none.jsonl", "out"], 5, "raw.jsonl"),
        (["process", "raw.jsonl"], 2, "--store-as"),
        (["process", "~nobody-is-called-so/raw.jsonl", "out"], 5, "home"),
        (["render", "raw.jsonl", "out", "--template", "~nobody-is-called-so/a.jinja"], 5, "home"),
        (["process", "raw.jsonl", "out", "--columns", "{user"], 2, "not JSON"),
        (["process", "raw.jsonl", "out", "--columns", '{"usr": "x"}'], 3, "/columns/usr"),
        (["process", "raw.jsonl", "out", "--columns", '{"user": "Frage"}'], 4, "no_user"),
        (["process", "raw.jsonl", "out", "--keep", "topic"], 4, "no_kept_column"),
        (["process", "raw.jsonl", "out", "--encoding", "utf-99"], 4, "utf-99"),
        (["process", "raw.jsonl", "raw.jsonl"], 5, "is there"),
        (["style", "raw.jsonl", "out"], 2, "--style"),
        (["style", "raw.jsonl", "out", "--style", "x", "--style-file", "y"], 2, "--style"),
        (["style", "raw.jsonl", "out", "--style-file", "none.txt"], 5, "none.txt"),
        (["style", "raw.jsonl", "out", "--style", "x"], 4, "no turns"),
        (["split", "raw.jsonl", "out", "--ratios", '{"train": 0.5}'], 3, "/ratios"),
        (["split", "raw.jsonl", "out", "--ratios", "[1]"], 2, "not a JSON object"),
        (["split", "raw.jsonl", "out", "--stratify", "topic"], 4, "topic"),
        (["dedupe", "raw.jsonl", "out", "--near", "2"], 3, "/near"),
        (["dedupe", "raw.jsonl", "out", "--by", "rows"], 2, "rows"),
        (["render", "raw.jsonl", "out", "--format", "llama"], 4, "model"),
        (["render", "raw.jsonl", "out", "--model", "./none", "--format", "llama"], 5, "none"),
        (["stats", "dataset/none"], 5, "dataset/none"),
        (["store", ".", "mine"], 2, "no step made"),
        (["store", "raw.jsonl", "mine"], 2, "no step made"),
        (["remove"], 2, "dataset/NAME"),
        (["remove", "dataset/none"], 5, "nothing is stored"),
        (["process", "raw.jsonl", "out", "--store-as", "a/b"], 2, "path separator"),
    ],
)
def test_mistakes_are_told_and_leave_nothing(desk, words, code, said):
    ran = desk("data", *words)
    assert ran.code == code, ran.err
    assert said in ran.err and "Traceback" not in ran.err and "bug" not in ran.err
    assert sorted(path.name for path in desk.home.iterdir() if path.name != "cache") == ["raw.jsonl"]


def test_data_sets_are_removed_once_it_is_said(desk):
    desk("data", "process", "raw.jsonl", "--store-as", "a").ok()
    desk("data", "process", "raw.jsonl", "--store-as", "a", "--system", "Be kind.").ok()
    assert "--yes removes 2 versions" in desk("data", "remove", "dataset/a").ok().out
    assert len(desk("data", "list", "--json").json["datasets"]) == 2
    desk("data", "remove", "dataset/a/v1", "--yes").ok()
    assert [each["name"] for each in desk("data", "list", "--json").json["datasets"]] == ["dataset/a/v2"]


def test_what_an_open_run_reads_stays(desk):
    desk("data", "process", "raw.jsonl", "--store-as", "a").ok()
    prepared = {"dataset": {"reference": "dataset/a/v1", "sha256": "0"}}
    plan = PlanDocument(model_type="sft", name="x", executor="local", cwd="/", cache="/cache", prepared=prepared)
    run = Run.create(desk.home / "runs", "x", {"plan": plan, "spec": {}})
    ran = desk("data", "remove", "dataset/a", "--yes")
    assert ran.code == 5 and run.id in ran.err
    told = desk("clean", "datasets", "--yes", "--json").ok().json
    assert told["removed"] == [] and told["kept"][0]["name"] == "dataset/a/v1"


def test_clean_shows_first_and_never_takes_what_no_step_made(desk):
    # The original's emptied adapters and outputs without a question.
    desk("data", "process", "raw.jsonl", "data/one").ok()
    desk("data", "process", "raw.jsonl", "data/two").ok()
    desk("data", "process", "raw.jsonl", "--store-as", "kept").ok()
    desk.write("data/two/notes.txt", "mine")
    (desk.home / "inference_outputs").mkdir()
    desk.write("inference_outputs/answers.json", "{}")
    shown = desk("clean", "--json").ok().json
    assert not shown["done"] and [each["name"] for each in shown["would_remove"]] == ["data/one"]
    assert "notes.txt" in shown["kept"][0]["why"] and (desk.home / "data" / "one").is_dir()
    desk("clean", "--yes").ok()
    assert sorted(path.name for path in (desk.home / "data").iterdir()) == ["two"]
    assert (desk.home / "raw.jsonl").exists() and (desk.home / "inference_outputs" / "answers.json").exists()
    assert [each["name"] for each in desk("data", "list", "--json").json["datasets"]] == ["dataset/kept/v1"]
    desk("clean", "outputs", "datasets", "models", "runs", "--yes").ok()
    assert not list((desk.home / "inference_outputs").iterdir())
    assert desk("data", "list", "--json").json["datasets"] == []
    ran = desk("clean", "everything")
    assert ran.code == 2 and "Traceback" not in ran.err
