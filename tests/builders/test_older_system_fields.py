"""Fields that specs of an older system have: each is taken, and does what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner import registry
from runner.builders.routing._fields.prompt_features import OLDER_NAMES, chosen
from runner.contract import LoadedData, TrainContext
from runner.errors import SpecError
from runner.spec.checking import load_object
from runner.store.tensors import read_tensors
from tests.builders.neural_cases import NAMES, embedded, preferences
from tests.builders.neural_cases import encoder as encoder

#: Kind -> what keeps it small, beside what all kinds on an embedding of the LLMs need.
SMALL: dict[str, tuple[str, ...]] = {
    "dense_network": ("embedding_model_name", "hidden_dims", "optimizer"),
    "dn_embedding": ("embedding_model_name", "embedding_spec", "embedding_model_epochs", "hidden_dims",
                     "input_proj_dim", "optimizer"),
    "dn_embedding_length_prediction": ("embedding_model_name", "embedding_spec", "embedding_model_epochs",
                                       "hidden_dims", "input_proj_dim", "optimizer"),
    "gradient_boosting": ("embedding_model_name", "embedding_spec", "embedding_model_epochs"),
    "gb_length_prediction": ("embedding_model_name", "embedding_spec", "embedding_model_epochs"),
    "simple_length_prediction": ("embedding_model_name",),
    "transformer_embedding": ("embedding_spec", "embedding_model_epochs", "hidden_dims", "optimizer"),
}  # fmt: skip


class Trained:
    """A model of one kind, trained for a moment on fields that a spec adds."""

    def __init__(self, kind: str, data: LoadedData, context: TrainContext, encoder: Path, fields: dict[str, Any]):
        small = {name: value for name, value in embedded(encoder).items() if name in SMALL[kind]}
        if kind == "transformer_embedding":
            small |= {"transformer_model_name": str(encoder), "finetuning_spec": {"method": "lora", "rank": 2}}
            small |= {"max_length": 16}
        document = {
            "model": {"name": "m", "spec": {"model_type": kind} | small | fields},
            "data": {"dataset": "sample"},
            "epochs": context.epochs,
            "batch_size": 32,
        }
        self.loaded = load_object(document)
        self.builder, self.context, self.data = registry.load(kind), context, data
        self.result = self.builder.train(self.loaded.spec.model.spec, context)

    @property
    def document(self) -> dict[str, Any]:
        return json.loads((self.context.artifact / "model.json").read_text())

    def tensors(self, name: str = "network") -> dict[str, np.ndarray]:
        return read_tensors(self.context.artifact / f"{name}.safetensors")

    @property
    def inputs(self) -> dict[str, int]:
        return {row["input"]: row["columns"] for row in self.result.tables["importance"]}

    def scores(self, *prompts: str) -> np.ndarray:
        predictor = self.builder.Predictor.load(self.context.artifact)
        return np.asarray(predictor.score_llms(list(prompts), list(NAMES)))


@pytest.fixture
def trained(context_for, encoder) -> Callable[..., Trained]:
    def make(kind: str, name: str = "run", epochs: int = 2, **fields: Any) -> Trained:
        data = preferences(160)
        return Trained(kind, data, context_for(data, name, epochs=epochs), encoder, fields)

    return make


PROMPTS = ("hello world hello", "a b", "c d a b")
#: A name of the older system's features, a name of the other set, and one that was spelt in another way.
FEATURES = ["Word count", "task_question", "Science domain score"]


def groups(found: Trained, *names: str) -> bool:
    return set(found.inputs) == set(names)


def one_regression_alike(found: Trained) -> bool:
    """Without features every prompt is predicted an LLM's mean."""
    return found.scores(*PROMPTS).std(axis=1).max() < 1e-9 and found.tensors("weights")["weights"].shape[1] == 1


def rates(found: Trained) -> list[float]:
    return json.loads((found.context.artifact / "optimizer.json").read_text())["learning_rates"][0]


