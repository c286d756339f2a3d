"""``runner compare``: several specs on one split, through the road that every run takes."""

from __future__ import annotations

import json
import signal
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import ROOT, Desk
from tests.holding import held


def spec(kind: str, name: str | None = None, data: dict | None = None, **fields: Any) -> dict:
    """A kind's own example, with other fields."""
    document = json.loads((ROOT / "specs" / f"{kind}.json").read_text())
    document["model"]["spec"] |= fields
    document["model"]["name"] = name or document["model"]["name"]
    return document | ({"data": data} if data else {})


DATA = {"dataset": "sample", "max_samples": 500, "validation_split": 0.3, "seed": 7}
SKEWED = {"dataset": "skewed.parquet", "validation_split": 0.3, "seed": 7}
#: Every LLM of ``skewed`` but two has more comparisons than this.
LEAST = 60


def skewed(folder: Path) -> None:
    """A part of the sample in which two LLMs are rare."""
    table = pq.read_table(ROOT / "runner" / "data" / "comparisons" / "sample" / "comparisons.parquet").slice(0, 900)
    a, b = (np.array(table[name].to_pylist()) for name in ("model_a", "model_b"))
    names = sorted({*a, *b})
    rare = np.isin(a, names[:2]) | np.isin(b, names[:2])
    kept = ~rare | (np.cumsum(rare) <= 40)
    pq.write_table(table.filter(pa.array(kept)), folder / "skewed.parquet")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Desk, dict]:
    """Three cheap kinds, one of them with a filter that drops LLMs, and one spec that cannot be trained."""
    desk = Desk(tmp_path_factory.mktemp("compare"))
    skewed(desk.home)
    specs = [
        spec("elo_scoring", data=SKEWED, min_model_occurrences=1) | {"epochs": 2},
        spec("least_squares_scoring", data=SKEWED, min_model_occurrences=LEAST),
        spec("bradley_terry_scoring", data=SKEWED, min_model_occurrences=1, regularization=0.1),
        spec("elo_scoring", "none-left", data=SKEWED, min_model_occurrences=10_000) | {"epochs": 1},
    ]
    files = [desk.write(f"{at}.json", each) for at, each in enumerate(specs)]
    seen = desk("compare", *files, "--executor", "local", "--output-dir", "out", "--json")
    assert seen.code == 1, seen.err
    return desk, seen.json


def rows(document: dict) -> dict[str, dict]:
    return {row["label"]: row for row in document["models"]}


def test_all_are_measured_on_the_comparisons_whose_llms_all_know(compared):
    desk, document = compared
    held = document["tasks"]["ranking"]["held_out"]
    table = document["tasks"]["ranking"]["table"]
    assert {row["label"] for row in table} == {
        "elo_scoring/elo", "least_squares_scoring/least-squares", "bradley_terry_scoring/bradley-terry",
    }  # fmt: skip
    assert {row["n_validation"] for row in table} == {held["comparisons"]}
    strict = rows(document)["least_squares_scoring/least-squares"]
    manifest = json.loads((desk.home / "models" / strict["model"] / "manifest.json").read_text())
    known = {row["model"] for row in manifest["tables"]["leaderboard"]}
    assert set(held["models"]) == known
    assert held["left_out_models"]
    assert all(labels == [strict["label"]] for labels in held["left_out_models"].values())
    assert held["left_out"] > 0


def test_where_the_filter_is_the_strictest_the_metrics_are_those_of_the_manifest(compared):
    desk, document = compared
    strict = rows(document)["least_squares_scoring/least-squares"]
    manifest = json.loads((desk.home / "models" / strict["model"] / "manifest.json").read_text())
    for name in (
        "accuracy",
        "log_loss",
        "calibration_error",
        "n_decided",
        "temperature",
    ):
        assert strict[name] == pytest.approx(manifest["metrics"][name], abs=1e-12), name
    # The draws are the same, but the prompts are numbered with those in between that the filter drops.
    for name in ("accuracy_low", "accuracy_high"):
        assert strict[name] == pytest.approx(manifest["metrics"][name], abs=0.03)
    assert strict["calibration"] == manifest["tables"]["calibration"]


