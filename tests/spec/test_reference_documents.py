"""Documents as users of the older system have them are accepted unchanged."""

import json

import pytest

from runner.spec.loading import load

OPTIMIZER = {"optimizer_type": "adamw", "learning_rate": 0.001, "lr_decay_gamma": 0.95, "betas": [0.9, 0.999],
             "eps": 1e-8, "weight_decay": 0.01}  # fmt: skip


def dense(name, wandb, data, spec, print_every, epochs, batch_size):
    fields = {"model_type": "dense_network"} | spec
    return json.dumps(
        {
            "wandb": dict(zip(("project", "experiment_name", "config_name", "artifact_name"), wandb, strict=True)),
            "model": {"name": name, "start_state": None, "spec": fields},
            "data": {"dataset": "lmarena_human_preference"} | data | {"seed": 42},
            "log": {"print_every": print_every},
            "epochs": epochs,
            "batch_size": batch_size,
        },
        indent=2,
    )


FORMAT = dense(
    "model-name",
    ("project-name", "experiment-name", "config-name", "artifact-name"),
    {"max_samples": 10000, "valiation_split": 0.2},
    {"embedding_model_name": "all-MiniLM-L6-v2", "hidden_dims": [256, 128, 64], "model_id_embedding_dim": 32,
     "optimizer": OPTIMIZER},
    10, 10, 32,
)  # fmt: skip
EXAMPLE = dense(
    "dense_network_v1",
    ("llm-routing", "dense-net-v1", "default", "dense-net-model"),
    {"max_samples": 50000, "valiation_split": 0.15},
    {"embedding_model_name": "all-mpnet-base-v2", "hidden_dims": [512, 256, 128], "model_id_embedding_dim": 64,
     "optimizer": OPTIMIZER | {"learning_rate": 0.0001, "lr_decay_gamma": 0.98}},
    5, 20, 64,
)  # fmt: skip


@pytest.mark.parametrize(("text", "split"), [(FORMAT, 0.2), (EXAMPLE, 0.15)])
def test_accepted_with_one_warning_about_the_misspelling(text, split):
    loaded = load(text)
    assert [warning.pointer for warning in loaded.warnings] == ["/data/valiation_split"]
    assert loaded.spec.data.validation_split == split
    assert loaded.spec.model.spec.optimizer.lr_decay_gamma in (0.95, 0.98)


@pytest.mark.parametrize("name", ["adam", "adamw", "muon"])
def test_every_optimizer_is_accepted_by_its_name_alone(name):
    document = json.loads(FORMAT)
    document["model"]["spec"]["optimizer"] = {"optimizer_type": name, "lr_decay_gamma": None}
    assert load(json.dumps(document)).spec.model.spec.optimizer.optimizer_type == name


@pytest.mark.parametrize(
    "spec",
    [
        {"model_type": "elo_scoring", "initial_rating": 1500, "k_factor": 32, "balance_model_samples": True,
         "tie_both_bad_epsilon": 100, "non_ranking_loss_coeff": 0.1, "min_model_occurrences": 1000},
        {"model_type": "simple_scoring", "optimizer": OPTIMIZER, "balance_model_samples": True,
         "tie_both_bad_epsilon": 0.01, "non_ranking_loss_coeff": 0.01, "min_model_occurrences": 1000},
        {"model_type": "least_squares_scoring", "min_model_occurrences": 1000, "print_summary": True},
    ],
    ids=lambda spec: spec["model_type"],
)  # fmt: skip
def test_the_documented_fields_of_each_kind_are_accepted(spec):
    document = json.loads(FORMAT)
    document["model"]["spec"] = spec
    document["data"]["max_samples"] = None
    assert load(json.dumps(document)).kind == spec["model_type"]


def test_closed_forms_take_zeros():
    document = json.loads(FORMAT)
    document["model"]["spec"] = {"model_type": "least_squares_scoring"}
    document["data"] = {"validation_split": 0.0, "max_samples": None}
    document |= {"epochs": 0, "batch_size": 0}
    assert load(json.dumps(document)).warnings == []