#: Kind, what the spec says, and whether it did it.
CASES: dict[str, tuple[str, dict[str, Any], Callable[[Trained], bool]]] = {
    "gb: the default inputs": (
        "gradient_boosting", {},
        lambda it: groups(it, "prompt_features", "prompt_embedding", "model_embedding")),
    "gb: prompt_categories": (
        "gradient_boosting", {"input_features": ["prompt_categories", "model_embedding"]},
        lambda it: it.inputs == {"prompt_categories": 12, "model_embedding": 8}),
    "gb: older words": (
        "gradient_boosting", {"input_features": ["categories", "llm_embedding"]},
        lambda it: groups(it, "prompt_categories", "model_embedding")
        and [warning.hint.split(",")[0] for warning in it.loaded.warnings]
        == ['write "prompt_categories"', 'write "model_embedding"']),
    "gb: prompt_features and prompt_embedding": (
        "gradient_boosting", {"input_features": ["prompt_features", "prompt_embedding", "model_embedding"]},
        lambda it: it.inputs == {"prompt_features": 45, "prompt_embedding": 16, "model_embedding": 8}),
    "gb lengths: the default inputs": (
        "gb_length_prediction", {},
        lambda it: groups(it, "prompt_features", "model_embedding", "prompt_embedding", "model_id")
        and it.inputs["model_id"] == len(NAMES)),
    "gb lengths: model_id alone tells LLMs apart": (
        "gb_length_prediction", {"input_features": ["prompt_embedding", "model_id"]},
        lambda it: not (it.context.artifact / "llm_embedding").exists()
        and it.document["model_ids"] == sorted(NAMES)),
    "gb lengths: no word of the LLM": (
        "gb_length_prediction", {"input_features": ["prompt_features"]},
        lambda it: groups(it, "prompt_features") and it.scores(*PROMPTS).shape == (6, 3)),
    "gb: prompt_features by name": (
        "gradient_boosting", {"prompt_features": FEATURES},
        lambda it: it.inputs["prompt_features"] == 3
        and it.document["features"] == ["Word count", "task_question", "Science score"]),
    "dense: prompt_features by name": (
        "dense_network", {"prompt_features": FEATURES},
        lambda it: it.document["features"] == ["Word count", "task_question", "Science score"]
        and it.tensors()["layers.0.weight"].shape[1] == 16 + 3 + 32),
    "dense: the other set": (
        "dense_network", {"prompt_features": "densities_44"},
        lambda it: tuple(it.document["features"]) == chosen("densities_44")),
    "dn: prompt_features by name": (
        "dn_embedding", {"prompt_features": FEATURES},
        lambda it: len(it.document["feature_mean"]) == 3 and np.isfinite(it.scores(*PROMPTS)).all()),
    "dn: no skip connections by default": (
        "dn_embedding", {}, lambda it: not it.document["network"]["skip"]),
    "dn: skip connections": (
        "dn_embedding", {"use_skip_connections": True}, lambda it: it.document["network"]["skip"]),
    "dn lengths: model_id_embedding_dim": (
        "dn_embedding_length_prediction", {},
        lambda it: it.tensors()["model_embedding.weight"].shape == (6, 64)),
    "dn lengths: prompt_features by name": (
        "dn_embedding_length_prediction", {"prompt_features": FEATURES},
        lambda it: len(it.document["feature_mean"]) == 3 and np.isfinite(it.scores(*PROMPTS)).all()),
    "simple lengths: features by name": (
        "simple_length_prediction", {"input_features": ["Word count", "Has numbers"]},
        lambda it: it.tensors("weights")["weights"].shape == (6, 3) and it.document["feature_mean"][0] > 1),
    "simple lengths: no feature": ("simple_length_prediction", {"input_features": []}, one_regression_alike),
    "simple lengths: features as they are": (
        "simple_length_prediction", {"input_features": ["Word count"], "use_scaled_features": False},
        lambda it: (it.document["feature_mean"], it.document["feature_std"]) == ([0.0], [1.0])),
    "transformer: proj_dim by default": (
        "transformer_embedding", {},
        lambda it: it.tensors()["project_prompt.weight"].shape[0] == it.tensors()["project_llm.weight"].shape[0] == 64),
    "transformer: proj_dim": (
        "transformer_embedding", {"proj_dim": 10},
        lambda it: it.tensors()["project_llm.weight"].shape == (10, 8) and np.isfinite(it.scores(*PROMPTS)).all()),
    "transformer: scoring_head_lr_multiplier": (
        "transformer_embedding", {"scoring_head_lr_multiplier": 4.0},
        lambda it: rates(it) == pytest.approx([0.005, 0.02])),
    "transformer: one learning rate": ("transformer_embedding", {}, lambda it: rates(it) == [0.005]),
    "transformer: prompt_features by name": (
        "transformer_embedding", {"prompt_features": FEATURES},
        lambda it: len(it.document["feature_mean"]) == 3),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.slow
@pytest.mark.warm
def test_a_field_does_what_it_says(trained, case):
    kind, fields, does = CASES[case]
    assert does(trained(kind, **fields))


@pytest.mark.parametrize("kind", ["gradient_boosting", "gb_length_prediction"])
def test_columns_are_drawn_for_each_level_and_again_after_a_stop(trained, kind):
    whole = trained(kind, "whole", epochs=4)
    drawn, again = (trained(kind, name, epochs=4, colsample_bylevel=0.2) for name in ("drawn", "again"))
    assert (whole.context.artifact / "booster.json").read_bytes() != (
        drawn.context.artifact / "booster.json"
    ).read_bytes()
    assert (again.context.artifact / "booster.json").read_bytes() == (
        drawn.context.artifact / "booster.json"
    ).read_bytes()


def test_a_model_whose_groups_have_older_words_is_read(trained):
    found = trained("gradient_boosting")
    expected = found.scores(*PROMPTS)
    document = found.document
    widths = document["inputs"]
    document["inputs"] = {{"model_embedding": "llm_embedding"}.get(name, name): widths[name] for name in widths}
    (found.context.artifact / "model.json").write_text(json.dumps(document))
    np.testing.assert_array_equal(found.scores(*PROMPTS), expected)


def test_a_transformer_of_before_projections_had_a_width_is_read(trained):
    found = trained("transformer_embedding", hidden_dims=[64, 8])
    expected, document = found.scores(*PROMPTS), found.document
    del document["network"]["projection"]
    (found.context.artifact / "model.json").write_text(json.dumps(document))
    np.testing.assert_array_equal(found.scores(*PROMPTS), expected)


@pytest.mark.parametrize(
    ("kind", "fields", "at", "hint"),
    [
        ("dense_network", {"prompt_features": ["Wrod count"]}, "/prompt_features/0", 'did you mean "Word count"?'),
        ("dense_network", {"prompt_features": "densities"}, "/prompt_features", 'did you mean "densities_44"?'),
        ("simple_length_prediction", {"input_features": ["Has number"]}, "/input_features/0",
         'did you mean "Has numbers"?'),
        ("gradient_boosting", {"input_features": ["model_embeding"]}, "/input_features/0",
         'did you mean "model_embedding"?'),
        ("gradient_boosting", {"input_features": ["prompt_features"]}, "/input_features", None),
        ("dense_network", {"prompt_features": ["Law score", "Law domain score"]}, "/prompt_features", None),
        ("dense_network", {"prompt_features": []}, "/prompt_features", None),
    ],
)  # fmt: skip
def test_a_word_that_is_none_is_told_at_its_place(kind, fields, at, hint):
    document = {"model": {"name": "m", "spec": {"model_type": kind} | fields}, "epochs": 1, "batch_size": 1}
    with pytest.raises(SpecError) as caught:
        load_object(document)
    (fault,) = caught.value.faults
    assert fault.pointer == f"/model/spec{at}" and (hint is None or fault.hint == hint)


def test_every_older_name_of_a_feature_is_taken():
    fields = {"model_type": "simple_length_prediction", "input_features": list(OLDER_NAMES)}
    loaded = load_object({"model": {"name": "m", "spec": fields}})
    assert loaded.spec.model.spec.input_features == list(OLDER_NAMES.values())
    assert len(loaded.warnings) == len(OLDER_NAMES)
