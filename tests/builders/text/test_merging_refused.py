"""What is said where an adapter of a classifier, or a whole one, is asked to be merged."""

from __future__ import annotations

import pytest

from tests.conftest import Desk


@pytest.mark.parametrize(("save_as", "says", "hint"), [
    ("adapter", "is an adapter, and one of a text_classification is put into its base when it is trained", '"whole"'),
    ("whole", "is a whole model: it stands alone already", "runner models export"),
])  # fmt: skip
@pytest.mark.slow
@pytest.mark.warm
def test_a_classifier_that_cannot_be_merged_says_why_and_what_to_do(desk: Desk, save_as, says, hint):
    spec = {
        "model_type": "text_classification", "base_model_name": "runner/tiny-bert", "max_steps": 1, "save_as": save_as,
        "finetuning_spec": {"method": "lora", "rank": 2},
    }  # fmt: skip
    document = {"model": {"name": "m", "spec": spec}, "data": {"dataset": "sample", "max_samples": 24}, "epochs": 1}
    path = desk.write("spec.json", document)
    desk("train", "--spec-file", path, "--executor", "local", "--json").ok()
    refused = desk("merge", "text_classification/m", "--json")
    assert refused.code != 0
    assert says in refused.json["message"]
    assert hint in refused.json["hint"]
