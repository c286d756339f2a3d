"""What a forward pass computes in while training, as a spec says it: ``precision``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

from runner.contract import Section, option
from runner.errors import EnvironmentProblem

Precision = Literal["auto", "float32", "bfloat16", "float16"]


class TransformerPrecision(Section):
    """A base of specs that train a transformer."""

    precision: Precision = option(
        "auto",
        description="What the transformer computes in while training: auto takes bfloat16 and TF32 on a GPU that has "
        "them, and float32 elsewhere; a CPU takes float32 for float16, and says so in a warning. Weights, loss and "
        "optimizer are float32, and so is all that is computed after training.",
    )


def usable(precision: Precision, device: str, where: str, emit: Callable[..., None]) -> Precision:
    """What is computed in on ``device`` where a spec asks for ``precision``; ``where`` is that field's pointer.

    float16 on a CPU is float32, and told of. Raises :class:`EnvironmentProblem` for a GPU without bfloat16.
    """
    if precision == "float16" and not device.startswith("cuda"):
        emit(
            "warning",
            message="the transformer computes in float32 here: a CPU has no float16 arithmetic worth the name",
            pointer=where,
        )
        return "float32"
    if precision == "bfloat16" and device.startswith("cuda"):
        import torch

        if not torch.cuda.is_bf16_supported(including_emulation=False):
            raise EnvironmentProblem(
                "this GPU has no bfloat16", where=where, hint="choose auto, float16 or float32, or another GPU"
            )
    return precision


def scales_loss(precision: Precision) -> bool:
    """Whether small gradients would vanish without a factor on the loss (Micikevicius et al., 2018)."""
    return precision == "float16"


def arithmetic(device: str, precision: Precision = "auto") -> AbstractContextManager[Any]:
    """The context that a forward pass runs in while training.

    ``auto`` is, on ``cuda``, bfloat16 autocast where the GPU has it and TF32 in float32 products, and plain float32
    elsewhere, whose results are the same in every run. Weights, optimizer and loss stay float32 everywhere.
    """
    kind = "cuda" if device.startswith("cuda") else "cpu"
    if precision == "float32" or (precision == "auto" and kind == "cpu"):
        if kind == "cuda":
            import torch

            torch.set_float32_matmul_precision("highest")
        return nullcontext()
    import torch

    if kind == "cuda":
        torch.set_float32_matmul_precision("high")
    if precision == "auto":
        return torch.autocast("cuda", torch.bfloat16, enabled=torch.cuda.is_bf16_supported())
    return torch.autocast(kind, getattr(torch, precision))
