"""Language models as shapes without numbers: the one that is trained, and those that lie beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from runner.builders._memory_estimate import meta_model
from runner.builders._memory_estimate.meta_model import ShapeModel, put_on
from runner.builders.language._models.base_model import METHOD, thawed
from runner.builders.language._models.opening import Head
from runner.training import quiet_libraries


def make(spec: Any, folder: Path, head: Head, device: str, *, checkpointing: bool) -> ShapeModel:
    """The model of ``folder/config.json`` with what ``finetuning_spec`` trains, as shapes.

    Raises :class:`~runner.errors.DataError` by pointer for a method that it has no layers for.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

    method = spec.finetuning_spec
    auto: Any = AutoModelForCausalLM if head == "tokens" else AutoModelForSequenceClassification
    with quiet_libraries.quietly():
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if head == "score":
        config.num_labels = 1
    config.pad_token_id = 0
    return meta_model.make(
        auto, config, method, device, lambda model: thawed(model, method, METHOD, head), checkpointing=checkpointing
    )


def frozen(folder: Path, device: str, dtype: torch.dtype) -> Any:
    """The model of ``folder/config.json`` as it lies beside another, within a ``FakeTensorMode``."""
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    with quiet_libraries.quietly(), no_init_weights(), torch.device("meta"):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
        model.tie_weights()
    put_on(model, device)
    return model
