"""The model that a training begins with as shapes without numbers: no weight is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from runner.builders._finetuning.opened_model import compute_anew
from runner.builders._memory_estimate.quantised_shapes import quantise
from runner.training import quiet_libraries
from runner.training.finetuning_specs import FinetuningSpec, QLora


@dataclass(frozen=True)
class ShapeModel:
    """A model ready to train, its tensors without numbers, and how many of them there are."""

    model: Any
    parameters: int
    trainable: int


def make(
    auto: Any,
    config: Any,
    method: FinetuningSpec,
    device: str,
    thawed: Callable[[Any], Any],
    *,
    kept: Callable[[Any], Sequence[str]] = lambda model: (),
    whole: Callable[[Any], Any] = lambda model: model,
    checkpointing: bool,
) -> ShapeModel:
    """The model that ``auto`` makes of a configuration, float32, on torch's ``meta`` device.

    ``thawed`` gives it with what ``method`` trains, and ``kept`` the names of the modules that are not quantised;
    ``whole`` what trains, where the model is a part of it.
    :func:`put_on` puts it on ``device``, by which its arithmetic is chosen. Raises what ``thawed`` does.
    """
    from transformers.initialization import no_init_weights

    with quiet_libraries.quietly(), no_init_weights(), torch.device("meta"):
        model = of_config(auto, config)
        model.tie_weights()
        hidden = 0
        if isinstance(method, QLora):
            compute = "float32" if device == "cpu" and method.bnb_4bit_compute_dtype == "float16" else None
            hidden = quantise(model, method, getattr(torch, compute or method.bnb_4bit_compute_dtype), kept(model))
        model = thawed(model)
        if checkpointing:
            compute_anew(model)
        model = whole(model)
    every = list(model.parameters())
    packed = sum(parameter.numel() for parameter in every if not parameter.is_floating_point())
    return ShapeModel(
        model,
        sum(parameter.numel() for parameter in every) - packed + hidden,
        sum(parameter.numel() for parameter in every if parameter.requires_grad),
    )


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


def of_config(auto: Any, config: Any) -> Any:
    """The model of a configuration, float32, with torch's fused attention where it has it."""
    try:
        return auto.from_config(config, dtype=torch.float32, attn_implementation="sdpa")
    except ValueError as error:
        if "attention" not in str(error):
            raise
        return auto.from_config(config, dtype=torch.float32)
