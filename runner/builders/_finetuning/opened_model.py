"""A pretrained model with its head, ready to train: what ``finetuning_spec`` trains thawed, or put beside it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from runner.builders._finetuning.heads import Head, open_with_head, outside, own_modules
from runner.builders._finetuning.pretrained_base import BASE, PretrainedBase
from runner.contract import TrainContext
from runner.training import finetuning_methods, freed_memory, quantised, quiet_libraries
from runner.training.finetuning_specs import FinetuningSpec, QLora

METHOD = "/model/spec/finetuning_spec"


@dataclass
class OpenedModel:
    """A model that is ready to train, and what it came from."""

    model: Any
    head: Head
    #: The folder of the weights that training began with; where it came from, and its name.
    folder: Path
    source: Path
    name: str
    #: The revision of a Hub name, as the spec gave it.
    revision: str | None

    def release(self) -> None:
        """Give the weights' memory back."""
        self.model = None
        freed_memory.give_back()
        freed_memory.take_back()


def open_model(spec: Any, context: TrainContext, base: PretrainedBase, head: Head) -> OpenedModel:
    """The base's weights with the head on them, of which ``finetuning_spec`` says what trains; the head always does.

    Raises :class:`DataError` by pointer for a method that the model has no layers for.
    """
    # Its module is loaded now, and not among what is the model's.
    head.auto_class()
    freed_memory.set_apart()
    method = spec.finetuning_spec
    quantization = quantised.config(method, context.device, METHOD, context.emit) if isinstance(method, QLora) else None
    if quantization is not None:
        quantization.llm_int8_skip_modules = _kept_whole(base, head) or None

    def tell(sentence: str) -> None:
        context.emit("warning", message=sentence, pointer=BASE)

    model = open_with_head(
        base.folder,
        head,
        context.device,
        context.seed,
        drawn="lacking" if base.continued else head.drawn,
        quantization=quantization,
        where=BASE,
        tell=tell,
    )
    if quantization is not None:
        quantised.layers(model)
    # Adapters are drawn from torch's generator, which reading the weights may have used or not.
    torch.manual_seed(context.seed)
    model = thawed(model, method, head)
    if spec.gradient_checkpointing:
        compute_anew(model)
    # A stored model has versions.
    revision = spec.revision if base.name == spec.base_model_name else None
    return OpenedModel(
        context.processes.placed(model, context.device), head, base.folder, base.source, base.name, revision
    )


def thawed(model: Any, method: FinetuningSpec, head: Head, where: str = METHOD) -> Any:
    """The model with only that training which ``method`` says, and its head; with adapters it is PEFT's, around it."""
    return finetuning_methods.prepare(
        model, method, where, task_type=head.task_type, beside=own_modules(model, head), part=head.part
    )


def compute_anew(model: Any) -> None:
    """Have a model's layers compute their activations anew in the backward pass."""
    if hasattr(model, "enable_input_require_grads"):
        # Frozen embeddings have no gradient, and a checkpoint without one passes none on.
        model.enable_input_require_grads()
    with warnings.catch_warnings():
        # The library gives it another name in its next version, and PEFT still calls it by this one.
        warnings.simplefilter("ignore", FutureWarning)
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def _kept_whole(base: PretrainedBase, head: Head) -> list[str]:
    """The modules that are not quantised, found by a model without weights: those of the head, and all outside of the
    part that is trained."""
    config = head.configured(base.folder)
    with quiet_libraries.quietly(), torch.device("meta"):
        model = head.auto_class().from_config(config, trust_remote_code=False)
    return own_modules(model, head) if head.part is None else outside(model, head.part)
