"""Quantised linear layers that give a text the same vector, but for the last digits, whatever is read beside it.

bitsandbytes' 8-bit product rounds what goes into a layer to 8 bits too, and its 4-bit product to the compute dtype: the
last bit of a number, which differs with a batch's padding, then decides between two far apart. Here 8-bit weights are
multiplied as the numbers that they stand for, and 4-bit layers that are not training compute in float32.

On a processor with AVX-512 BF16 the library would pack 4-bit weights anew for scoring, and compute in bfloat16. It can
pack only layers whose width 32 divides, and it forgets the float32 that is asked for, so nothing is packed: a model
trains and scores alike on every processor.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch  # noqa: TID253
from torch import nn  # noqa: TID253

from runner.errors import EnvironmentProblem
from runner.training.finetuning_specs import QLora


def config(spec: QLora, device: str, where: str, emit: Callable[..., None]) -> Any:
    """How transformers is to quantise what it loads. Raises :class:`EnvironmentProblem` without bitsandbytes."""
    try:
        import bitsandbytes  # noqa: F401
    except Exception as error:  # a native library that does not load raises anything
        raise refused(error, where) from error
    from transformers import BitsAndBytesConfig

    if not spec.load_in_4bit:
        return BitsAndBytesConfig(load_in_8bit=True)
    compute = spec.bnb_4bit_compute_dtype
    if compute == "float16" and device == "cpu":
        emit(
            "warning",
            message="4-bit layers compute in float32 here: a CPU has no float16 arithmetic worth the name",
            pointer=f"{where}/bnb_4bit_compute_dtype",
        )
        compute = "float32"
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_compute_dtype=getattr(torch, compute),
        bnb_4bit_quant_type=spec.bnb_4bit_quant_type,
    )


def refused(error: Exception, where: str) -> EnvironmentProblem:
    """What to raise where bitsandbytes is not there, or has nothing for this device."""
    return EnvironmentProblem(
        f"qlora needs bitsandbytes, which does not work here: {error}",
        where=f"{where}/method",
        hint="pip install 'runner[train]', or choose the method lora",
    )


def layers(model: nn.Module) -> list[Any]:
    """The 4-bit layers of a model, none of which is packed; its 8-bit ones are made steady."""
    from bitsandbytes.nn import Linear4bit, Linear8bitLt

    modules = list(model.modules())
    four_bit = [module for module in modules if isinstance(module, Linear4bit)]
    for layer in four_bit:
        layer.support_avx512bf16_for_cpu = False
    for module in modules:
        if isinstance(module, Linear8bitLt):
            module.forward = partial(_eight_bit, module)  # type: ignore[method-assign]
    return four_bit


def _eight_bit(layer: Any, x: torch.Tensor) -> torch.Tensor:
    product: torch.Tensor = EightBitProduct.apply(x, layer.weight.data, layer.weight.SCB, layer.bias)
    return product


class EightBitProduct(torch.autograd.Function):
    """``x W' + b``, int8 ``W`` ``[out, in]`` with a scale a row: the float weights live only as long as a product."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, scale: torch.Tensor, bias: Any) -> torch.Tensor:
        ctx.save_for_backward(weight, scale)
        return nn.functional.linear(x, _floats(weight, scale), bias)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        return grads[0].float() @ _floats(*ctx.saved_tensors), None, None, None


def _floats(weight: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    # bitsandbytes stores a row's largest magnitude, which is 127 of its steps.
    return weight.float() * (scale.float() / 127).unsqueeze(1)
