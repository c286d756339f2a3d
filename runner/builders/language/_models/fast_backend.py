"""Unsloth as what trains the weights: whether it can, and the model as it loads it.

Unsloth (https://github.com/unslothai/unsloth) is imported here and nowhere else, and only once nothing speaks against
it: its import changes transformers for the whole process.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from runner.contract import TrainContext
from runner.errors import EnvironmentProblem
from runner.training import quiet_libraries
from runner.training.finetuning_specs import Lora, QLora, RsLora

BACKEND = "/model/spec/backend"
#: The least that its kernels run on: NVIDIA's compute capability (the project's README, "System requirements").
CAPABILITY = (7, 0)


@dataclass(frozen=True)
class Chosen:
    """What trains."""

    #: ``plain`` or ``unsloth``.
    name: str
    #: Why it is not Unsloth, where that was asked after.
    why: str | None = None
    version: str | None = None


def choose(spec: Any, context: TrainContext, head: str) -> Chosen:
    """What trains this spec here.

    Raises :class:`EnvironmentProblem` where the spec asks for Unsloth, and that cannot train it here.
    """
    asked = getattr(spec, "backend", "plain")
    if asked == "plain":
        return Chosen("plain")
    why = _against(spec, context, head)
    if why is None:
        return Chosen("unsloth", version=_version())
    if asked == "unsloth":
        raise EnvironmentProblem(
            f"Unsloth cannot train this here: {why}",
            where=BACKEND,
            hint='"backend": "auto" takes the plain road where Unsloth cannot go, and says so',
        )
    return Chosen("plain", why)


def load(spec: Any, context: TrainContext, folder: Path, targets: Callable[[Any], Any], dtype: torch.dtype) -> Any:
    """The model of ``folder`` with its adapters, as Unsloth loads it, in training's ``dtype``.

    ``targets`` gives PEFT's configuration for a model, as the plain road has it. Raises :class:`EnvironmentProblem` for
    what Unsloth does not do with it.
    """
    # It leaves the odds of tokens out else, and the losses are of them.
    os.environ.setdefault("UNSLOTH_RETURN_LOGITS", "1")
    method = spec.finetuning_spec
    try:
        with quiet_libraries.quietly():
            fast = import_module("unsloth").FastLanguageModel
            model, _ = fast.from_pretrained(
                model_name=str(folder),
                max_seq_length=spec.max_length,
                dtype=dtype,
                load_in_4bit=isinstance(method, QLora),
                device_map={"": context.device},
                trust_remote_code=False,
            )
            config = targets(model)
            return fast.get_peft_model(
                model,
                r=config.r,
                target_modules=sorted(config.target_modules),
                lora_alpha=config.lora_alpha,
                lora_dropout=config.lora_dropout,
                bias="none",
                use_gradient_checkpointing="unsloth" if spec.gradient_checkpointing else False,
                random_state=context.seed,
                use_rslora=isinstance(method, RsLora),
            )
    except (ImportError, NotImplementedError, RuntimeError, ValueError, AttributeError, TypeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        told = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise EnvironmentProblem(
            f"Unsloth {_version() or ''} does not load this model: {told}",
            where=BACKEND,
            hint='"backend": "plain" trains it without',
        ) from error


def _against(spec: Any, context: TrainContext, head: str) -> str | None:
    """The first thing that speaks against it, or None."""
    method = spec.finetuning_spec
    if not isinstance(method, Lora | RsLora | QLora):
        return f"it trains by lora, rslora and qlora, and finetuning_spec.method is {method.method}"
    if isinstance(method, QLora) and (not method.load_in_4bit or method.bnb_4bit_quant_type != "nf4"):
        return "it quantises to 4 bits of the type nf4 alone"
    if context.processes.count > 1:
        return "it trains in one process, and there are several"
    if getattr(spec, "packing", "none") == "packed":
        return 'it does not tell packed rows apart: "packing": "none"'
    if spec.precision == "float32":
        return "it computes in bfloat16 or float16, and precision is float32"
    if spec.neftune_noise_alpha is not None:
        return "its forward pass takes no noise of ours (neftune_noise_alpha)"
    if head != "tokens":
        return "it trains models that foretell tokens alone"
    if find_spec("unsloth") is None:
        return "it is not installed (pip install unsloth, beside a torch with CUDA)"
    return gpu_fault(context.device)


def gpu_fault(device: str) -> str | None:
    """Why its kernels do not run on ``device``, or None."""
    if device == "cpu":
        return "its kernels need an NVIDIA GPU, and this training is on a CPU"
    found = torch.cuda.get_device_capability()
    if found < CAPABILITY:
        least = ".".join(map(str, CAPABILITY))
        return f"its kernels need a compute capability of {least}, and this GPU has {found[0]}.{found[1]}"
    return None


def _version() -> str | None:
    try:
        return version("unsloth")
    except PackageNotFoundError:
        return None


def adapter_shape(model: Any) -> dict[str, Any] | None:
    """The shape of a model's adapters: PEFT's figures and the layers that have one. None of a model without."""
    config = getattr(model, "peft_config", {}).get("default")
    if config is None:
        return None
    shape = {
        name: getattr(config, name, None) for name in ("r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora")
    }
    named = sorted(
        {
            name.split(".lora_")[0].split(".ia3_")[0].rpartition(".")[2]
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        }
    )
    return {"type": str(getattr(config.peft_type, "value", config.peft_type)), "targets": named} | {
        name: value for name, value in shape.items() if value is not None
    }
