"""What a spec says of an outcome matrix does what it says, or is refused by its pointer; what is lost is counted."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from runner.data.comparisons import TIE, A, B, ComparisonsData
from runner.errors import DataError
from tests.data.outcomes import published
from tests.data.outcomes.test_published_forms import READS, load, pairs, whole

THREE = ["x", "y", "z"]


def scored(path, score, prompts=30, models=THREE):
    """A long file of ``score(prompt, model)``."""
    rows = [[f"p{row}", model, score(row, at)] for row in range(prompts) for at, model in enumerate(models)]
    return published.table(path, ["prompt", "model", "score"], rows)


@pytest.mark.parametrize(("many", "each"), [(1, 1), (2, 2), ("all", 10), (100, 10)])
def test_pairs_per_prompt(tmp_path, context, many, each):
    path = scored(tmp_path / "x.csv", lambda row, at: at, models=[*THREE, "v", "w"])
    data = load(path, context, outcomes={"pairs_per_prompt": many})
    assert len(data.train) + len(data.validation) == 30 * each
    assert np.bincount(data.train.prompt).max() == each
    # Neither side is always the better one.
    assert {A, B} == set(data.train.winner.tolist())


def test_the_seed_draws_other_pairs_and_the_order_of_rows_does_not(tmp_path, context):
    path = scored(tmp_path / "x.jsonl", lambda row, at: at)
    first = load(path, context, validation_split=0.0, outcomes={"pairs_per_prompt": 1})
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(reversed(lines)))
    again = load(path, context, validation_split=0.0, outcomes={"pairs_per_prompt": 1})
    other = load(path, context, validation_split=0.0, outcomes={"pairs_per_prompt": 1}, seed=7)
    assert pairs(first.train) == pairs(again.train) != pairs(other.train)


def test_min_difference_and_bad_score(tmp_path, context):
    path = scored(tmp_path / "x.csv", lambda row, at: (0.1, 0.2, 0.9)[at])
    near = load(path, context, outcomes={"min_difference": 0.15, "bad_score": None})
    assert near.record["winners"]["tie"] == 30 and near.record["winners"]["both_bad"] == 0
    bad = load(path, context, outcomes={"min_difference": 0.15, "bad_score": 0.2})
    assert bad.record["winners"]["both_bad"] == 30 and near.fingerprint != bad.fingerprint
    with pytest.raises(DataError, match="every one of 90 comparisons is a tie") as caught:
        load(path, context, outcomes={"min_difference": 5})
    assert caught.value.where == "/data/outcomes/min_difference" and "0.8" in caught.value.hint


def test_a_score_beyond_the_declared_range_is_a_hole_and_is_counted(tmp_path, context):
    path = scored(tmp_path / "x.csv", lambda row, at: 7 if (row, at) == (3, 1) else at / 2)
    data = load(path, context, outcomes={"score_range": [0, 1]})
    assert data.report.rows_changed == {"a score beyond score_range, a hole": 1}
    assert data.report.named["a score beyond score_range, a hole"] == [12]
    assert ("p3", "y") not in whole(data) and len(whole(data)) == 89
    assert data.train.outcomes.score_range == (0, 1)
    with pytest.raises(ValidationError, match="the least score, then a greater one"):
        ComparisonsData(dataset="x.csv", outcomes={"score_range": [1, 0]})


def test_what_cannot_be_used_is_counted_by_line(tmp_path, context, listen):
    rows = [[f"p{row}", model, at, 0.1] for row in range(20) for at, model in enumerate(THREE)]
    rows += [["", "x", 1, 1], ["p1", "", 1, 1], ["p2", "w", "", 1], ["p3", "w", "good", 1], ["only", "x", 1, 1],
             ["p0", "x", 2, -4]]  # fmt: skip
    data = load(published.table(tmp_path / "x.csv", ["prompt", "model", "score", "cost"], rows), context)
    assert data.report.rows_read == 66 and data.report.rows_kept == 60
    assert data.report.rows_dropped == {
        "no prompt": 1, "no LLM's name": 1, "a prompt that fewer than two LLMs have a score for": 1,
    }  # fmt: skip
    assert data.report.rows_changed == {
        "no score, a hole": 1, "a score that is no number, a hole": 1, "a cost that is no number of at least 0": 1,
        "another score of an LLM for the same prompt: their mean is taken": 1,
    }  # fmt: skip
    named = data.report.named
    assert named["no prompt"] == [62] and named["a score that is no number, a hole"] == [65]
    assert whole(data)["p0", "x"] == 1.0
    assert any("w has no score at all, and is left out" in warning for warning in listen.warnings)
    assert "w" not in data.train.models


def test_duplicates(tmp_path, context):
    rows = [[f"p{row}", model, at] for row in range(20) for at, model in enumerate(THREE)] + [["p0", "x", 2]]
    path = published.table(tmp_path / "x.csv", ["prompt", "model", "score"], rows)
    assert whole(load(path, context, outcomes={"duplicates": "first"}))["p0", "x"] == 0
    with pytest.raises(DataError, match="x has two scores for one prompt") as caught:
        load(path, context, outcomes={"duplicates": "refuse"})
    assert caught.value.where == f"{path}:62"


def test_more_lost_rows_than_may_be_are_refused(tmp_path, context):
    path = scored(tmp_path / "x.csv", lambda row, at: at if row < 5 else "")
    with pytest.raises(DataError, match="75 of 90 rows give no score"):
        load(path, context)
    assert len(load(path, context, max_rows_lost=1.0, validation_split=0.0).train) == 15


def test_max_samples_counts_prompts(tmp_path, context):
    data = load(scored(tmp_path / "x.csv", lambda row, at: at), context, max_samples=10)
    assert len(data.train) + len(data.validation) == 30 and data.record["outcomes"]["prompts"] == 10
    assert data.report.rows_dropped == {"a prompt not among max_samples": 20}


def test_rare_llms_are_dropped_from_the_matrix_too(tmp_path, context):
    path = scored(tmp_path / "x.csv", lambda row, at: at if at < 2 or row < 3 else None)
    data = load(path, lambda reads: context(reads, min_model_occurrences=20))
    assert data.train.models == data.train.outcomes.models == ("x", "y")


COLUMNS = {"prompt": "Q", "model": "who", "score": "mark", "cost": "price"}


def test_columns_of_any_name(tmp_path, context):
    rows = [[f"p{row}", model, at, 0.5] for row in range(20) for at, model in enumerate(THREE)]
    path = published.table(tmp_path / "x.csv", ["Q", "who", "mark", "price"], rows)
    data = load(path, context, outcomes={"columns": COLUMNS})
    assert data.record["outcomes"]["format"] == "long" and (data.train.outcomes.costs == 0.5).all()
    with pytest.raises(DataError, match="no column 'maark', which") as caught:
        load(path, context, outcomes={"columns": COLUMNS | {"score": "maark"}})
    assert "did you mean 'mark'?" in caught.value.hint
    with pytest.raises(DataError, match="is not a row for each prompt and LLM: no column for prompt and model"):
        load(path, context, outcomes={"format": "long"})


def test_a_wide_table_of_plain_columns_names_its_llms(tmp_path, context):
    path = published.table(
        tmp_path / "x.csv", ["Q", "age", *THREE], [[f"p{row}", 3, 0.1, 0.2, row % 2] for row in range(20)]
    )
    data = load(path, context, outcomes={"columns": {"prompt": "Q", "models": ["x", "z"]}})
    assert data.train.models == ("x", "z") and data.record["outcomes"]["format"] == "wide"
    with pytest.raises(DataError, match="no form of an outcome matrix that is known here"):
        load(path, context, outcomes={})


@pytest.mark.parametrize(
    ("form", "columns", "role"),
    [("routerbench", {"model": "x"}, "model"), ("long", {"models": ["x", "y"]}, "models"),
     ("notdiamond", {"cost": "x"}, "cost")],
)  # fmt: skip
def test_a_role_that_the_format_has_no_use_for_is_refused(tmp_path, context, form, columns, role):
    with pytest.raises(DataError, match=f"{role} is no column of ") as caught:
        load(published.EVERY[form](tmp_path), context, outcomes={"format": form, "columns": columns})
    assert caught.value.where == f"/data/outcomes/columns/{role}"


@pytest.mark.parametrize("form", ["llmrouterbench", "routereval"])
def test_forms_without_columns_take_none(tmp_path, context, form):
    with pytest.raises(DataError, match="has no columns to be named") as caught:
        load(published.EVERY[form](tmp_path), context, outcomes={"columns": {"prompt": "x"}})
    assert caught.value.where == "/data/outcomes/columns"


def test_options_without_an_effect_are_refused_by_pointer(tmp_path):
    path = published.wide(tmp_path)

    def refused(**fields):
        with pytest.raises(DataError) as caught:
            ComparisonsData(**fields).check(tmp_path)
        return caught.value.where

    assert refused(dataset="sample", outcomes={}) == "/data/outcomes"
    assert refused(dataset=str(path), outcomes={}, columns={"prompt": "x"}) == "/data/columns"
    assert refused(dataset=str(path), outcomes={}, winner_values={"tie": ["="]}) == "/data/winner_values"


@pytest.mark.parametrize(
    ("names", "columns", "twice"),
    [
        (["prompt", "model", "score", "cost"], {"score": "cost"}, "'cost' has two roles: score and cost"),
        (["prompt", "model", "mark", "task"], {"score": "mark", "prompt": "task"}, "'task' has two roles"),
        (["prompt", "task", "x", "y"], {"models": ["x", "task"]}, "'task' has two roles: group and score of task"),
    ],
)
@pytest.mark.parametrize("form", ["auto", None])
def test_a_column_has_one_role_though_it_has_the_other_by_its_name(tmp_path, context, names, columns, twice, form):
    path = published.table(tmp_path / "x.csv", names, [[f"p{at // 2}", f"m{at % 2}", at % 3, 1] for at in range(20)])
    form = form or ("wide" if "models" in columns else "long")
    with pytest.raises(DataError, match=twice) as caught:
        load(path, context, outcomes={"format": form, "columns": columns})
    assert "data.outcomes.columns" in caught.value.hint


def test_comparisons_are_no_matrix(tmp_path, context):
    path = published.table(tmp_path / "x.csv", ["prompt", "model_a", "model_b", "winner"], [["p", "a", "b", "tie"]] * 9)
    with pytest.raises(DataError, match="no form of an outcome matrix"):
        load(path, context, outcomes={"min_difference": 1})


def test_only_answers_with_a_text_are_compared_where_there_are_texts(tmp_path, context):
    rows = [[f"p{row}", model, at, "" if at == 2 else "text"] for row in range(20) for at, model in enumerate(THREE)]
    data = load(published.table(tmp_path / "x.csv", ["prompt", "model", "score", "response"], rows), context)
    assert len(data.train) + len(data.validation) == 20 and data.train.models == ("x", "y")


def test_prompts_of_one_wording_are_on_one_side(tmp_path, context):
    rows = [[word.format(row), model, at] for row in range(20) for word in ("Say {}", "say  {}")
            for at, model in enumerate(THREE)]  # fmt: skip
    data = load(published.table(tmp_path / "x.csv", ["prompt", "model", "score"], rows), context)
    sides = [{" ".join(text.split()).casefold() for text in part.outcomes.prompts} for part in
             (data.train, data.validation)]  # fmt: skip
    assert not sides[0] & sides[1] and len(data.train.outcomes) == 2 * len(sides[0])


def test_ties_are_kept(tmp_path, context):
    data = load(scored(tmp_path / "x.csv", lambda row, at: 1 if at else row % 2), context, READS)
    assert (data.train.winner == TIE).any() and data.train.decided.any()
