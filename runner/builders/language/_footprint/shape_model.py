"""The model that a training begins with as shapes without numbers: no weight is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from runner.builders._finetuning.opened_model import compute_anew
from runner.builders.language._footprint.quantised_shapes import quantise
from runner.builders.language._models.base_model import METHOD, thawed
from runner.builders.language._models.opening import Head
from runner.training import quiet_libraries
from runner.training.finetuning_specs import QLora


@dataclass(frozen=True)
class ShapeModel:
    """A model ready to train, its tensors without numbers, and how many of them there are."""

    model: Any
    parameters: int
    trainable: int


def make(spec: Any, folder: Path, head: Head, device: str, *, checkpointing: bool) -> ShapeModel:
    """The model of ``folder/config.json`` with what ``finetuning_spec`` trains, on torch's ``meta`` device.

    :func:`put_on` puts it on ``device``, by which its arithmetic is chosen. Raises
    :class:`~runner.errors.DataError` by pointer for a method that it has no layers for.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification
    from transformers.initialization import no_init_weights

    method = spec.finetuning_spec
    auto: Any = AutoModelForCausalLM if head == "tokens" else AutoModelForSequenceClassification
    with quiet_libraries.quietly(), no_init_weights(), torch.device("meta"):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        if head == "score":
            config.num_labels = 1
        config.pad_token_id = 0
        model = auto.from_config(config, dtype=torch.float32, attn_implementation="sdpa")
        model.tie_weights()
        hidden = 0
        if isinstance(method, QLora):
            compute = "float32" if device == "cpu" and method.bnb_4bit_compute_dtype == "float16" else None
            hidden = quantise(model, method, getattr(torch, compute or method.bnb_4bit_compute_dtype))
        model = thawed(model, method, METHOD, head)
        if checkpointing:
            compute_anew(model)
    every = list(model.parameters())
    packed = sum(parameter.numel() for parameter in every if not parameter.is_floating_point())
    return ShapeModel(
        model,
        sum(parameter.numel() for parameter in every) - packed + hidden,
        sum(parameter.numel() for parameter in every if parameter.requires_grad),
    )


def frozen(folder: Path, device: str, dtype: torch.dtype) -> Any:
    """The model of ``folder/config.json`` as it lies beside another, within a ``FakeTensorMode``."""
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    with quiet_libraries.quietly(), no_init_weights(), torch.device("meta"):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
        model.tie_weights()
    put_on(model, device)
    return model


def put_on(model: nn.Module, device: str) -> None:
    """Give the model tensors on ``device``, within a ``FakeTensorMode``. What was tied stays tied."""
    made: dict[int, torch.Tensor] = {}
    for module in model.modules():
        for named in (module._parameters, module._buffers):
            for name, tensor in named.items():
                if tensor is None:
                    continue
                if id(tensor) not in made:
                    found = torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
                    parameter = isinstance(tensor, nn.Parameter)
                    made[id(tensor)] = nn.Parameter(found, tensor.requires_grad) if parameter else found
                named[name] = made[id(tensor)]  # type: ignore[assignment]
