"""The page of a run: its structure, its escaping, that it is self-contained, and every state that a run can be in."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.contract import Table
from runner.errors import EnvironmentProblem, NotFoundError
from runner.tracking.recorded_run import read
from runner.tracking.run_page import write_report
from tests.pages.page_reader import HOSTILE, Page


def make_run(
    path: Path,
    state: str = "succeeded",
    llms: int = 12,
    epochs: int = 20,
    name: str = "fixture",
    kind: str = "dense_network",
) -> Path:
    """A run directory with made-up content of a realistic shape."""
    path.mkdir(parents=True)
    random = np.random.default_rng(0)
    model = {"model_type": kind, "hidden_dims": [256, 128, 64], "optimizer": {"optimizer_type": "adamw"}}
    spec = {"spec_version": 1, "model": {"name": name, "spec": model}, "data": {"dataset": "sample"}, "epochs": epochs}
    write(path / "spec.json", spec)
    start = 1_790_000_000.0
    skipped = {"empty response": 61, "unknown winner": 12, "roles out of order": 3}
    record = {"rows_read": 4076, "rows_kept": 4000, "skipped": skipped, "train": 3200, "validation": 800}
    events = [
        {"t": start, "event": "started", "model_type": kind, "name": name, "device": "cpu", "seed": 42},
        {"t": start + 1, "event": "data", "record": record},
        {"t": start + 2, "event": "warning", "message": "gpt-4 never lost", "pointer": "/data/dataset"},
    ]
    events += [
        {"t": start + 3 + i / 80, "event": "progress", "done": i, "total": 1200, "unit": "texts"}
        for i in range(0, 1201, 100)
    ]
    best = max(1, round(epochs * 0.7))
    for epoch in range(1, epochs + 1):
        reached = 0.86 - 0.25 * math.exp(-epoch / 4) - 0.002 * max(0, epoch - best) + random.normal(0, 0.003)
        metrics = {"train_loss": 0.02 + 0.11 * math.exp(-epoch / 5), "accuracy": reached}
        events.append(
            {"t": start + 20 + epoch * 1.5, "event": "epoch", "epoch": epoch, "epochs": epochs, "metrics": metrics}
            | {"best": epoch <= best}
        )
    end = start + 24 + epochs * 1.5
    document = {"state": state, "created": start - 2, "started": start - 1, "executor": "docker"}
    if state == "succeeded":
        events.append({"t": end, "event": "finished"})
        document |= {"ended": end, "exit_code": 0, "model": f"{kind}/{name}/v1"}
        metrics = {"accuracy": 0.8625, "accuracy_low": 0.839, "accuracy_high": 0.885, "log_loss": 0.3312}
        metrics |= {"calibration_error": 0.0214, "n_validation": 800, "tie_accuracy": 0.41, "temperature": 0.231}
        write(path / "result.json", {"metrics": metrics, "epochs": epochs, "best_epoch": best})
        write(path / "tables.json", tables(llms))
    elif state == "failed":
        error = {"error": "out of memory", "exit_code": 137, "message": "the run used more than its 2 GiB"}
        error |= {"where": "/run/memory", "hint": "lower batch_size, or raise run.memory"}
        events.append({"t": end, "event": "failed", "error": error})
        document |= {"ended": end, "exit_code": 137, "failure": error}
    elif state == "interrupted":
        document |= {"ended": end, "note": "the process that supervised it is gone"}
    elif state == "cancelled":
        document |= {"ended": end, "exit_code": 75}
    write(path / "state.json", document)
    (path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (path / "log.txt").write_text("loading\nepoch 1\n" + "a line\n" * 5)
    packages = {"torch": "2.13.0", "numpy": "2.4.6", "transformers": "5.23.0"}
    hardware = {"cpu": "x86_64, 2 cores", "memory": "8 GiB", "gpu": None}
    lock = {"spec_hash": "9f2c" * 16, "data_fingerprint": "01ab" * 16, "image": "sha256:" + "77de" * 16, "seed": 42}
    write(path / "lock.json", lock | {"device": "cpu", "packages": packages, "hardware": hardware})
    return path


def tables(llms: int) -> dict[str, object]:
    random = np.random.default_rng(1)
    score = np.sort(random.normal(0, 0.3, llms))[::-1]
    half = random.uniform(0.03, 0.2, llms)
    board = [
        {"model": f"model-{i:03d}" if i % 4 else f"organisation/a-rather-long-name-of-a-model-{i:03d}-instruct-q4"}
        | {"score": score[i], "low": score[i] - half[i], "high": score[i] + half[i] * 0.8}
        | {"comparisons": 900 - i, "wins": 500 - i, "losses": 300, "ties": 100}
        for i in range(llms)
    ]
    middle = np.arange(0.05, 1, 0.1)
    bins = [
        {"low": m - 0.05, "high": m + 0.05, "predicted": m + 0.01, "observed": m - 0.03 * math.sin(6 * m), "count": c}
        for m, c in zip(middle, [90, 70, 60, 44, 30, 35, 50, 66, 80, 95], strict=True)
    ]
    bins.append({"low": 1.0, "high": 1.0, "predicted": None, "observed": None, "count": 0})
    rows = [("bradley_terry_scoring", 0.702), ("elo_scoring", 0.688), ("least_squares_scoring", 0.7)]
    keys = ("model_type", "accuracy", "accuracy_low", "accuracy_high", "log_loss", "calibration_error")
    others = [dict(zip(keys, (kind, at, at - 0.03, at + 0.03, 0.58, 0.031), strict=True)) for kind, at in rows]
    return {"leaderboard": board, "calibration": bins, "baselines": others}


def write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document))


def page_of(run: Path) -> tuple[str, Page]:
    text = write_report(run, run.parent / "page.html").read_text(encoding="utf-8")
    return text, Page(text)


def test_a_finished_run_has_every_section(tmp_path: Path) -> None:
    _, page = page_of(make_run(tmp_path / "run"))
    assert page.sections() == [
        "Results", "Beside prompt-agnostic models", "Curves", "Leaderboard", "Calibration", "Warnings", "Data",
        "Spec", "Lock", "Timeline", "Log",
    ]  # fmt: skip
    ids = {attrs.get("id") for _, attrs in page.elements}
    links = [attrs["href"] for tag, attrs in page.elements if tag == "a"]
    assert len(links) == 11
    assert all(link is not None and link[1:] in ids for link in links)
    for fact in (
        "0.863",
        "0.839 to 0.885",
        "dense_network/fixture/v1",
        "docker",
        "0 (done)",
        "55 s",
        "gpt-4 never lost",
    ):
        assert fact in page.text
    assert "epoch 14, the one kept" in page.text
    assert "dashed: bradley_terry_scoring" in page.text


def make_length_run(path: Path) -> Path:
    """The run of a model that predicts lengths."""
    make_run(path, kind="simple_length_prediction")
    metrics = {"relative_accuracy": 0.529, "relative_accuracy_low": 0.427, "relative_accuracy_high": 0.615}
    metrics |= {"mae_tokens": 25.1, "mae_tokens_low": 21.5, "mae_tokens_high": 28.9, "total_ratio": 0.868}
    metrics |= {"mean_ratio": 1.133, "log_r2": 0.088, "n_validation": 282}
    write(path / "result.json", {"metrics": metrics, "epochs": 2, "best_epoch": 2})
    mean = {"model_type": "mean of each LLM", "relative_accuracy": -0.1, "mae_tokens": 27.5, "log_r2": 0.0}
    none = {"model_type": "not measured", "relative_accuracy": None}
    listed = [
        {"model": "long-winded", "responses": 13, "mean_actual": 201.0, "mean_predicted": 210.0, "mae_tokens": 66.0},
        {"model": "unheard", "responses": 0, "mean_actual": None, "mean_predicted": None, "mae_tokens": None},
    ]
    groups = [
        {"predicted": 2.0**at, "actual": 2.2**at, "actual_low": 1.9**at, "actual_high": 2.4**at, "count": 28}
        for at in range(10)
    ]
    write(path / "tables.json", {"baselines": [mean, none], "lengths": listed, "length_calibration": groups})
    events = [
        {"t": 1_790_000_000.0 + at, "event": "epoch", "epoch": at, "epochs": 2, "best": True}
        | {"metrics": {"train_loss": 1 / at, "relative_accuracy": 0.3 * at, "mae_tokens": 50.0 / at}}
        for at in (1, 2)
    ]
    (path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_a_length_models_page_is_about_lengths(tmp_path: Path) -> None:
    text, page = page_of(make_length_run(tmp_path / "run"))
    assert page.sections() == [
        "Results", "Beside prompt-agnostic models", "Curves", "Lengths by LLM", "Predicted and actual lengths", "Spec",
        "Lock", "Timeline", "Log",
    ]  # fmt: skip
    for fact in (
        "Relative accuracy", "95 % interval 0.427 to 0.615", "without the prompt: -0.100", "25.10", "21.50 to 28.90",
        "without the prompt: 27.50", "0.868", "282", "mean ratio", "dashed: mean of each LLM",
    ):  # fmt: skip
        assert fact in page.text
    for word in ("Pairwise accuracy", "Log loss", "Calibration error", "comparisons,"):
        assert word not in page.text
    beside = text[text.index('id="beside-prompt-agnostic-models"') : text.index('id="curves"')]
    order = [beside.index(name) for name in ("(this run)", "mean of each LLM", "not measured")]
    assert order == sorted(order), "an unmeasured model is last, even below a negative one"
    drawn = next(plot for plot in re.findall(r"<svg.*?</svg>", text) if "Predicted and actual lengths" in plot)
    ElementTree.fromstring(drawn)
    assert drawn.count('class="point"') == 10
    assert drawn.count('class="whisker"') == 10


def test_every_plot_has_a_title_and_every_epoch_a_point(tmp_path: Path) -> None:
    text, _ = page_of(make_run(tmp_path / "run", epochs=20))
    plots = re.findall(r"<svg.*?</svg>", text)
    assert len(plots) > 15
    for plot in plots:
        ElementTree.fromstring(plot)
        assert "<title>" in plot or 'aria-hidden="true"' in plot
    loss = next(plot for plot in plots if "Training loss" in plot)
    assert loss.count('class="point"') == 20
    assert loss.count('class="best"') == 1


def test_a_loss_beside_that_of_training_is_the_one_on_held_out_rows(tmp_path: Path) -> None:
    path = make_run(tmp_path / "run", epochs=3)
    events = [json.loads(line) for line in (path / "events.jsonl").read_text().splitlines()]
    for event in events:
        if event["event"] == "epoch":
            event["metrics"]["loss"] = 0.5
    (path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    text, _ = page_of(path)
    assert text.count("<h3>Training loss</h3>") == 1
    assert text.count("<h3>Loss on held-out rows</h3>") == 1


def test_rows_are_in_order_and_this_run_is_brought_out(tmp_path: Path) -> None:
    text, _ = page_of(make_run(tmp_path / "run", llms=150))
    board = text[text.index('id="leaderboard"') : text.index('id="calibration"')]
    assert re.findall(r"model-(\d{3})", board) == [f"{i:03d}" for i in range(150)]
    own = re.findall(r'<tr class="own">(.*?)</tr>', text)
    assert any("dense_network (this run)" in row for row in own)


@pytest.mark.parametrize("state", ["pending", "running", "succeeded", "failed", "cancelled", "interrupted"])
def test_every_state_has_a_page(tmp_path: Path, state: str) -> None:
    _, page = page_of(make_run(tmp_path / "run", state))
    assert state in page.text
    assert len(page.has("span", "badge")) == 1
    advice = "runner train --resume run" in page.text
    assert advice == (state in {"failed", "interrupted"})
    if state == "failed":
        assert len(page.has("div", "panel")) == 1
        for part in ("out of memory", "/run/memory", "lower batch_size", "137 (killed)"):
            assert part in page.text


def test_an_empty_directory_has_a_page(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    _, page = page_of(run)
    assert page.sections() == []
    assert "unknown" in page.text


@pytest.mark.parametrize("missing", ["spec", "state", "lock", "result", "tables"])
def test_any_file_may_be_missing_or_torn(tmp_path: Path, missing: str) -> None:
    run = make_run(tmp_path / "run")
    whole = len(page_of(run)[1].sections())
    path = run / f"{missing}.json"
    path.write_text(path.read_text()[:-20])
    torn = page_of(run)[1].sections()
    path.unlink()
    assert page_of(run)[1].sections() == torn
    assert len(torn) < whole or missing in {"state", "result"}


def test_hostile_names_are_text(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", name=HOSTILE)
    told = tables(3)
    for rows in told.values():
        for row in rows:  # type: ignore[attr-defined]
            row |= {"model": HOSTILE, "model_type": HOSTILE}
    write(run / "tables.json", told)
    write(run / "lock.json", {HOSTILE: HOSTILE, "packages": {HOSTILE: "1"}, "counts": {HOSTILE: 3}})
    faults = [{"pointer": HOSTILE, "message": HOSTILE, "hint": HOSTILE}]
    failure = {"error": HOSTILE, "message": HOSTILE, "where": HOSTILE, "hint": HOSTILE, "faults": faults}
    write(run / "state.json", {"state": HOSTILE, "exit_code": HOSTILE, "model": HOSTILE, "failure": failure})
    events = [
        {"t": 1, "event": "started", "model_type": HOSTILE, "device": HOSTILE, "seed": HOSTILE},
        {"t": 2, "event": "data", "record": {HOSTILE: HOSTILE, "skipped": {HOSTILE: 3}}},
        {"t": 3, "event": "warning", "message": HOSTILE, "pointer": HOSTILE},
        {"t": 4, "event": "progress", "done": 1, "unit": HOSTILE},
        {"t": 5, "event": "epoch", "epoch": 1, "metrics": {HOSTILE: 0.5, "accuracy": 0.5}},
        {"t": 6, "event": HOSTILE},
    ]
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    (run / "log.txt").write_text(HOSTILE)
    text, page = page_of(run)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object", "link"}
    assert not any(key.startswith("on") for _, attrs in page.elements for key in attrs)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert page.text.count('alert("x")') > 20


def test_the_page_asks_nothing_of_a_network(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    spec = json.loads((run / "spec.json").read_text()) | {"$schema": "https://example.org/schema.json"}
    write(run / "spec.json", spec)
    _, page = page_of(run)
    assert not {"script", "link", "img", "iframe", "image", "use"} & {tag for tag, _ in page.elements}
    for _, attrs in page.elements:
        assert not {"src", "srcset", "xlink:href", "action", "data"} & set(attrs)
        assert (attrs.get("href") or "#").startswith("#")
    style = "".join(data for tag, data in page.texts if tag == "style")
    assert "url(" not in style
    assert "@import" not in style
    policy = [attrs["content"] for tag, attrs in page.elements if tag == "meta" and "http-equiv" in attrs]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_a_resumed_run_tells_each_epoch_once(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", epochs=3)
    again = {"t": 1_790_000_100, "event": "epoch", "epoch": 3, "epochs": 3, "metrics": {"accuracy": 0.5}, "best": False}
    with (run / "events.jsonl").open("a") as events:
        events.write(json.dumps(again) + "\n" + '{"t": 1790000101, "event": "fini')
    recorded = read(run)
    assert sorted(recorded.epochs) == [1, 2, 3]
    assert recorded.epochs[3] == {"accuracy": 0.5}


def test_a_folder_gets_the_runs_name_and_nothing_is_left_aside(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run-7")
    pages = tmp_path / "pages"
    pages.mkdir()
    assert write_report(run, pages) == pages / "run-7.html"
    assert [path.name for path in pages.iterdir()] == ["run-7.html"]


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        write_report(tmp_path / "none", tmp_path / "page.html")
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(EnvironmentProblem):
        write_report(make_run(tmp_path / "run"), file / "page.html")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["model", "model_type", "score", "low", "high", "accuracy", "accuracy_low", "predicted", "observed", "count"]
NAMES += ["relative_accuracy", "mae_tokens", "mean_actual", "mean_predicted", "actual", "actual_low", "actual_high"]
ROW = st.dictionaries(st.sampled_from(NAMES), st.floats() | st.integers() | ANYTHING)
STATE = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("state", "created", "started", "ended", "exit_code", "failure", "executor", "model", "note"), ANYTHING
    ),
)
KINDS = ["started", "data", "progress", "epoch", "step", "warning", "metrics", "failed", "checkpoint", "?"]
KINDS += ["stopped_early"]
METRICS = st.dictionaries(st.sampled_from(["accuracy", "train_loss", "x"]), ANYTHING)
FIELDS = (
    "epochs",
    "done",
    "step",
    "steps",
    "tokens",
    "report",
    "unit",
    "record",
    "error",
    "message",
    "best",
    "model_type",
    "device",
    "pointer",
)
EVENT = st.fixed_dictionaries(
    {"event": st.sampled_from(KINDS)},
    optional=dict.fromkeys(FIELDS, ANYTHING)
    | {"t": st.floats() | ANYTHING, "epoch": st.integers() | ANYTHING, "metrics": METRICS | ANYTHING},
)


KIND_OF = st.sampled_from(["elo_scoring", "simple_length_prediction", "unheard_of"]).map(
    lambda kind: {"model": {"spec": {"model_type": kind}}}
)
PLOTS = ["line", "bars", "matrix", "calibration", "scatter", "histogram"]
TABLE = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["baselines", "x"]) | ANYTHING,
        "title": ANYTHING,
        "columns": st.just(["model", "accuracy"]) | ANYTHING,
        "rows": st.lists(st.tuples(ANYTHING, ANYTHING), max_size=3) | ANYTHING,
    },
    optional={"plot": st.sampled_from(PLOTS) | ANYTHING, "note": ANYTHING, "decimals": ANYTHING},
)


@pytest.mark.slow
@pytest.mark.warm
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    state=STATE,
    spec=KIND_OF | ANYTHING,
    lock=ANYTHING,
    result=st.fixed_dictionaries(
        {}, optional={"metrics": ROW} | dict.fromkeys(("best_epoch", "parameters", "stopped_early"), ANYTHING)
    )
    | ANYTHING,
    told=st.dictionaries(
        st.sampled_from(["leaderboard", "calibration", "baselines", "lengths", "length_calibration"]),
        st.lists(ROW, max_size=3) | TABLE,
    )
    | ANYTHING,
    events=st.lists(EVENT, max_size=6),
)
def test_no_content_breaks_the_page(
    tmp_path: Path, state: object, spec: object, lock: object, result: object, told: object, events: list[object]
) -> None:
    run = tmp_path / "run"
    run.mkdir(exist_ok=True)
    for name, document in (("state", state), ("spec", spec), ("lock", lock), ("result", result), ("tables", told)):
        write(run / f"{name}.json", document)
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    text, _ = page_of(run)
    for plot in re.findall(r"<svg.*?</svg>", text):
        assert "nan" not in re.sub(r"<title>.*?</title>|<text.*?</text>", "", plot).lower()


def test_a_run_that_stopped_early_says_so_by_its_results(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", epochs=5)
    early = {"done": 5, "total": 9, "unit": "epochs", "patience": 2, "min_delta": 0.0}
    write(run / "result.json", json.loads((run / "result.json").read_text()) | {"stopped_early": [early]})
    text, _ = page_of(run)
    assert "stopped early at epoch 5 of 9: no improvement for 2 epochs" in text


def by_step(path: Path, kind: str) -> Path:
    """The run of a classifier, told by step, whose tables, parameters and data report are as new tasks record them."""
    make_run(path, kind=kind)
    known = [
        Table("baselines", "Beside baselines", ("model", "f1"), [["most frequent class", 0.1], ["words", 0.7]]),
        Table("confusion", "Confusion matrix", ("true", "a", "b"), [["a", 9, 1], ["b", 2, 8]], "matrix"),
        Table("classes", "By class", ("class", "F1", "low", "high"), [["a", 0.9, 0.8, 1.0]], "bars"),
    ]
    torn = {"name": "torn", "title": "Torn", "columns": ["a", "b"], "rows": [[1]]}
    write(path / "tables.json", {table.name: table.as_dict() for table in known} | {"torn": torn, "older": [{"a": 1}]})
    metrics = {"f1": 0.8125, "f1_low": 0.75, "f1_high": 0.875, "log_loss": 0.5, "n_validation": 1800, "auc": 0.96}
    write(path / "result.json", {"metrics": metrics, "parameters": {"temperature": 1.375, "thresholds": {"a": 0.25}}})
    report = {"rows_dropped": {"empty text": 3}, "rows_changed": {"blank around": 1}, "warnings": ["b has few rows"]}
    report |= {"named": {"empty text": [4, 77, 1204], "blank around": [5]}}
    events = [{"t": 1.0, "event": "started", "model_type": kind}]
    events.append({"t": 2.0, "event": "data", "record": {"rows_read": 10}, "report": report})
    for step in range(10, 101, 10):
        told = {"t": 2.0 + step, "event": "step", "step": step, "steps": 100, "epoch": step / 40, "tokens": 64 * step}
        events.append(told | {"metrics": {"loss": 1 / step}})
        if step % 50 == 0:
            events.append(told | {"metrics": {"f1": 0.8 - step / 1000}, "best": step == 50})
    (path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def test_a_run_that_held_nothing_out_says_so(tmp_path: Path, classifier: str) -> None:
    run = by_step(tmp_path / "run", classifier)
    write(run / "result.json", {"metrics": {"f1": None, "n_validation": 0}})
    _, page = page_of(run)
    assert "Nothing was held out, so nothing was measured." in page.text
    assert "Held-out texts" not in page.text


def test_a_run_of_another_task_is_shown_by_its_measures_and_tables(tmp_path: Path, classifier: str) -> None:
    text, page = page_of(by_step(tmp_path / "run", classifier))
    assert page.sections() == [
        "Results", "Beside baselines", "Curves", "Confusion matrix", "By class", "Data", "Spec", "Lock", "Timeline",
        "Log",
    ]  # fmt: skip
    for fact in (
        "F1", "0.812", "95 % interval 0.750 to 0.875", "the best baseline: 0.700", "Held-out texts", "1,800",
        "Calibrated parameters", "1.375", "thresholds", "0.2500",
        "100 steps, 2.50 epochs, 6,400 tokens", "step 50, the one kept: 0.7500", "dashed: words, the best baseline",
        "empty text", "4, 77, 1204", "blank around", "b has few rows",
    ):  # fmt: skip
        assert fact in page.text, fact
    assert "Pairwise accuracy" not in page.text
    loss = next(plot for plot in re.findall(r"<svg.*?</svg>", text) if "Training loss over 10 steps" in plot)
    assert loss.count('class="point"') == 10
    beside = text[text.index('id="beside-baselines"') : text.index('id="curves"')]
    order = [beside.index(name) for name in ("(this run)", "words", "most frequent class")]
    assert order == sorted(order)


def test_columns_have_the_measures_own_names_and_many_metrics_stand_in_several_lists(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, kind="tabular_classification")
    folds = Table("folds", "Folds", ("fold", "log_loss"), [["fold 1", 0.25]])
    write(run / "tables.json", {"folds": folds.as_dict()})
    metrics = {"accuracy": 0.9} | {f"cv_{number}": number / 64 for number in range(25)}
    write(run / "result.json", {"metrics": metrics, "parameters": {}})
    text, page = page_of(run)
    headings = re.findall(r"<th[^>]*>([^<]*)</th>", text[text.index('id="folds"') :])
    assert headings[:2] == ["fold", "log loss"]
    others = text[text.index("Other metrics") : text.index('id="curves"')]
    assert others.count('<table class="pairs">') == 3
    assert all(f"cv {number}" in page.text for number in range(25))


def test_the_metrics_of_several_targets_keep_the_columns_names(tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, kind="tabular_classification")
    write(run / "result.json", {"metrics": {"accuracy": 0.5, "a_b/log_loss": 0.25, "a_b/c_d/auc": 0.75}})
    text, page = page_of(run)
    assert "a_b/log loss" in page.text
    assert "a_b/c_d/auc" in page.text
    # A number is not broken where its line ends.
    assert '<span class="number">0.2500</span>' in text


def test_the_best_of_what_is_better_when_lower_is_the_lowest(tmp_path: Path, regressor: str) -> None:
    run = make_run(tmp_path / "run", kind=regressor)
    rows = [["mean", 40.0], ["last", 30.0], ["not measured", None]]
    write(run / "tables.json", {"baselines": Table("baselines", "Baselines", ("model", "mae"), rows).as_dict()})
    write(run / "result.json", {"metrics": {"mae": 35.0, "n_validation": 10}})
    text, page = page_of(run)
    assert "the best baseline: 30.0" in page.text
    beside = text[text.index('id="baselines"') : text.index('id="curves"')]
    order = [beside.index(name) for name in ("last", "(this run)", "mean", "not measured")]
    assert order == sorted(order)


def test_a_kind_that_is_not_installed_has_a_page(tmp_path: Path) -> None:
    _, page = page_of(by_step(tmp_path / "run", "of_another_machine"))
    assert {"Results", "Beside baselines", "Curves", "Confusion matrix", "By class"} <= set(page.sections())
    assert "0.812" in page.text


def test_what_was_told_from_the_inside_has_a_plot_for_each_sort_and_a_line_for_each_part(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", epochs=3)
    assert "Diagnostics" not in Page(write_report(run, tmp_path / "before.html").read_text()).sections()
    lines = []
    for line in (run / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "epoch":
            norms = {f"gradient_norm/{part}": 1 / event["epoch"] for part in ("prompt", "llm", "interaction")}
            event["diagnostics"] = norms | {"score_variance/llms": 0.5, "score_variance/prompts": None, "own": 2}
        lines.append(json.dumps(event))
    (run / "events.jsonl").write_text("\n".join(lines) + "\n")
    page = Page(write_report(run, tmp_path / "after.html").read_text())
    assert "Diagnostics" in page.sections()
    assert {"Norm of the gradient", "Variance of the scores", "own"} <= {
        text for tag, text in page.texts if tag == "h3"
    }
    assert {"prompt", "llm", "interaction"} <= {text for tag, text in page.texts if tag == "span"}
