"""Tables without prompts or answers: kinds that read neither train on them, and the others say what is missing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from runner import registry
from runner.data.comparisons import ComparisonsData
from runner.errors import DataError
from runner.evaluation.shared_holdout import Split
from tests.examples import example

VOTES = [(f"m{at % 4}", f"m{(at + 1 + at // 4 % 3) % 4}", ("model_a", "model_b", "tie")[at % 3]) for at in range(90)]
RATINGS = ("bradley_terry_scoring", "elo_scoring", "greedy_ranking", "least_squares_scoring", "mcmf_scoring",
           "simple_scoring")  # fmt: skip


@pytest.fixture
def votes(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("id,model_a,model_b,winner\n" + "".join(f"{at},{','.join(row)}\n" for at, row in enumerate(VOTES)))
    return path


def test_votes_are_split_by_row_and_it_is_said(votes, context, listen):
    data = ComparisonsData(dataset=str(votes)).load(context(frozenset()))
    assert (len(data.train), len(data.validation)) == (72, 18) and data.record["lacks"] == ["prompts", "responses"]
    assert any("the split is by row" in warning for warning in listen.warnings)
    assert len(np.unique(data.train.prompt)) == 72 and not set(data.train.prompt) & set(data.validation.prompt)
    assert set(data.train.prompts) == {""} and len(set(data.train.keys)) == 90
    again = ComparisonsData(dataset=str(votes)).load(context(frozenset()))
    assert again.fingerprint == data.fingerprint and (again.validation.prompt == data.validation.prompt).all()


def test_a_sample_of_votes_is_of_rows_not_of_outcomes(votes, context):
    data = ComparisonsData(dataset=str(votes), max_samples=45).load(context(frozenset()))
    assert len(data.train) + len(data.validation) == 45 and len(data.train.models) == 4


def test_prompts_without_answers(tmp_path, context):
    path = tmp_path / "x.jsonl"
    rows = [{"prompt": f"p{at}", "model_a": a, "model_b": b, "winner": w} for at, (a, b, w) in enumerate(VOTES)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = ComparisonsData(dataset=str(path)).load(context(frozenset({"prompts"})))
    assert data.record["lacks"] == ["responses"] and "p3" in data.train.keys
    with pytest.raises(DataError, match="missing columns response_a, response_b, and kind reads responses"):
        ComparisonsData(dataset=str(path)).load(context())


def test_a_kind_that_reads_prompts_is_refused_before_a_run(votes, tmp_path):
    spec = registry.load("dense_network").Spec
    with pytest.raises(DataError, match="missing column prompt, and dense_network reads prompts") as caught:
        ComparisonsData(dataset=str(votes)).suits(spec.model_construct(model_type="dense_network"), tmp_path)
    assert caught.value.where == f"/data/dataset: {votes}:1" and "there are: id, model_a" in caught.value.hint


def test_a_column_that_the_spec_names_has_to_be_there(votes, context):
    with pytest.raises(DataError, match="missing column Question"):
        ComparisonsData(dataset=str(votes), columns={"prompt": "Question"}).load(context(frozenset()))


def trained(desk, path, columns, kind, **fields):
    """A run from the command line: what the worker reads is the spec as the run wrote it down."""
    spec = example(kind)
    spec["model"]["spec"] |= fields
    desk.write("spec.json", spec | {"data": {"dataset": str(path), "columns": columns}})
    return desk("train", "--spec-file", "spec.json", "--executor", "local", "--json")


def test_a_run_takes_votes_whose_columns_are_named(votes, desk):
    trained(desk, votes, {"prompt": "id"}, "bradley_terry_scoring", min_model_occurrences=1).ok()


def test_a_run_takes_votes_with_other_names_of_all_columns(tmp_path, desk):
    path = tmp_path / "votes.csv"
    path.write_text("q,l,r,w\n" + "".join(f"q{at % 30},{','.join(row)}\n" for at, row in enumerate(VOTES)))
    columns = {"prompt": "q", "model_a": "l", "model_b": "r", "winner": "w"}
    trained(desk, path, columns, "linear_scoring").ok()
    refused = trained(desk, path, columns, "response_predictive")
    assert (refused.code, refused.json["message"]) == (
        4, "missing columns response_a, response_b, and response_predictive reads responses",
    )  # fmt: skip


def test_every_kind_says_what_it_reads():
    reads = {
        name: registry.load(name).Spec.reads for name, kind in registry.built_in().items() if kind.family == "routing"
    }
    assert {name for name, what in reads.items() if not what} == set(RATINGS)
    assert reads["dense_network"] == {"prompts"} and reads["response_predictive"] == {"prompts", "responses"}


def test_votes_can_be_compared_on(votes, tmp_path):
    split = Split.load(ComparisonsData(dataset=str(votes)), tmp_path)
    spec = registry.load("elo_scoring").Spec(model_type="elo_scoring", min_model_occurrences=1)
    split.refuse_seen(spec, split.own(spec).fingerprint)


@pytest.mark.parametrize("name", ["router_llmfao_votes.csv", "router_mtbench_votes.csv"])
def test_real_votes(shared_data, context, name):
    data = ComparisonsData(dataset=str(shared_data / name)).load(context(frozenset()))
    assert data.record["skipped"].keys() <= {"same model twice"} and len(data.validation) > 1000
