"""Documents as users of the older system have them are accepted unchanged."""

import json

import pytest

from runner.spec.checking import load

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


ATTENTION = {"embedding_type": "attention", "encoder_model_name": "all-MiniLM-L6-v2", "h_emb": 128, "h_scalar": 32,
             "h_pair": 128, "d_out": 64, "pair_mlp_layers": 8, "num_attention_heads": 8, "dropout": 0.1,
             "temperature": 0.07, "pairs_per_model": 64, "models_per_batch": 8, "embeddings_per_model": 4,
             "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.0001, "weight_decay": 0.995}}  # fmt: skip
TRANSFORMER = {
    "data": {"dataset": "lmarena_human_preference", "max_samples": None, "validation_split": 0.2, "seed": 42},
    "epochs": 20,
    "batch_size": 32,
    "model": {
        "name": "transformer-embedding-lora",
        "spec": {
            "model_type": "transformer_embedding",
            "transformer_model_name": "sentence-transformers/all-MiniLM-L12-v2",
            "finetuning_spec": {"method": "lora", "rank": 16, "alpha": 32, "dropout": 0.05, "target_modules": "auto"},
            "hidden_dims": [256, 128],
            "dropout": 0.2,
            "max_length": 256,
            "optimizer": {"optimizer_type": "adamw", "learning_rate": 0.0001, "weight_decay": 0.01},
            "balance_model_samples": True,
            "embedding_spec": ATTENTION,
            "load_embedding_model_from": None,
            "min_model_comparisons": 1000,
            "embedding_model_epochs": 100,
            "seed": 42,
        },
    },
    "log": {"print_every": 1},
}


def with_method(fields):
    spec = TRANSFORMER["model"]["spec"] | {"finetuning_spec": fields}
    return load(json.dumps(TRANSFORMER | {"model": TRANSFORMER["model"] | {"spec": spec}}))


def test_the_fine_tuned_transformer_is_accepted_without_a_warning():
    loaded = load(json.dumps(TRANSFORMER))
    assert loaded.warnings == []
    spec = loaded.spec.model.spec
    assert (spec.finetuning_spec.rank, spec.embedding_spec.optimizer.weight_decay) == (16, 0.995)


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "qlora", "rank": 16, "alpha": 32, "dropout": 0.05, "target_modules": "auto", "load_in_4bit": True,
         "bnb_4bit_compute_dtype": "float16", "bnb_4bit_quant_type": "nf4"},
        {"method": "lora", "target_modules": ["query", "value"]},
        {"method": "last_layers", "num_layers": 2},
        {"method": "bitfit"},
        {"method": "full"},
    ],
    ids=lambda fields: fields["method"],
)  # fmt: skip
def test_every_way_of_fine_tuning_is_accepted(fields):
    loaded = with_method(fields)
    assert loaded.warnings == []
    assert loaded.spec.model.spec.finetuning_spec.model_dump(mode="json").items() >= fields.items()


@pytest.mark.parametrize(("bits", "four"), [(4, True), (8, False)])
def test_qlora_s_older_bits(bits, four):
    loaded = with_method({"method": "qlora", "bits": bits})
    assert loaded.spec.model.spec.finetuning_spec.load_in_4bit is four
    assert [warning.pointer for warning in loaded.warnings] == ["/model/spec/finetuning_spec/bits"]


def test_last_layers_older_name():
    loaded = with_method({"method": "last_layers", "num_unfrozen_layers": 3})
    assert loaded.spec.model.spec.finetuning_spec.num_layers == 3
    assert [warning.pointer for warning in loaded.warnings] == ["/model/spec/finetuning_spec/num_unfrozen_layers"]
