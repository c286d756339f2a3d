"""Which layers get an adapter, by what they are for: attention, feed-forward network, unembedding."""

from __future__ import annotations

import re
from typing import Any

from runner.errors import DataError
from runner.training import finetuning_methods

_ATTENTION = re.compile(r"(^|\.)(\w*attn|\w*attention|attn_\w+)(\.|$)")


def adapter_targets(
    model: Any, *, attention: bool, feed_forward: bool, unembedding: bool, where: str
) -> tuple[list[str], list[str]]:
    """Names of linear layers, and what is to be told of them.

    An unembedding that has the weights of the embeddings gets none, which is told: it could not be put into them.
    Raises :class:`DataError` where nothing is left.
    """
    linear, told = finetuning_methods.linear_layers(model), list[str]()
    found = finetuning_methods.layers(model)
    inside = [name for name in linear if found is None or name.startswith(f"{found[0]}.")]
    attending = {name for name in inside if _ATTENTION.search(name)}
    names = [name for name in inside if (attention if name in attending else feed_forward)]
    head = model.get_output_embeddings()
    if unembedding and head is not None:
        if head.weight is model.get_input_embeddings().weight:
            told.append("the unembedding has the weights of the embeddings, and gets no adapter")
        else:
            names += [name for name in linear if model.get_submodule(name) is head]
    if not names:
        raise DataError("no layer would be trained", where=where, hint="train_attn, train_mlp or train_unembed")
    return names, told
