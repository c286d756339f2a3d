"""Comparisons in which an LLM answered nothing: kept where no response is read, without a say in the split."""

from __future__ import annotations

import numpy as np
import pytest

from runner import registry
from runner.data.comparisons import ComparisonsData
from runner.evaluation.shared_holdout import Split


@pytest.fixture
def file(raw, tmp_path):
    """100 rows of 20 prompts; in every tenth an LLM answered nothing, and one prompt has such rows alone."""
    rows = raw.some(100, prompts=20)
    for at in range(0, 100, 10):
        rows[at] = raw.row(prompt="silence" if at == 90 else f"prompt {at % 20}", answers=("", f"b{at}"))
    return raw.jsonl(tmp_path / "x.jsonl", rows)


def keyed(comparisons):
    return [(comparisons.prompts[at], b) for at, b in zip(comparisons.prompt, comparisons.responses_b, strict=True)]


def test_a_rating_keeps_them(file, context):
    section = ComparisonsData(dataset=str(file))
    read, unread = section.load(context()), section.load(context(frozenset()))
    assert read.record["skipped"] == {"empty response": 10} and unread.record["skipped"] == {}
    assert len(read.train) + len(read.validation) == 90 and len(unread.train) + len(unread.validation) == 100


@pytest.mark.parametrize("most", [None, 60, 95])
def test_the_split_of_the_others_stays_as_it_is(file, context, most):
    section = ComparisonsData(dataset=str(file), max_samples=most)
    read, unread = section.load(context()), section.load(context(frozenset()))
    assert set(keyed(read.train)) <= set(keyed(unread.train))
    assert set(keyed(read.validation)) <= set(keyed(unread.validation))
    assert len(unread.train) + len(unread.validation) == (most or 100)
    assert not section.row_keys(unread.train) & section.row_keys(unread.validation)


def test_where_no_llm_ever_answers_all_rows_are_split(raw, tmp_path, context):
    rows = [raw.row(prompt=f"p{at}", answers=("", "")) for at in range(20)]
    data = ComparisonsData(dataset=str(raw.jsonl(tmp_path / "x.jsonl", rows))).load(context(frozenset()))
    assert (len(data.train), len(data.validation)) == (16, 4)


def test_a_comparison_measures_on_rows_with_answers(file, tmp_path):
    split = Split.load(ComparisonsData(dataset=str(file)), tmp_path)
    assert all(response for response in split.held_out.responses_a)
    for name in ("elo_scoring", "dense_network", "simple_length_prediction"):
        spec = registry.load(name).Spec(model_type=name, **({"min_model_occurrences": 1} if name[0] == "e" else {}))
        own = split.own(spec)
        split.refuse_seen(spec, own.fingerprint)
        assert not split.section.row_keys(own.train) & split.section.row_keys(split.held_out)


def test_the_filter_on_rare_llms_says_what_each_pass_drops(raw, tmp_path, context, listen):
    # c is in 2 rows, and only with them is b in 5.
    pairs = [("a", "d")] * 6 + [("a", "b")] * 3 + [("b", "c")] * 2
    rows = [raw.row(a=a, b=b, prompt=f"p{at}", answers=(f"x{at}", "y")) for at, (a, b) in enumerate(pairs)]
    data = ComparisonsData(dataset=str(raw.jsonl(tmp_path / "x.jsonl", rows))).load(context(min_model_occurrences=5))
    assert data.record["dropped_by_pass"] == [{"models": 1, "rows": 2}, {"models": 1, "rows": 3}]
    assert data.record["rows_dropped_by_filter"] == 5 and data.record["models_dropped_by_filter"] == ["b", "c"]
    (told,) = [warning for warning in listen.warnings if "drops" in warning]
    assert told.endswith("in 2 passes: 1 with 2 rows, then 1 with 3 rows")
    assert np.unique(np.concatenate([data.train.model_a, data.train.model_b])).tolist() == [0, 1]


def test_one_pass_is_not_counted(raw, tmp_path, context, listen):
    pairs = [("a", "d")] * 6 + [("a", "c")] * 2
    rows = [raw.row(a=a, b=b, prompt=f"p{at}", answers=(f"x{at}", "y")) for at, (a, b) in enumerate(pairs)]
    data = ComparisonsData(dataset=str(raw.jsonl(tmp_path / "x.jsonl", rows))).load(context(min_model_occurrences=5))
    assert "dropped_by_pass" not in data.record and not any("passes" in warning for warning in listen.warnings)
