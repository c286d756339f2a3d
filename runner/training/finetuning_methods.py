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
from runner.training.finetuning_specs import Adapters, BitFit, Dora, FinetuningSpec, Full, Ia3, LastLayers, RsLora

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
        _add_adapters(model, spec, where)


def layers(model: Any) -> tuple[str, nn.ModuleList] | None:
    """The transformer's layers and their name in the model, or None for a model that is not built of a list of them.

    It is the outermost list as long as the configuration's ``num_hidden_layers``: ``encoder.layer`` of BERT, RoBERTa
    and MPNet, ``transformer.layer`` of DistilBERT, ``layers`` of Llama. Of a model that reads with an encoder and
    writes with a decoder it is the decoder's.
    """
    found = stacks(model)
    return found[-1] if found else None


def stacks(model: Any) -> list[tuple[str, nn.ModuleList]]:
    """The same of each of a model's parts, the decoder's last: one that reads with an encoder has two."""
    counts = {
        getattr(model.config, name, None) for name in ("num_hidden_layers", "num_decoder_layers", "decoder_layers")
    }
    named = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) in counts
    ]
    if getattr(model.config, "is_encoder_decoder", False):
        parts = [[pair for pair in named if part in pair[0].split(".")] for part in ("encoder", "decoder")]
    else:
        parts = [named]
    return [min(part, key=lambda pair: pair[0].count(".")) for part in parts if part]


def _thaw_biases(model: nn.Module, where: str) -> None:
    biases = [parameter for name, parameter in model.named_parameters() if name.rpartition(".")[2] == "bias"]
    if not biases:
        raise DataError(
            f"bitfit trains biases, and {_kind(model)} has none",
            where=f"{where}/method",
            hint="choose lora or last_layers",
        )
    for parameter in biases:
        parameter.requires_grad_(True)


def _thaw_last(model: nn.Module, count: int, where: str) -> None:
    found = layers(model)
    if found is None:
        raise DataError(
            f"the layers of {_kind(model)} are no list to take the last of",
            where=f"{where}/method",
            hint="choose lora, bitfit or full",
        )
    name, stack = found
    if count > len(stack):
        raise DataError(
            f"{count} layers are to be trained, and {_kind(model)} has {len(stack)}",
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


def _add_adapters(model: nn.Module, spec: Adapters, where: str) -> None:
    from peft import inject_adapter_in_model

    inject_adapter_in_model(adapter_config(model, spec, where), model)
    only_adapters_train(model)


def only_adapters_train(model: nn.Module) -> None:
    """Freeze all but the adapters of a model that has some, which train in float32."""
    for name, parameter in model.named_parameters():
        adapter = ".lora_" in name or ".ia3_" in name
        parameter.requires_grad_(adapter)
        if adapter:
            # Beside quantised weights they come in the dtype that those compute in, which is too coarse to train.
            parameter.data = parameter.data.float()


def adapter_config(model: nn.Module, spec: Adapters, where: str) -> Any:
    """PEFT's configuration of the adapters that ``spec`` puts beside this model's layers.

    Raises :class:`DataError` at ``where`` for target modules that it does not have.
    """
    from peft import IA3Config, LoraConfig

    if isinstance(spec, Ia3):
        targets, feedforward = _ia3_layers(model, spec, where)
        return IA3Config(target_modules=targets, feedforward_modules=feedforward)
    return LoraConfig(
        r=spec.rank,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=_targets(model, spec, where),
        bias="none",
        use_dora=isinstance(spec, Dora),
        use_rslora=isinstance(spec, RsLora),
    )


def _targets(model: nn.Module, spec: Adapters, where: str) -> list[str]:
    linear = linear_layers(model)
    if spec.target_modules == "auto":
        found = tuple(f"{name}." for name, _ in stacks(model))
        inside = [name for name in linear if not found or name.startswith(found)]
        return inside or linear
    return _named(model, linear, spec.target_modules, where)


def _named(model: nn.Module, linear: list[str], ends: Sequence[str], where: str) -> list[str]:
    unmatched = [end for end in ends if not any(name == end or name.endswith(f".{end}") for name in linear)]
    if unmatched:
        there = sorted({name.rpartition(".")[2] for name in linear})
        raise DataError(
            f"no linear layer of {_kind(model)} is called {', '.join(unmatched)}",
            where=f"{where}/target_modules",
            hint=f"there are {', '.join(there)}",
        )
    return [name for name in linear if any(name == end or name.endswith(f".{end}") for end in ends)]


def _ia3_layers(model: nn.Module, spec: Ia3, where: str) -> tuple[list[str], list[str]]:
    """The layers that get factors, and those of them whose inputs do, as PEFT's table says for the model's kind."""
    from peft.utils import constants

    kind: str = model.config.model_type  # type: ignore[union-attr, assignment]
    behind = constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING.get(kind)
    ends = constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING.get(kind)
    linear = linear_layers(model)
    if spec.target_modules != "auto":
        ends = spec.target_modules
    if ends is None:
        there = sorted({name.rpartition(".")[2] for name in linear})
        raise DataError(
            f"which layers of {_kind(model)} get factors is not known",
            where=f"{where}/target_modules",
            hint=f"name them: there are {', '.join(there)}",
        )
    targets = _named(model, linear, ends, where)
    return targets, [name for name in targets if any(name.endswith(f".{end}") for end in behind or ())]


def linear_layers(model: nn.Module) -> list[str]:
    """The names of the layers that can have an adapter, quantised ones too, in the model's order."""
    from transformers.pytorch_utils import Conv1D

    return [name for name, module in model.named_modules() if isinstance(module, (nn.Linear, Conv1D))]


def trained(model: nn.Module) -> dict[str, torch.Tensor]:
    """What trains, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def _kind(model: Any) -> str:
    return f"a {model.config.model_type} model"
