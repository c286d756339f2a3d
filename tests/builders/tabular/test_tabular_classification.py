"""Classes from a table, from the spec to the stored model's answers."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from runner.data.table_rows.infer_rows import from_words
from runner.errors import DataError, Stopped

SMALL = {"learner_type": "xgboost", "n_estimators": 10, "early_stopping_split": 0}


def rows(n=60):
    return {
        "size [cm]": [at % 12 for at in range(n)],
        "a<b": ["red", "blue", "green"] * (n // 3),
        "y": ["big" if at % 12 > 5 else "small" for at in range(n)],
    }


def test_a_table_becomes_a_stored_model_that_answers_as_it_was_trained(bench):
    path = bench.table(rows())
    document = bench.run("classification", {"dataset": str(path)}, learner=SMALL, folds=2)
    assert document["metrics"]["accuracy"] == 1
    assert document["metrics"]["cv_accuracy"] > 0.8
    tables = document["tables"]
    assert {"baselines", "folds", "importance", "confusion", "classes", "calibration"} <= tables.keys()
    assert [row[0].partition(":")[0] for row in tables["baselines"]["rows"]] == ["dummy", "linear"]
    assert tables["importance"]["rows"][0][0] == "size [cm]"
    stored = bench.desk.home / document["path"]
    assert {p.suffix for p in stored.rglob("*") if p.is_file()} <= {".json", ".safetensors", ".ubj"}
    answers, predictor = bench.ask(document, path)
    assert predictor.targets == {"y": ("big", "small")}
    assert [predictor.targets["y"][code] for code in answers[0]["y"].argmax(axis=1)] == rows()["y"]
    one_by_one, _ = bench.ask(document, path, size=1)
    assert np.array_equal(np.concatenate([answer["y"] for answer in one_by_one]), answers[0]["y"])


@pytest.mark.parametrize(
    "learner",
    [
        {"learner_type": "linear"},
        {"learner_type": "random_forest", "n_estimators": 5},
        {"learner_type": "extra_trees", "n_estimators": 5},
        pytest.param({"learner_type": "mlp", "epochs": 3}, marks=pytest.mark.slow),
        pytest.param({"learner_type": "auto", "trials": 3, "candidates": ["xgboost"]}, marks=pytest.mark.slow),
    ],
    ids=lambda learner: learner["learner_type"],
)
def test_every_learner_takes_any_names_missing_cells_and_classes_from_1_on(bench, learner):
    columns = rows() | {"y": [1 + (at % 12 > 3) + (at % 12 > 7) for at in range(60)]}
    columns["size [cm]"][5] = ""
    columns["a<b"][6] = ""
    path = bench.table(columns)
    document = bench.train("classification", {"dataset": str(path)}, learner=learner, importance_repeats=1)
    answers, predictor = bench.ask(document, path)
    assert predictor.targets == {"y": ("1", "2", "3")}
    assert answers[0]["y"].shape == (60, 3)
    assert np.allclose(answers[0]["y"].sum(axis=1), 1)


def test_several_targets_have_a_learner_each(bench):
    columns = rows()
    columns["odd"] = [str(at % 2) for at in range(60)]
    path = bench.table(columns)
    document = bench.train(
        "classification", {"dataset": str(path), "target_columns": ["y", "odd"]}, learner=SMALL, importance_repeats=0
    )
    answers, predictor = bench.ask(document, path)
    assert predictor.targets == {"y": ("big", "small"), "odd": ("0", "1")}
    assert answers[0]["y"].argmax(axis=1).tolist() == [int(word == "small") for word in columns["y"]]
    assert answers[0]["odd"].argmax(axis=1).tolist() != answers[0]["y"].argmax(axis=1).tolist()
    assert document["metrics"]["odd/accuracy"] <= 1


def test_a_threshold_is_chosen_by_rows_that_were_left_out_and_is_a_parameter(bench):
    columns = rows()
    columns["y"] = ["yes" if at % 12 > 8 or at % 17 == 0 else "no" for at in range(60)]
    document = bench.train(
        "classification", {"dataset": str(bench.table(columns))}, learner=SMALL, threshold="f1", importance_repeats=0
    )
    predictor = bench.predictor(document)
    assert 0 < predictor.thresholds["y"] < 1
    assert document["parameters"] == {"threshold": predictor.thresholds["y"]}
    assert "folds" not in document["tables"]


@pytest.mark.parametrize("threshold", ["f1", 0.3])
def test_a_threshold_of_three_classes_is_refused(bench, threshold):
    path = bench.table({"n": list(range(60)), "y": ["a", "b", "c"] * 20})
    with pytest.raises(DataError, match="decides between two classes: 'y' has 3") as caught:
        bench.train("classification", {"dataset": str(path)}, learner=SMALL, threshold=threshold)
    assert caught.value.where == "/model/spec/threshold"


@pytest.mark.parametrize("learner", ["xgboost", "mlp"])
def test_what_decides_when_to_stop_leaves_at_least_half_to_learn_from(bench, learner):
    section = {"learner_type": learner, "early_stopping_split": 0.999}
    spec = bench.spec("classification", {"dataset": str(bench.table(rows()))}, learner=section)
    refused = bench.desk("train", "--spec-file", spec, "--executor", "local")
    assert refused.code == 3
    assert "early_stopping_split" in refused.err


@pytest.mark.slow
@pytest.mark.warm
def test_the_log_tells_the_end_of_the_importance(bench):
    data = {"dataset": str(bench.table(rows()))}
    spec = bench.spec("classification", data, learner=SMALL, importance_repeats=1)
    done = bench.desk("train", "--spec-file", spec, "--executor", "local").ok()
    assert "importance: y: 1/1" in done.out + done.err


def test_weights_of_classes_change_the_answers_and_unknown_ones_are_refused(bench):
    columns = rows()
    columns["y"] = ["rare" if at % 12 == 3 or at % 7 == 0 else "often" for at in range(60)]
    path = bench.table(columns)
    linear = {"learner_type": "linear"}
    plain = bench.train("classification", {"dataset": str(path)}, learner=linear, importance_repeats=0)
    even = bench.train(
        "classification", {"dataset": str(path)}, learner=linear, importance_repeats=0, class_weights="balanced"
    )
    means = [bench.ask(document, path)[0][0]["y"][:, 1].mean() for document in (plain, even)]
    assert means[1] > means[0] + 0.1
    with pytest.raises(DataError, match="no class 'seldom'"):
        bench.train("classification", {"dataset": str(path)}, class_weights={"seldom": 2.0})


def test_the_order_of_columns_is_free_one_too_many_is_said_and_one_too_few_refused(bench):
    document = bench.train("classification", {"dataset": str(bench.table(rows()))}, learner=SMALL)
    predictor = bench.predictor(document)
    straight = from_words(['{"size [cm]": 3, "a<b": "red"}', '{"size [cm]": 9, "a<b": null}'])
    turned = from_words(['{"a<b": "red", "more": 1, "id": "r1", "size [cm]": "3"}', '{"a<b": "", "size [cm]": 9.0}'])
    answers = [predictor.predict(next(r.chunks(9)), None, 9)["y"] for r in (_checked(straight), _checked(turned))]
    assert np.array_equal(*answers)
    assert predictor.provenance()["unused_columns"] == ["more"]
    with pytest.raises(DataError, match=r"trained with a column that is not here: 'size \[cm\]'") as refused:
        predictor.predict(next(_checked(from_words(['{"size": 3, "a<b": "red"}'])).chunks(9)), None, 9)
    assert "'size' for 'size [cm]'" in str(refused.value.hint)
    with pytest.raises(DataError, match=r"'size \[cm\]' has 'tall', which is not a number"):
        predictor.predict(next(_checked(from_words(['{"size [cm]": "tall", "a<b": "red"}'])).chunks(9)), None, 9)


def _checked(asked):
    asked.check()
    return asked


@pytest.mark.parametrize("stops", [1, 4, 9])
def test_stopped_anywhere_it_goes_on_to_the_same_bytes(bench, stops):
    """Asked to stop at the so-many-th question whether to, then the same run again."""
    path = bench.table(rows())
    fields = {"learner": SMALL, "folds": 2, "importance_repeats": 1}
    whole = bench.train("classification", {"dataset": str(path)}, **fields)
    asked = count(1)
    with pytest.raises(Stopped):
        bench.train("classification", {"dataset": str(path)}, name="twin", stop=lambda: next(asked) >= stops, **fields)
    resumed = bench.train("classification", {"dataset": str(path)}, name="twin", **fields)
    assert resumed["metrics"] == whole["metrics"]
    stored = [
        {file.relative_to(root): file.read_bytes() for file in root.rglob("*") if file.is_file()}
        for root in (Path(whole["path"]), Path(resumed["path"]))
    ]
    assert stored[0] == stored[1]


def test_a_column_that_is_not_there_is_said_before_a_run_is_made(bench):
    spec = bench.spec("classification", {"dataset": str(bench.table(rows())), "target_columns": "labl"})
    refused = bench.desk("train", "--spec-file", spec, "--executor", "local")
    assert refused.code == 4
    assert "no column 'labl'" in refused.err
    assert not list((bench.desk.home / "runs").glob("*/spec.json"))


@pytest.mark.slow
@pytest.mark.warm
def test_infer_names_rows_by_the_id_column_and_a_fault_by_its_file(desk):
    rows = "".join(f"k{at},{at % 7},{'ab'[at % 2]}\n" for at in range(60))
    (desk.home / "train.csv").write_text("key,size,y\n" + rows)
    spec = {
        "model": {
            "name": "keyed",
            "spec": {"model_type": "tabular_classification", "learner": {"learner_type": "linear"}},
        },
        "data": {"dataset": "train.csv", "target_columns": "y", "id_column": "key"},
    }
    desk("train", "--spec-file", desk.write("spec.json", spec), "--executor", "local").ok()
    words = ("infer", "--model", "keyed", "--output-path", "-", "--input")
    told = desk(*words, "train.csv").ok()
    assert [record["id"] for record in told.json["predictions"][:2]] == ["k0", "k1"]
    assert "key" not in told.err
    # What --set takes, flags take too.
    more = desk(*words, "train.csv", "--top-k=2", "--threshold", "0.4", "--probabilities").ok().json
    settings = ("--set", "top_k=2", "--set", "threshold=0.4", "--set", "probabilities=true")
    assert more == desk(*words, "train.csv", *settings).ok().json != told.json
    assert desk(*words, "train.csv", "--no-probabilities").ok().json == told.json
    (desk.home / "bad.csv").write_text("key,sise\nk0,1\n")
    refused = desk(*words, "bad.csv")
    assert refused.code == 4 and "bad.csv:2" in refused.err


def test_an_encoding_that_is_none_is_a_fault_of_the_data_section(desk):
    (desk.home / "train.csv").write_text("size,y\n1,a\n2,b\n")
    words = ("data", "check", "train.csv", "--kind", "tabular_classification", "--json", "--columns")
    refused = desk(*words, '{"target": "y", "encoding": "klingon"}')
    assert refused.code == 4
    assert "klingon" in json.dumps(refused.json["errors"])


@pytest.mark.slow
@pytest.mark.warm
def test_rows_are_asked_about_in_the_encoding_and_with_the_delimiter_of_the_training(desk):
    rows = [f"{town};{age};{'a' if age > 40 else 'b'}" for town in ("Köln", "Graz") for age in range(20, 60)]
    (desk.home / "train.csv").write_bytes("\n".join(["town;age;y", *rows, ""]).encode("cp1252"))
    spec = {
        "model": {
            "name": "towns",
            "spec": {"model_type": "tabular_classification", "learner": {"learner_type": "linear"}},
        },
        "data": {"dataset": "train.csv", "target_columns": "y", "encoding": "cp1252", "delimiter": ";"},
    }
    desk("train", "--spec-file", desk.write("spec.json", spec), "--executor", "local").ok()
    words = ("infer", "--model", "towns", "--output-path", "-")
    told = desk(*words, "--input", "train.csv").ok()
    assert "categories" not in told.err
    (desk.home / "rows.csv").write_text("town,age\nKöln,30\n")
    said = desk(*words, "--input", "rows.csv", "--encoding", "utf-8", "--delimiter", ",").ok()
    assert "categories" not in said.err
    assert len(said.json["predictions"]) == 1
    refused = desk(*words, "--input", "rows.csv")
    assert refused.code == 4
    assert "--delimiter" in refused.err
    refused = desk(*words, "--prompts", '{"town": "Graz", "age": 3}', "--encoding", "utf-8")
    assert refused.code == 2
    # What to do about a cell is told to who asks, who writes no spec.
    for cell in ("old", [3]):
        refused = desk(*words, "--prompts", json.dumps({"town": "Graz", "age": cell}))
        assert refused.code == 4
        assert "row 1" in refused.err and "'age'" in refused.err
        assert "_columns" not in refused.err and "data." not in refused.err


def test_rows_to_measure_on_of_unknown_classes_alone_are_told_and_end_no_training(bench):
    path = bench.table(rows())
    other = bench.table(rows() | {"y": ["huge"] * 60}, "other.csv")
    learner = {"learner_type": "linear"}
    document = bench.train("classification", {"dataset": str(path), "validation_data": str(other)}, learner=learner)
    assert document["metrics"]["accuracy"] == 0
    assert document["metrics"]["n_unseen_class"] == 60


@pytest.mark.slow
@pytest.mark.warm
def test_a_run_that_stopped_early_succeeds_and_says_so(bench):
    learner = {"learner_type": "xgboost", "early_stopping": {"patience": 2, "min_delta": 10}}
    path = bench.table(rows())
    spec = bench.spec("classification", {"dataset": str(path)}, learner=learner, importance_repeats=0)
    done = bench.desk("train", "--spec-file", spec, "--executor", "local", "--json").ok()
    said = "fitting y: stopped early at round 3 of 300: no improvement of more than 10.00 for 2 rounds"
    assert said in done.err.splitlines()
    run = Path(done.json["run_directory"])
    early = {"phase": "fitting y", "done": 3, "total": 300, "unit": "rounds", "patience": 2, "min_delta": 10.0}
    assert json.loads((run / "result.json").read_text())["stopped_early"] == [early]
    assert said in bench.desk("runs", "show", done.json["run"]).ok().out


def test_a_schedule_of_the_network_is_refused_by_its_place(bench):
    path = bench.table(rows())
    learner = {"learner_type": "mlp", "epochs": 2, "batch_size": 30}
    long = learner | {"schedule": {"schedule_type": "linear", "warmup_steps": 1000}}
    with pytest.raises(DataError) as refused:
        bench.train("classification", {"dataset": str(path)}, learner=long)
    assert refused.value.where == "/model/spec/learner/schedule/warmup_steps"
    decays = {"optimizer_type": "adamw", "lr_decay_gamma": 0.9}
    both = learner | {"schedule": {"schedule_type": "linear"}, "optimizer": decays}
    spec = bench.spec("classification", {"dataset": str(path)}, learner=both)
    said = bench.desk("validate", spec)
    assert said.code == 3
    assert "/model/spec/learner/optimizer/lr_decay_gamma" in said.err
