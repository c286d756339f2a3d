"""Linear layers that have the shapes of quantised ones: bitsandbytes' own want numbers to quantise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from runner.training.finetuning_specs import QLora
from runner.training.quantised import EightBitProduct

#: Weights that share a scale in a 4-bit layer.
BLOCK = 64


class FourBit(nn.Linear):
    """A 4-bit layer: half a byte a weight and a float32 scale for each block, made floats for a product alone."""

    compute: torch.dtype = torch.float32

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = x.to(self.compute)
        product: torch.Tensor = _FourBitProduct.apply(inner, self.weight, self.out_features, self.in_features)
        if self.bias is not None:
            product = product + self.bias
        # An adapter adds to a copy of what such a layer gives.
        return product.to(x.dtype).clone()


class EightBit(nn.Linear):
    """An 8-bit layer: a byte a weight and a float32 scale a row."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        product: torch.Tensor = EightBitProduct.apply(x, self.weight, self.scale, self.bias)
        return product.clone()


class _FourBitProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        ctx.save_for_backward(weight)
        ctx.shape = rows, columns
        return x @ x.new_empty(rows, columns).t()

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        return grads[0] @ grads[0].new_empty(*ctx.shape), None, None, None


def quantise(model: Any, spec: QLora, compute: torch.dtype, kept: Sequence[str] = ()) -> int:
    """Put such layers in the place of all linear ones but the head, and those in the modules named ``kept``; the number
    of weights that they stand for."""
    from transformers.pytorch_utils import Conv1D

    weights = 0
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    whole = {id(layer) for name in kept for layer in model.get_submodule(name).modules()}
    for parent in list(model.modules()):
        children: list[tuple[str, Any]] = list(parent.named_children())
        for name, layer in children:
            if type(layer) not in (nn.Linear, Conv1D) or layer is head or name in ("lm_head", "score"):
                continue
            if id(layer) in whole:
                continue
            columns, rows = layer.weight.shape if isinstance(layer, Conv1D) else layer.weight.shape[::-1]
            made: Any = (FourBit if spec.load_in_4bit else EightBit)(1, 1, bias=False)
            made.in_features, made.out_features, made.bias = columns, rows, layer.bias
            count = layer.weight.numel()
            if isinstance(made, FourBit):
                made.compute = compute
                packed = torch.empty((count + 1) // 2, 1, dtype=torch.uint8)
                made.register_buffer("scale", torch.empty(-(-count // BLOCK)))
            else:
                packed = torch.empty(rows, columns, dtype=torch.int8)
                made.register_buffer("scale", torch.empty(rows))
            made.weight = nn.Parameter(packed, requires_grad=False)
            setattr(parent, name, made)
            weights += count
    return weights
