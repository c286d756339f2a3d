"""Every published form of an outcome matrix is told by its columns, and gives the same outcomes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from runner import registry
from runner.data.comparisons import BOTH_BAD, ComparisonsData
from runner.errors import DataError
from tests.data.outcomes import published
from tests.data.outcomes.published import COSTS, EVERY, MODELS, PROMPTS

SCORES = np.array(published.cells(published.score))
READS = frozenset({"prompts"})


def load(path, context, reads=READS, **fields):
    return ComparisonsData(dataset=str(path), **fields).load(context(reads))


def whole(data) -> dict[tuple[str, str], float]:
    """Prompt and LLM -> score, of both sides."""
    return {
        (prompt, model): score
        for part in (data.train.outcomes, data.validation.outcomes)
        for prompt, line in zip(part.prompts, part.scores, strict=True)
        for model, score in zip(part.models, line, strict=True)
        if not np.isnan(score)
    }


@pytest.mark.parametrize("name", EVERY)
def test_each_form_gives_the_same_scores_and_the_same_comparisons(tmp_path, context, listen, name):
    data = load(EVERY[name](tmp_path), context)
    facts = data.record["outcomes"]
    assert (facts["format"], facts["prompts"], facts["llms"], facts["holes"]) == (name, 24, 3, 0)
    assert data.report.layout == "outcomes" and data.report.facts == facts
    assert whole(data) == {(p, m): SCORES[row, at] for row, p in enumerate(PROMPTS) for at, m in enumerate(MODELS)}
    assert data.train.models == MODELS and len(data.train) + len(data.validation) == 24 * 3
    assert any(f"is an outcome matrix ({name}: 24 prompts, 3 LLMs)" in warning for warning in listen.warnings)
    # Which pairs are drawn, and which side of the split they are on, hang on the content alone.
    plain = load(published.wide(tmp_path), context)
    assert set(data.validation.outcomes.prompts) == set(plain.validation.outcomes.prompts)
    assert pairs(data.train) == pairs(plain.train)


def pairs(part) -> set[tuple[str, str, str, int]]:
    return {
        (part.prompts[p], part.models[a], part.models[b], w)
        for p, a, b, w in zip(part.prompt, part.model_a, part.model_b, part.winner.tolist(), strict=True)
    }


@pytest.mark.parametrize(
    ("name", "has"),
    {
        "routerbench": {"costs", "responses"}, "notdiamond": {"responses"}, "vllm_sr": {"latency"},
        "llmrouterbench": {"costs", "responses", "prompt_tokens", "completion_tokens"},
        "long": {"costs", "responses", "prompt_tokens", "completion_tokens"}, "wide": {"costs"}, "routellm": set(),
        "embedllm": set(), "routereval": set(),
    }.items(),
)  # fmt: skip
def test_what_a_form_has_beside_scores_is_carried_along(tmp_path, context, name, has):
    data = load(EVERY[name](tmp_path), context)
    matrix = data.validation.outcomes
    assert set(data.record["outcomes"]["has"]) == has
    if "costs" in has:
        assert (matrix.costs == np.array(COSTS)).all()
    if "responses" in has:
        row = PROMPTS.index(matrix.prompts[0])
        assert matrix.responses[0] == tuple(published.answer(row, at) for at in range(3))
        at = int(np.flatnonzero(data.validation.prompt == data.validation.prompt[0])[0])
        row = PROMPTS.index(data.validation.prompts[data.validation.prompt[at]])
        assert data.validation.responses_a[at] == published.answer(row, data.validation.model_a[at])
    assert ("responses" in data.train.lacks) == ("responses" not in has)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_containers_do_not_matter(tmp_path, context, suffix):
    assert whole(load(published.routerbench(tmp_path, suffix), context)) == whole(
        load(published.long(tmp_path, suffix), context)
    )


def test_the_rows_of_routellm_as_they_are_published(shared_data, context):
    data = load(shared_data / "router_routellm_correct.csv", context)
    assert data.record["outcomes"]["scores"] == 3610 and len(data.train) + len(data.validation) == 1805
    assert data.record["winners"]["tie"] > 700 and data.record["winners"]["both_bad"] > 100
    assert data.train.groups[0]


def test_a_kind_that_reads_responses_is_refused_by_name(tmp_path, context):
    path = published.routellm(tmp_path)
    with pytest.raises(DataError, match="kind reads responses, and this matrix has none"):
        load(path, context, frozenset({"prompts", "responses"}))
    spec = registry.load("dn_embedding").Spec
    with pytest.raises(DataError, match="dn_embedding reads responses") as caught:
        ComparisonsData(dataset=str(path)).suits(spec.model_construct(model_type="dn_embedding"), tmp_path)
    assert caught.value.where.startswith("/data/dataset: ")
    assert load(published.long(tmp_path), context, frozenset({"prompts", "responses"})).train.responses_a[0]


def test_arrays_without_prompts_are_split_by_prompt_and_read_by_ratings_alone(tmp_path, context):
    path = tmp_path / "scores.npz"
    np.savez(path, score=SCORES)
    data = load(path, context, frozenset())
    assert data.train.lacks == {"prompts", "responses"} and data.train.models == ("model_0", "model_1", "model_2")
    sides = [{part.keys[at] for at in part.prompt} for part in (data.train, data.validation)]
    assert sides[0] and sides[1] and not sides[0] & sides[1]
    with pytest.raises(DataError, match="kind reads prompts, and this matrix has none"):
        load(path, context)


def test_nothing_is_unpickled(tmp_path, context):
    path = tmp_path / "x.npz"
    np.savez(path, score=SCORES, prompt=np.array(PROMPTS, dtype=object))
    with pytest.raises(DataError, match="Python objects, which run code"):
        load(path, context)
    with pytest.raises(ValueError, match=r"is a pickle.*read_pickle\('routerbench_0shot.pkl'\)\.to_parquet"):
        ComparisonsData(dataset="routerbench_0shot.pkl")


def test_the_newest_result_of_a_folder_counts_and_demos_do_not(tmp_path, context, listen):
    folder = published.llmrouterbench(tmp_path)
    result = next(folder.glob("*/*/large/*.json"))
    older = json.loads(result.read_text())
    for record in older["records"]:
        record["score"] = 0.0
    result.with_name("sums-test-large-20250102_030405.json").write_text(json.dumps(older))
    result.with_name("sums-test-large-20270102_030405.json").write_text(json.dumps(older | {"demo": True}))
    data = load(folder, context)
    assert whole(data)[PROMPTS[0], MODELS[0]] == 1.0 and data.record["outcomes"]["scores"] == 72
    assert any("1 results are older ones" in warning for warning in listen.warnings)


@pytest.mark.parametrize("names", [["global_index", "prompt", "prediction", "generated_result"],
                                   ["Global Index", "Question", "Answer", "Difficulty"]])  # fmt: skip
def test_routerarena_is_not_trained_on(tmp_path, context, names):
    path = published.table(tmp_path / "x.csv", names, [[1, "p", "q", "r"]])
    with pytest.raises(DataError, match="rules forbid to train on it"):
        load(path, context)


@pytest.mark.parametrize("turns", ["Hi", ["Hi", "And now?"]])
def test_pairs_of_p2l_are_comparisons(tmp_path, context, turns):
    rows = [[turns if at % 2 else f"Hi {at}", [0, 1], "a", "b", "model_a"] for at in range(20)]
    path = published.table(tmp_path / "p2l.parquet" if isinstance(turns, str) else tmp_path / "p2l.jsonl",
                           ["prompt", "labels", "model_a", "model_b", "winner"], rows)  # fmt: skip
    data = load(path, context)
    assert data.report.layout == "comparisons" and data.train.outcomes is None
    earlier = {data.train.histories[at] for at in range(len(data.train.prompts)) if "now" in data.train.prompts[at]}
    assert earlier == ({("Hi",)} if isinstance(turns, list) else set())


def test_turns_are_the_history_of_the_last(tmp_path, context):
    rows = [[["Hi", f"And {row}?"], model, at] for row in range(20) for at, model in enumerate("xy")]
    data = load(published.table(tmp_path / "x.jsonl", ["prompt", "model", "score"], rows), context)
    assert set(data.train.histories) == {("Hi",)} and data.train.prompts[0].startswith("And")


def test_a_table_of_other_truths_is_no_matrix(tmp_path, context):
    path = published.table(
        tmp_path / "x.csv",
        ["prompt", "left", "right", "better", "toxic", "checked"],
        [["p", "a", "b", "L", "True", "False"]] * 20,
    )
    with pytest.raises(DataError, match="missing columns model_a, model_b, ") as caught:
        load(path, context)
    assert "data.outcomes" in caught.value.hint


def test_everyone_is_wrong_is_both_bad(tmp_path, context):
    data = load(published.wide(tmp_path), context, outcomes={"format": "wide"})
    bad = {row for row in range(24) if not SCORES[row].any()}
    assert {data.train.prompts[at] for at in data.train.prompt[data.train.winner == BOTH_BAD]} > {
        PROMPTS[row] for row in bad if PROMPTS[row] in data.train.outcomes.prompts
    }