def test_the_best_is_first_and_the_others_are_paired_with_it(compared):
    _, document = compared
    table = document["tasks"]["ranking"]["table"]
    assert [row["accuracy"] for row in table] == sorted((row["accuracy"] for row in table), reverse=True)
    assert [row["best"] for row in table] == [True, False, False]
    for row in table:
        gap = row["versus_best"]
        assert gap["value"] == pytest.approx(row["accuracy"] - table[0]["accuracy"])
        assert row["tied_with_best"] == (gap["low"] <= 0 <= gap["high"])
        assert row["log_loss_low"] <= row["log_loss"] <= row["log_loss_high"]
        assert row["fit_seconds"] >= 0 and row["inference_ms_per_1000_pairs"] > 0 and row["bytes"] > 0


def test_what_cannot_be_trained_is_told_and_the_others_go_on(compared):
    desk, document = compared
    lost = rows(document)["elo_scoring/none-left"]
    assert lost["state"] == "failed" and lost["error"]["where"] == "/model/spec/min_model_occurrences"
    assert "no comparison is left" in (desk.home / "out" / "comparison.md").read_text()
    assert "no comparison is left" in (desk.home / "out" / "comparison.html").read_text()


def test_the_same_filter_for_all_makes_them_agree_with_their_manifests(desk):
    skewed(desk.home)
    files = [desk.write("a.json", spec("elo_scoring")), desk.write("b.json", spec("least_squares_scoring"))]
    words = ("--data", "skewed.parquet", "--max-samples", 500, "--seed", 7, "--validation-split", 0.3, "--epochs", 1)
    seen = desk("compare", *files, *words, "--min-model-rows", 30, "--executor", "local", "--json").ok().json
    section = {name: value for name, value in seen["data"]["section"].items() if value is not None}
    assert section == SKEWED | {"max_samples": 500, "max_rows_lost": 0.5}
    for row in seen["tasks"]["ranking"]["table"]:
        manifest = json.loads((desk.home / "models" / row["model"] / "manifest.json").read_text())
        assert manifest["spec"]["model"]["spec"]["min_model_occurrences"] == 30
        assert row["accuracy"] == pytest.approx(manifest["metrics"]["accuracy"], abs=1e-12)
        assert row["log_loss"] == pytest.approx(manifest["metrics"]["log_loss"], abs=1e-12)
        assert manifest["epochs"] in (1, None)
    # What both drop is left out, and nobody is to blame alone.
    held = seen["tasks"]["ranking"]["held_out"]
    assert held["left_out_models"]
    assert all(len(labels) == 2 for labels in held["left_out_models"].values())
    assert (desk.home / seen["files"][0]).parent.parent == desk.home / "comparisons"


def test_reuse_takes_what_is_stored_and_trains_what_differs(compared):
    desk, document = compared
    files = [desk.home / "0.json", desk.write("fewer.json", spec("elo_scoring", "fewer", data=SKEWED) | {"epochs": 1})]
    again = desk("compare", *files, "--reuse", "--executor", "local", "--output-dir", "again", "--json").ok().json
    was, found = rows(document)["elo_scoring/elo"], rows(again)
    assert {label: row["state"] for label, row in found.items()} == {
        "elo_scoring/elo": "reused",
        "elo_scoring/fewer": "trained",
    }
    assert found["elo_scoring/elo"]["model"] == was["model"]
    assert found["elo_scoring/elo"]["fit_seconds"] == was["fit_seconds"]
    assert len(list((desk.home / "models" / "elo_scoring" / "elo").glob("v*"))) == 1


