"""What each input is worth: the seam in the predictors, and what shuffling an input shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner import registry
from runner.contract import LoadedData, Table, TrainContext
from runner.data.comparisons import Comparisons
from runner.errors import Stopped
from runner.tasks.ranking.input_importance import input_importance, of_ranking
from runner.tasks.ranking.llm_predictor import LlmPredictor
from runner.tasks.ranking.pair_inputs import PairInputs, Part
from tests.builders.length_cases import lengths as lengths
from tests.builders.neural_cases import NAMES, embedded, encoder, files, preferences, store

__all__ = ["encoder"]

#: Every kind whose predictor tells its inputs apart, and what makes it small, by the encoder.
NETWORK = {"hidden_dims": [8], "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.01}}
SMALL: dict[str, dict[str, Any]] = {
    "dense_network": NETWORK | {"model_id_embedding_dim": 4},
    "matrix_factorization": {"embedding_dim": 6, "optimizer": NETWORK["optimizer"]},
    "linear_scoring": {"l2": 0.01, "prompt_features": True},
    "knn_scoring": {"k": 5},
    "dn_embedding": {"prompt_features": "densities_44"},
    "response_predictive": {
        "response_repr_dim": 6,
        "encoder_hidden_dims": [8],
        "predictor_hidden_dims": [8],
        "scorer_hidden_dims": [8],
    },
    "gradient_boosting": {
        "max_depth": 2,
        "input_features": ["model_embedding", "prompt_features", "prompt_embedding", "prompt_categories", "model_id"],
    },
    "transformer_embedding": NETWORK | {"finetuning_spec": {"method": "lora", "rank": 2}, "max_length": 16},
    "dn_embedding_length_prediction": NETWORK | {"input_proj_dim": 8},
    "gb_length_prediction": {"max_depth": 2},
}
#: These take seconds, and share their seams with others that are quick.
SLOW = {"transformer_embedding", "response_predictive", "gb_length_prediction"}
LENGTHS = {"dn_embedding_length_prediction", "gb_length_prediction"}
LLM_PARTS = ("model_id", "model_embedding")


def spec(kind: str, encoder: Path, **fields: Any) -> Any:
    loaded = registry.load(kind)
    known = loaded.Spec.model_fields
    shared = embedded(encoder, embedding_model_epochs=0, min_model_comparisons=1)
    document = {name: value for name, value in shared.items() if name in known} | {"model_type": kind}
    for name in ("transformer_model_name", "embedding_model_name"):
        document |= {name: str(encoder)} if name in known else {}
    return loaded.Spec.model_validate_json(json.dumps(document | SMALL[kind] | fields))


def rows_of(table: Table) -> dict[str, dict[str, Any]]:
    return {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}


def test_every_kind_that_reads_the_prompt_by_a_model_is_here() -> None:
    asked = {name for name in registry.kinds() if "importance_repeats" in registry.load(name).Spec.model_fields}
    assert {name for name in asked if registry.task(name).name in ("ranking", "length")} == set(SMALL)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.slow] if kind in SLOW else []) for kind in SMALL],
)
@pytest.mark.slow
@pytest.mark.warm
def test_scores_of_what_was_read_are_the_scores_and_asking_changes_no_model(
    kind: str, encoder: Path, lengths: LoadedData, context_for: Callable[..., TrainContext]
) -> None:
    loaded = registry.load(kind)
    data = lengths if kind in LENGTHS else preferences(160)
    plain, asked = context_for(data, epochs=2, name="plain"), context_for(data, epochs=2, name="asked")
    without = loaded.train(spec(kind, encoder), plain)
    result = loaded.train(spec(kind, encoder, importance_repeats=2), asked)
    assert files(asked.artifact) == files(plain.artifact)
    assert result.metrics == without.metrics
    assert "input_importance" not in without.tables

    predictor = loaded.Predictor.load(asked.artifact)
    assert predictor.splits_inputs
    held: Comparisons = data.validation
    prompts = [held.prompts[at] for at in held.prompt[:20]]
    names = [held.models[at] for at in held.model_a[:20]]
    table = predictor.score_llms(prompts, held.models)
    found = predictor.score_pairs(predictor.read_pairs(prompts, names))
    np.testing.assert_allclose(found, table[held.model_a[:20], np.arange(20)], rtol=1e-4, atol=1e-5)

    told = Table.read(result.tables["input_importance"])
    assert told is not None and told.plot == "bars"
    assert [row[1] for row in told.rows] == sorted((row[1] for row in told.rows), reverse=True)
    assert all(row[2] <= row[3] for row in told.rows)
    rows = rows_of(told)
    assert any(name in rows for name in LLM_PARTS)
    assert "prompt_embedding" in rows or kind == "gb_length_prediction"
    if "prompt_features" in rows:
        assert rows["the whole prompt"]["what it is"] == "all of these inputs"
        names_of = [name for name, row in rows.items() if row["what it is"] == "one of prompt_features"]
        assert len(names_of) == (44 if kind == "dn_embedding" else 45)
        assert any(row["what it is"] == "group of prompt_features" for row in rows.values())
    assert [event["done"] for event in asked.emit.of("progress") if event.get("phase") == "importance"][-1] == len(
        told.rows
    )


def test_a_base_model_is_an_input_of_the_model_above(encoder: Path, context_for: Any, tmp_path: Path) -> None:
    data = preferences(160)
    base = registry.load("bradley_terry_scoring")
    below = context_for(data)
    stored = store(
        tmp_path / "models",
        "bradley_terry_scoring",
        below,
        base.train(
            base.Spec.model_validate({"model_type": "bradley_terry_scoring", "min_model_occurrences": 1}), below
        ),
    )
    for kind in ("dn_embedding", "gradient_boosting"):
        loaded = registry.load(kind)
        context = context_for(data, epochs=1, name=kind)
        context.stored["base_model"] = stored
        result = loaded.train(
            spec(kind, encoder, importance_repeats=1, base_model="bradley_terry_scoring/stored"), context
        )
        predictor = loaded.Predictor.load(context.artifact)
        prompts, names = list(data.validation.prompts[:6]), list(NAMES)
        found = predictor.score_pairs(predictor.read_pairs(prompts, names))
        np.testing.assert_allclose(found, np.diag(predictor.score_llms(prompts, names)), rtol=1e-4, atol=1e-5)
        assert "base_model" in {row[0] for row in result.tables["input_importance"]["rows"]}


class Known(LlmPredictor):
    """Scores that are a sum: what is in the prompt for an LLM, doubled; and two inputs that nothing hangs on."""

    splits_inputs = True
    models = ("good", "bad")

    def read_pairs(
        self, prompts: Any, llms: Any, batch_size: int = 128, *, histories: Any = None, tags: Any = None
    ) -> Any:
        wanted = np.array([[float(prompt.endswith("1"))] for prompt in prompts])
        llm = np.array([[float(name == "good")] for name in llms])
        noise = np.arange(2.0 * len(prompts)).reshape(-1, 2)
        same = np.ones((len(prompts), 1))
        return PairInputs(
            (
                Part("wanted", wanted),
                Part("noise", noise, columns=("left", "right"), groups=("one", "two")),
                Part("same", same),
                Part("which", llm, "llm"),
            )
        )

    def score_pairs(self, inputs: Any) -> np.ndarray:
        return np.where(inputs["wanted"] == inputs["which"], 1.0, 0.0)[:, 0]


def foretold(n: int = 200) -> Comparisons:
    """``good`` wins where the prompt ends with 1, ``bad`` elsewhere."""
    made = preferences(n).train.take(np.zeros(0, int))
    ends = np.arange(n) % 2
    return replace(
        made,
        models=("good", "bad"),
        prompts=tuple(f"prompt {at} {end}" for at, end in enumerate(ends)),
        histories=((),) * n,
        groups=("",) * n,
        prompt=np.arange(n, dtype=np.int32),
        model_a=np.zeros(n, np.int32),
        model_b=np.ones(n, np.int32),
        winner=np.where(ends == 1, 0, 1).astype(np.int8),
        responses_a=("x",) * n,
        responses_b=("y",) * n,
    )


def test_the_fall_is_what_the_input_is_worth_and_none_of_what_is_not_read() -> None:
    judged = of_ranking(foretold())
    found = input_importance(Known(), judged, 4, seed=1)
    assert found is not None
    rows = rows_of(found)
    # Half of the prompts want something else: shuffled, half of them are foretold right.
    assert rows["wanted"]["fall"] == pytest.approx(0.5, abs=0.08)
    assert rows["wanted"]["low"] < rows["wanted"]["fall"] < rows["wanted"]["high"]
    assert rows["the whole prompt"]["fall"] == pytest.approx(0.5, abs=0.08)
    # Both sides are shuffled alike: every comparison is of the same two LLMs.
    assert rows["which"]["fall"] == 0
    assert [rows[name]["fall"] for name in ("noise", "left", "right", "same")] == [0, 0, 0, 0]
    assert "one" not in rows, "a group of one feature is that feature"
    assert "1.000 as they are" in found.note
    again = input_importance(Known(), judged, 4, seed=1)
    assert again is not None and again.rows == found.rows
    other = input_importance(Known(), judged, 4, seed=2)
    assert other is not None and other.rows != found.rows


def test_at_most_a_thousand_rows_are_asked_about_and_those_of_unknown_llms_are_not() -> None:
    asked: list[int] = []

    class Counting(Known):
        def read_pairs(self, prompts: Any, *rest: Any, **named: Any) -> Any:
            asked.append(len(prompts) // 2)
            return super().read_pairs(prompts, *rest, **named)

    many = input_importance(Counting(), of_ranking(foretold(1400)), 1, seed=0)
    assert many is not None and asked == [1000]
    assert "1,000 of the 1,400 held-out decided comparisons" in many.note

    class Stranger(Counting):
        models = ("good",)

    assert input_importance(Stranger(), of_ranking(foretold(20)), 1, seed=0) is None


def test_it_ends_when_the_run_is_asked_to_stop(encoder: Path, context_for: Any) -> None:
    loaded = registry.load("matrix_factorization")
    data = preferences(120)
    context = context_for(data, epochs=1)
    context.stop_requested = lambda: any(event.get("phase") == "importance" for event in context.emit.of("progress"))
    with pytest.raises(Stopped):
        loaded.train(spec("matrix_factorization", encoder, importance_repeats=100), context)


def test_nothing_is_told_without_held_out_rows(encoder: Path, context_for: Any) -> None:
    data = preferences(120)
    nothing = LoadedData(data.train, data.validation.take(np.zeros(0, int)), "0" * 64, {})
    loaded = registry.load("matrix_factorization")
    result = loaded.train(spec("matrix_factorization", encoder, importance_repeats=2), context_for(nothing, epochs=1))
    assert "input_importance" not in result.tables
