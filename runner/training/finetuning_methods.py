"""What each fine-tuning method does to a loaded transformer: which of its parameters train. Only the worker loads this.

Every function takes a ``transformers`` model whose parameters are all frozen, and thaws or adds what trains. Parameters
keep their names, so that what was trained is stored under them and found again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch  # noqa: TID253
from torch import nn  # noqa: TID253

from runner.errors import DataError
from runner.training import adapters
from runner.training.finetuning_specs import Adapters, BitFit, FinetuningSpec, Full, LastLayers
from runner.training.transformer_layers import kind_of, layers

#: What a transformer calls the normalisation behind its last layer.
FINAL_NORMS = ("norm", "ln_f", "final_norm", "final_layer_norm", "final_layernorm", "layer_norm", "layernorm")


def apply(model: nn.Module, spec: FinetuningSpec, where: str) -> None:
    """Freeze the model, then thaw what ``spec`` trains, or put adapters beside it.

    ``where`` is the pointer of the fine-tuning spec. Raises :class:`DataError` there for what this model does not have.
    """
    model.requires_grad_(False)
    if isinstance(spec, Full):
        model.requires_grad_(True)
    elif isinstance(spec, BitFit):
        _thaw_biases(model, where)
    elif isinstance(spec, LastLayers):
        _thaw_last(model, spec.num_layers, where)
    else:
        adapters.put_inside(model, spec, where)


def prepare(
    model: Any,
    spec: FinetuningSpec,
    where: str,
    *,
    task_type: str | None,
    beside: Sequence[str] = (),
    part: str | None = None,
) -> Any:
    """The model with only that training which ``spec`` says, and the modules ``beside``, which are trained whatever the
    method; with adapters it is PEFT's, around it (:func:`~runner.training.adapters.put_around`).

    ``part`` is the module that ``spec`` is about, of a model of several. Raises as :func:`apply` does.
    """
    if isinstance(spec, Adapters):
        return adapters.put_around(model, spec, where, task_type=task_type, beside=beside, part=part)
    if part is None:
        apply(model, spec, where)
    else:
        model.requires_grad_(False)
        apply(model.get_submodule(part), spec, where)
        if isinstance(spec, Full):
            # The unembedding lies outside of the part that it is of.
            model.get_output_embeddings().requires_grad_(True)
    for name in beside:
        model.get_submodule(name).requires_grad_(True)
    return model


def _thaw_biases(model: nn.Module, where: str) -> None:
    biases = [parameter for name, parameter in model.named_parameters() if name.rpartition(".")[2] == "bias"]
    if not biases:
        raise DataError(
            f"bitfit trains biases, and {kind_of(model)} has none",
            where=f"{where}/method",
            hint="choose lora or last_layers",
        )
    for parameter in biases:
        parameter.requires_grad_(True)


def _thaw_last(model: nn.Module, count: int, where: str) -> None:
    found = layers(model)
    if found is None:
        raise DataError(
            f"the layers of {kind_of(model)} are no list to take the last of",
            where=f"{where}/method",
            hint="choose lora, bitfit or full",
        )
    name, stack = found
    if count > len(stack):
        raise DataError(
            f"{count} layers are to be trained, and {kind_of(model)} has {len(stack)}",
            where=f"{where}/num_layers",
            hint=f"at most {len(stack)}, or the method full",
        )
    # A slice of the list would put the layers into a new one under their old names, which is just what is wanted.
    thawed: list[nn.Module] = [*stack[len(stack) - count :], *_behind(model, name)]
    for module in thawed:
        module.requires_grad_(True)


def _behind(model: nn.Module, name: str) -> Iterable[nn.Module]:
    """The normalisation that stands behind the layers, in their own parent or further out."""
    parts = name.split(".")
    for depth in range(len(parts)):
        parent = model.get_submodule(".".join(parts[:depth]))
        children = list(parent.named_children())
        place = [child for child, _ in children].index(parts[depth])
        for child, module in children[place + 1 :]:
            if child in FINAL_NORMS and "norm" in type(module).__name__.lower():
                yield module


def trained(model: nn.Module) -> dict[str, torch.Tensor]:
    """What trains, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