def test_specs_of_other_data_are_refused_with_every_place(desk):
    files = [
        desk.write("a.json", spec("elo_scoring", data=DATA)),
        desk.write("b.json", spec("least_squares_scoring", data=DATA | {"seed": 8, "max_samples": None})),
    ]
    seen = desk("compare", *files, "--executor", "local")
    assert seen.code == 2
    assert f"/data/max_samples: 500 in {files[0]}; null in {files[1]}" in seen.err
    assert f"/data/seed: 7 in {files[0]}; 8 in {files[1]}" in seen.err
    assert "/data/validation_split" not in seen.err
    assert not (desk.home / "runs").exists()


def test_every_fault_of_every_spec_before_anything_is_trained(desk):
    files = [desk.write("a.json", spec("elo_scoring")), desk.write("b.json", spec("elo_scoring") | {"epoch": 1})]
    seen = desk("compare", *files, desk.home / "none.json", "--data", "sample")
    assert seen.code == 3 and "b.json:" in seen.err and "none.json" in seen.err
    assert desk("compare", "--data", "sample").code == 2
    held_nothing = desk("compare", files[0], "--data", "sample", "--validation-split", 0)
    assert held_nothing.code == 4 and "nothing is held out" in held_nothing.err
    assert not (desk.home / "runs").exists()


@pytest.mark.slow
def test_one_that_names_another_is_trained_after_it(desk):
    child = {"model": {"name": "child", "start_state": "elo"}, "epochs": 1, "data": DATA}
    files = [desk.write("b.json", child), desk.write("a.json", spec("elo_scoring", data=DATA) | {"epochs": 1})]
    seen = desk("compare", *files, "--executor", "local", "--json").ok().json
    assert set(rows(seen)) == {"elo_scoring/child", "elo_scoring/elo"}
    manifest = json.loads((desk.home / "models" / "elo_scoring" / "child" / "v1" / "manifest.json").read_text())
    assert manifest["parent"] == "elo_scoring/elo/v1"
    assert not any(row["warnings"] for row in seen["models"])
    # A parent that was trained on another split may have seen what is held out here: that is said.
    alone = desk("compare", files[0], "--seed", 8, "--executor", "local", "--json").ok().json
    assert "other data" in alone["models"][0]["warnings"][0]


@pytest.mark.slow
def test_ctrl_c_leaves_what_is_done_and_reuse_goes_on(desk):
    files = [
        desk.write("a.json", spec("least_squares_scoring", data=DATA)),
        desk.write("b.json", spec("elo_scoring", data=DATA) | {"epochs": 4}),
        desk.write("c.json", spec("bradley_terry_scoring", data=DATA)),
    ]
    words = ("compare", *files, "--executor", "local", "--output-dir", "out")
    process = held(desk, *words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert b"--reuse" in said and b"Traceback" not in said
    document = json.loads((desk.home / "out" / "comparison.json").read_text())
    assert document["interrupted"]
    assert [row["state"] for row in document["models"]] == ["trained", "not trained", "not trained"]
    assert document["tasks"]["ranking"]["table"][0]["accuracy"] > 0
    desk.write("b.json", spec("elo_scoring", data=DATA) | {"epochs": 1})
    again = desk(*words, "--reuse", "--json").ok().json
    assert {row["label"].split("/")[0]: row["state"] for row in again["models"]} == {
        "least_squares_scoring": "reused", "elo_scoring": "trained", "bradley_terry_scoring": "trained",
    }  # fmt: skip


class Reader(HTMLParser):
    """What a page has: headings, and everything that it would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.fetched: list[str] = []
        self._in = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in = tag
        self.fetched += [
            value or "" for name, value in attrs if name in ("src", "href") and not (value or "").startswith("#")
        ]
        assert tag != "script"

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "h2":
            self.headings.append(data)


def test_the_page_has_its_sections_and_fetches_nothing(compared):
    desk, _ = compared
    reader = Reader()
    reader.feed((desk.home / "out" / "comparison.html").read_text())
    assert reader.headings == [
        "Results", "Leaderboards side by side", "Calibration", "Who beats whom", "Not measured", "Data",
    ]  # fmt: skip
    assert reader.fetched == []
