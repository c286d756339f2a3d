"""A router whose prompts are embedded by a sentence encoder that was tuned here."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Desk
from tests.examples import example


@pytest.mark.slow
@pytest.mark.warm
def test_a_router_reads_prompts_with_a_stored_encoder(desk: Desk):
    def train(document):
        path = desk.home / "spec.json"
        path.write_text(json.dumps(document))
        return desk("train", "--spec-file", path, "--executor", "local", "--json").ok().json

    encoder = train(example("sentence_embedding", epochs=1))
    document = example("linear_scoring")
    document["model"]["spec"]["embedding_model_name"] = encoder["model"]
    router = train(document)
    folder = desk.home / router["path"] / "encoder"
    stored = desk.home / encoder["path"] / "model.safetensors"
    assert (folder / "model.safetensors").read_bytes() == stored.read_bytes()
    asked = desk("infer", "--model", router["model"], "--prompts", "What is 2 plus 3?", "--output-path", "-").ok()
    assert asked.json
    assert "pooler" not in asked.err


def test_a_model_without_vectors_is_no_encoder(desk: Desk):
    document = example("linear_scoring")
    document["model"]["spec"]["embedding_model_name"] = "sentence_embedding/nobody"
    path = desk.home / "spec.json"
    path.write_text(json.dumps(document))
    done = desk("train", "--spec-file", path, "--executor", "local")
    assert done.code == 5 and "/model/spec/embedding_model_name" in done.err
