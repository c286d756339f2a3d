"""Which layers get an adapter, by what they are for: attention, feed-forward network, unembedding."""

from __future__ import annotations

import re
from typing import Any

from runner.errors import DataError
from runner.training.transformer_layers import layers, linear_layers

_ATTENTION = re.compile(r"(^|\.)(\w*attn|\w*attention|attn_\w+)(\.|$)")


def adapter_targets(model: Any, *, attention: bool, feed_forward: bool, unembedding: bool, where: str) -> list[str]:
    """Names of linear layers. Raises :class:`DataError` where nothing is left."""
    linear = linear_layers(model)
    found = layers(model)
    inside = [name for name in linear if found is None or name.startswith(f"{found[0]}.")]
    attending = {name for name in inside if _ATTENTION.search(name)}
    names = [name for name in inside if (attention if name in attending else feed_forward)]
    head = model.get_output_embeddings()
    if unembedding and head is not None:
        names += [name for name in linear if model.get_submodule(name) is head]
    if not names:
        raise DataError("no layer would be trained", where=where, hint="train_attn, train_mlp or train_unembed")
    return names
