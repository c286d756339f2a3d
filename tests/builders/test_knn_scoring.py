"""Nearest prompts: what a score is, what every field changes, the guard, and what does not fit the data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner import registry
from runner.contract import LoadedData
from runner.data.comparisons import BOTH_BAD, TIE, A, B, Comparisons
from runner.errors import DataError, IntegrityError
from runner.training.sentence_encoder import Encoder
from tests.builders.neural_cases import NAMES, encoder, files, predictions, preferences

__all__ = ["encoder"]

kind = registry.load("knn_scoring")
#: Two prompts of each sort, and one of neither.
PROMPTS = ("hello world", "world hello hello", "a b c", "b c d", "the of")
ABC = ("left", "middle", "right")


def spec(encoder: Path, **fields: Any) -> Any:
    document = {"model_type": "knn_scoring", "embedding_model_name": str(encoder)}
    return kind.Spec.model_validate_json(json.dumps(document | fields))


def written(*rows: tuple[int, str, str, int], held: int = 1) -> LoadedData:
    """Comparisons by prompt number, the last of them held out."""
    n = len(rows)
    data = Comparisons(
        models=ABC,
        prompts=PROMPTS,
        histories=((),) * len(PROMPTS),
        prompt=np.array([row[0] for row in rows], np.int32),
        model_a=np.array([ABC.index(row[1]) for row in rows], np.int32),
        model_b=np.array([ABC.index(row[2]) for row in rows], np.int32),
        winner=np.array([row[3] for row in rows], np.int8),
        responses_a=("yes",) * n,
        responses_b=("no",) * n,
        tags={},
        groups=("",) * len(PROMPTS),
    )
    at = np.arange(n)
    return LoadedData(data.take(at[: n - held]), data.take(at[n - held :]), "0" * 64, {})


ROWS = (
    (0, "left", "right", A),
    (0, "left", "middle", A),
    (1, "right", "left", TIE),
    (2, "left", "right", B),
    (2, "middle", "right", BOTH_BAD),
    (3, "right", "middle", A),
    (4, "middle", "left", A),
)


def scored(encoder: Path, context_for: Any, data: LoadedData, name: str, prompts: list[str], **fields: Any) -> Any:
    """Scores ``[LLMs, prompts]`` of a model that was trained and read back."""
    context = context_for(data, name)
    kind.train(spec(encoder, **fields), context)
    predictor = kind.Predictor.load(context.artifact)
    return predictor.score_llms(prompts, data.train.models)


def test_it_learns_what_no_rating_can(encoder, context_for):
    data = preferences()
    context = context_for(data)
    result = kind.train(spec(encoder), context)
    assert result.metrics["accuracy"] > 0.9
    assert result.parameters == {"k": 20}
    pairs = predictions(kind.Predictor.load(context.artifact), data)
    assert (pairs[:, 0] > pairs[:, 1]).mean() == result.metrics["accuracy"]
    assert len(result.tables["leaderboard"]) == len(NAMES)


@pytest.mark.parametrize(
    ("weighting", "weigh"),
    [
        ("uniform", lambda cosines: np.ones(len(cosines))),
        ("cosine", lambda cosines: np.clip(cosines, 0, None)),
        ({"softmax": 0.2}, lambda cosines: np.exp((cosines - cosines.max()) / 0.2)),
    ],
)
def test_a_score_is_the_weighted_mean_outcome_of_the_neighbours(encoder, context_for, weighting, weigh):
    fields = {"k": 3, "shrinkage": 1.5, "tie_outcome": 0.25, "both_bad_outcome": 0.125, "weighting": weighting}
    found = scored(encoder, context_for, written(*ROWS), "run", ["hello a"], **fields)[:, 0]
    vectors = Encoder.load(encoder).encode([*PROMPTS[:4], "hello a"])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors[:4] @ vectors[4]
    near = np.argsort(-cosines)[:3]
    weight = dict(zip(near.tolist(), weigh(cosines[near]).tolist(), strict=True))
    worth = {A: (1, 0), B: (0, 1), TIE: (0.25, 0.25), BOTH_BAD: (0.125, 0.125)}
    for number, name in enumerate(ABC):
        each = [
            (prompt, worth[winner][side])
            for prompt, a, b, winner in ROWS[:-1]
            for side, who in enumerate((a, b))
            if who == name
        ]
        overall = np.mean([value for _, value in each])
        total = sum(weight.get(prompt, 0) * value for prompt, value in each) + 1.5 * overall
        count = sum(weight.get(prompt, 0) for prompt, _ in each) + 1.5
        assert found[number] == pytest.approx(total / count - 0.5, abs=2e-3)


def test_an_llm_that_the_neighbours_say_nothing_of_has_its_mean(encoder, context_for):
    found = scored(encoder, context_for, written(*ROWS), "run", ["b c d"], k=1, shrinkage=0)[:, 0]
    assert found.tolist() == pytest.approx([2.5 / 4 - 0.5, -0.5, 0.5])


def test_a_batch_of_one_and_the_cache_change_nothing(encoder, context_for, tmp_path):
    context = context_for(preferences())
    kind.train(spec(encoder), context)
    predictor = kind.Predictor.load(context.artifact)
    prompts = ["hello world", "a b c", "hello", "a b c"]
    found = predictor.score_llms(prompts, NAMES)
    np.testing.assert_allclose(predictor.score_llms(prompts, NAMES, 1), found, atol=1e-5)
    predictor.use_cache(tmp_path / "other")
    np.testing.assert_allclose(predictor.score_llms(prompts, NAMES), found, atol=1e-5)
    assert np.isnan(predictor.score_llms(prompts, ["nobody", NAMES[0]])).tolist() == [[True] * 4, [False] * 4]
    assert predictor.score_llms([], NAMES).shape == (len(NAMES), 0)


def test_auto_chooses_a_number_of_its_grid_and_stores_it(encoder, context_for):
    context = context_for(preferences())
    result = kind.train(spec(encoder, k="auto"), context)
    assert result.parameters["k"] in (5, 10, 20, 40, 80, 160, 320)
    assert json.loads((context.artifact / "model.json").read_text())["k"] == result.parameters["k"]
    assert result.metrics["accuracy"] > 0.9


def test_without_held_out_comparisons_it_is_still_stored(encoder, context_for):
    data = preferences(120)
    context = context_for(LoadedData(data.train, data.train.take(np.zeros(0, np.int64)), "0" * 64, {}))
    result = kind.train(spec(encoder), context)
    assert result.metrics["accuracy"] is None and len(result.tables["leaderboard"]) == len(NAMES)


def test_few_are_searched_where_there_are_many_and_all_cells_are_all_prompts(encoder, context_for):
    data, prompts = preferences(), ["hello world", "a b c"]
    exact = scored(encoder, context_for, data, "exact", prompts)
    np.testing.assert_allclose(
        scored(encoder, context_for, data, "all", prompts, exact_up_to=10, probes=10_000), exact, atol=1e-6
    )
    one = scored(encoder, context_for, data, "one", prompts, exact_up_to=10, probes=1)
    assert not np.allclose(one, exact)
    greeter, speller = NAMES.index("greeter-0"), NAMES.index("speller-0")
    assert one[greeter, 0] > one[speller, 0] and one[greeter, 1] < one[speller, 1]


def test_the_same_twice_is_the_same_bytes(encoder, context_for):
    for number, fields in enumerate(({}, {"k": "auto", "exact_up_to": 10})):
        first, again = (context_for(preferences(), f"{name}-{number}") for name in ("first", "again"))
        assert kind.train(spec(encoder, **fields), first) == kind.train(spec(encoder, **fields), again)
        assert files(first.artifact) == files(again.artifact)


def rival(wins: int, losses: int) -> LoadedData:
    """On greetings `middle` meets the default `left` so often; `left` beats `right` everywhere else."""
    greeting = [(at % 2, "middle", "left", A if at < wins else B) for at in range(wins + losses)]
    return written(*greeting, *[(2 + at % 2, "left", "right", A) for at in range(8)], (4, "left", "right", A))


def leader(encoder: Path, context_for: Any, data: LoadedData, name: str, k: int = 2, **guard: Any) -> str:
    guard = {"default_model": "left", "min_neighbors": 2} | guard
    found = scored(encoder, context_for, data, name, ["hello"], k=k, shrinkage=0, guard=guard)[:, 0]
    return ABC[int(found.argmax())]


def test_the_guard_lets_another_lead_where_the_neighbours_are_sure(encoder, context_for):
    assert leader(encoder, context_for, rival(6, 0), "sure") == "middle"
    # Only two of the three neighbours have outcomes of both.
    assert leader(encoder, context_for, rival(6, 0), "few", k=3, min_neighbors=3) == "left"
    assert leader(encoder, context_for, rival(6, 0), "far", min_similarity=1.0) == "left"
    # One greeting has three wins, the other two of three.
    assert leader(encoder, context_for, rival(5, 1), "less sure", min_standard_errors=1.0) == "middle"
    assert leader(encoder, context_for, rival(5, 1), "unsure", min_standard_errors=10.0) == "left"


def test_an_llm_whose_lead_is_not_sure_is_just_below_the_default(encoder, context_for):
    data, fields = rival(5, 1), {"k": 2, "shrinkage": 0}
    plain = scored(encoder, context_for, data, "plain", ["hello world"], **fields)[:, 0]
    guarded = scored(
        encoder, context_for, data, "guarded", ["hello world"],
        guard={"default_model": "left", "min_neighbors": 2, "min_standard_errors": 10.0}, **fields,
    )[:, 0]  # fmt: skip
    left, middle = ABC.index("left"), ABC.index("middle")
    assert plain[middle] > plain[left] == guarded[left]
    assert 0 < guarded[left] - guarded[middle] < 1e-5


def test_best_is_the_llm_of_the_highest_mean_and_the_run_says_so(encoder, context_for):
    context = context_for(preferences())
    result = kind.train(spec(encoder, guard={"min_standard_errors": 1000.0}), context)
    board = {row["model"]: (row["wins"] + row["ties"] / 2) / row["comparisons"] for row in result.tables["leaderboard"]}
    assert result.parameters["guard"] == {"default_model": max(board, key=lambda name: board[name])}
    assert result.metrics["default_share"] == 1.0


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"k": 5}, "/model/spec/k"),
        ({"k": 2, "guard": {"default_model": "nobody", "min_neighbors": 2}}, "/model/spec/guard/default_model"),
    ],
)
def test_what_does_not_fit_the_data_is_refused_by_its_place(encoder, context_for, fields, where):
    with pytest.raises(DataError) as caught:
        kind.train(spec(encoder, **fields), context_for(written(*ROWS)))
    assert caught.value.where == where and caught.value.hint


def test_an_artifact_that_is_something_else_is_refused(encoder, context_for):
    context = context_for(preferences(40))
    kind.train(spec(encoder, k=3), context)
    document = json.loads((context.artifact / "model.json").read_text())
    for change in ({"models": ["x"]}, {"weighting": {"nothing": 1}}, {"k": None}):
        (context.artifact / "model.json").write_text(json.dumps(document | change))
        with pytest.raises(IntegrityError):
            kind.Predictor.load(context.artifact)


def test_a_start_state_gives_its_encoder_and_says_that_its_scores_do_not_count(encoder, context_for):
    first = context_for(preferences(60), "first")
    kind.train(spec(encoder, k=3), first)
    again = context_for(preferences(60), "again", start_from=first.artifact)
    kind.train(spec(encoder, k=3), again)
    assert files(again.artifact) == files(first.artifact)
    assert "start_state" in again.emit.of("warning")[0]["message"]
