"""Routers whose training is chosen by cross-validation over their prompts."""

from __future__ import annotations

from typing import Any

import pytest

from runner import registry
from tests.builders.neural_cases import embedded, preferences, resumes_to_the_bit
from tests.builders.neural_cases import encoder as encoder

#: Kind -> what keeps it small, and a grid of which one value is plainly worse.
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "dense_network": ({"hidden_dims": [16]}, {"optimizer.learning_rate": [1e-6, 0.01]}),
    "matrix_factorization": ({"embedding_dim": 8, "noise": 0.0}, {"optimizer.learning_rate": [1e-6, 0.05]}),
    "dn_embedding": ({}, {"optimizer.learning_rate": [1e-6, 0.005]}),
    "response_predictive": (
        {"predictor_hidden_dims": [16], "scorer_hidden_dims": [8], "encoder_hidden_dims": [8], "response_repr_dim": 8},
        {"optimizer.learning_rate": [1e-6, 0.005]},
    ),
    "gradient_boosting": ({}, {"reg_lambda": [1e6, 1.0]}),
}
#: Those that every run of the tests trains.
QUICK = ("dense_network", "gradient_boosting")


def spec_of(kind: str, encoder: Any, **more: Any) -> Any:
    section = registry.load(kind).Spec
    own, _ = KINDS[kind]
    small = {
        name: value for name, value in embedded(encoder).items() if name in section.model_fields and name not in own
    }
    filters = dict.fromkeys(section.row_filters, 1)
    return section.model_validate({"model_type": kind} | small | filters | own | more)


def chosen(kind: str, folds: int = 2) -> dict[str, Any]:
    return {"cross_validation": {"folds": folds, "grid": KINDS[kind][1]}}


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_the_better_value_is_chosen_and_the_last_epoch_is_kept(encoder, context_for, kind):
    data, builder = preferences(120), registry.load(kind)
    context = context_for(data, epochs=4)
    result = builder.train(spec_of(kind, encoder, **chosen(kind)), context)
    (path, values), found = next(iter(KINDS[kind][1].items())), result.parameters["cross_validation"]
    assert found[path] == values[1]
    assert result.best_epoch == result.epochs == found["epochs"] <= 4
    table = result.tables["cross_validation"]
    assert list(table["columns"]) == [path, "epochs", "log_loss", "accuracy", "temperature"] and len(table["rows"]) == 2
    assert table["rows"][0][2] < table["rows"][1][2]
    # Too few are held out to fit a temperature: it is that of what the folds foretold.
    assert result.metrics["temperature"] == table["rows"][0][4]
    trained = [told for told in context.emit.of("progress") if told.get("stage") == "cross_validation"]
    assert [told["done"] for told in trained] == [1, 2, 3, 4]
    # The same as a training of the chosen spec for so long, of which the last epoch is kept.
    name, head = path.rpartition(".")[2], path.partition(".")[0]
    value = values[1] if head == path else embedded(encoder)["optimizer"] | {name: values[1]}
    plain = context_for(data, "plain", epochs=found["epochs"])
    plain.data.validation.winner[:] = 2  # nothing is decided: no epoch is better than the last
    builder.train(spec_of(kind, encoder, **{head: value}), plain)
    for file in ("network.safetensors", "booster.json"):
        if (context.artifact / file).exists():
            assert (context.artifact / file).read_bytes() == (plain.artifact / file).read_bytes()


@pytest.mark.parametrize("kind", QUICK)
def test_stopped_between_two_folds_it_ends_the_same(encoder, context_for, kind):
    spec = spec_of(kind, encoder, **chosen(kind))
    data = preferences(120)
    resumes_to_the_bit(registry.load(kind), spec, lambda name: context_for(data, name, epochs=3), "progress", 2)
