import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.spec.canonical import canonical
from runner.spec.checking import load, load_object
from runner.spec.training_identity import spec_hash


def test_defaults_are_filled_in_and_older_spellings_replaced(document):
    document["data"]["valiation_split"] = 0.1
    filled = canonical(load_object(document).spec)
    assert filled["data"]["validation_split"] == 0.1
    assert "valiation_split" not in filled["data"]
    assert filled["model"]["spec"]["initial_rating"] == 1500
    assert filled["run"]["env"] == []


def test_the_canonical_document_is_a_spec_and_its_own_canonical_form(document):
    document["$schema"] = "schemas/elo_scoring.json"
    spec = load_object(document).spec
    again = load(json.dumps(canonical(spec)))
    assert again.warnings == []
    assert canonical(again.spec) == canonical(spec)
    assert spec_hash(again.spec) == spec_hash(spec)


def test_defaults_that_other_fields_make_void_are_not_filled_in():
    data = {"dataset": "iris", "split_column": "side"}
    table = {"model": {"name": "t", "spec": {"model_type": "tabular_classification"}}, "data": data}
    spec = load_object(table).spec
    filled = canonical(spec)
    assert not {"validation_split", "stratify", "text_features"} & filled["data"].keys()
    assert filled["data"]["seed"] == 42
    assert canonical(load_object(filled).spec) == filled
    several = load_object(table | {"data": {"dataset": "iris", "text": "hash"}}).spec
    assert {"validation_split", "stratify", "text_features"} <= canonical(several)["data"].keys()


def test_a_spec_that_starts_from_a_model_stays_one(document):
    document["model"] = {"name": "next", "start_state": "ratings"}
    spec = load_object(document).spec
    assert load(json.dumps(canonical(spec))).spec.model.start_state == "ratings"


def test_the_hash_is_of_what_decides_the_training(document):
    base = spec_hash(load_object(document).spec)

    def changed(**parts):
        return spec_hash(load_object(copy.deepcopy(document) | parts).spec)

    assert changed(data={"dataset": "sample", "seed": 42}) == base
    assert changed(model={"name": "other", "spec": document["model"]["spec"]}) == base
    assert changed(run={"executor": "local"}, log={"print_every": 5}, wandb={"project": "p"}) == base
    assert changed(batch_size=1) == base, "Elo has no batches"
    assert changed(epochs=4) != base
    assert changed(data={"dataset": "sample", "seed": 1}) != base
    assert changed(model={"name": "ratings", "spec": {"model_type": "elo_scoring", "k_factor": 17}}) != base


@given(st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_neither_order_nor_the_way_numbers_are_written_changes_the_hash(random):
    document = {"model": {"name": "m", "spec": {"model_type": "elo_scoring", "k_factor": 16, "initial_rating": 1500}},
                "data": {"dataset": "sample", "seed": 1}, "epochs": 3, "batch_size": 2}  # fmt: skip

    def shuffled(value):
        if not isinstance(value, dict):
            return float(value) if isinstance(value, int) and random.random() < 0.5 else value
        items = [(key, shuffled(item)) for key, item in value.items()]
        random.shuffle(items)
        return dict(items)

    assert spec_hash(load(json.dumps(shuffled(document))).spec) == spec_hash(load_object(document).spec)
