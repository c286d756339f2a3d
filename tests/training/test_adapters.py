"""Adapters put around a model: they train, with the modules beside them, and nothing else does."""

from __future__ import annotations

import pytest
import torch

from runner.training import adapters
from tests.training.test_finetuning_methods import spec
from tests.training.tiny_models import model


@pytest.mark.parametrize("method", ["lora", "dora", "rslora", "ia3"])
def test_what_is_put_around_a_model_trains_with_what_is_beside_it(method):
    made = model("bert").to(torch.bfloat16)
    around = adapters.put_around(made, spec(method), "/here", task_type=None, beside=["pooler"], part="encoder")
    trained = {name: parameter for name, parameter in around.named_parameters() if parameter.requires_grad}
    beside = {name for name in trained if "pooler.modules_to_save" in name}
    assert beside and all(".encoder." in name for name in trained.keys() - beside)
    assert all(".lora_" in name or ".ia3_" in name for name in trained.keys() - beside)
    assert {parameter.dtype for parameter in trained.values()} == {torch.float32}
