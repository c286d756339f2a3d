"""The layers of a transformer, found in whatever way its kind arranges them. Only the worker loads this."""

from __future__ import annotations

from typing import Any

from torch import nn  # noqa: TID253


def layers(model: Any) -> tuple[str, nn.ModuleList] | None:
    """The transformer's layers and their name in the model, or None for a model that is not built of a list of them.

    It is the outermost list as long as the configuration's ``num_hidden_layers``: ``encoder.layer`` of BERT, RoBERTa
    and MPNet, ``transformer.layer`` of DistilBERT, ``layers`` of Llama. A head's own layers, of which there may be as
    many, are not those of the transformer. Of a model that reads with an encoder and writes with a decoder it is the
    decoder's.
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
    body = f"{getattr(model, 'base_model_prefix', '')}."
    named = [pair for pair in named if pair[0].startswith(body)] or named
    if getattr(model.config, "is_encoder_decoder", False):
        parts = [[pair for pair in named if part in pair[0].split(".")] for part in ("encoder", "decoder")]
    else:
        parts = [named]
    return [min(part, key=lambda pair: pair[0].count(".")) for part in parts if part]


def linear_layers(model: nn.Module) -> list[str]:
    """The names of the layers that can have an adapter, quantised ones too, in the model's order."""
    from transformers.pytorch_utils import Conv1D

    return [name for name, module in model.named_modules() if isinstance(module, (nn.Linear, Conv1D))]


def kind_of(model: Any) -> str:
    """What a message calls the model."""
    return f"a {model.config.model_type} model"
