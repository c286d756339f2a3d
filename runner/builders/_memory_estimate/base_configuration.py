"""The base of a training that is not run yet: its configuration, and whether what reads rows for it is here too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.builders._finetuning import pretrained_base
from runner.builders._finetuning.heads import Head
from runner.builders._finetuning.pretrained_base import PretrainedBase
from runner.contract import FootprintContext
from runner.data import hub
from runner.training import pretrained

#: What is fetched of a model of the Hub that is not on this machine: how it is made, and how large its pictures are.
SMALL = ("config.json", "preprocessor_config.json", "processor_config.json")


def base_of(spec: Any, context: FootprintContext, head: Head) -> tuple[PretrainedBase, bool]:
    """The base, and whether its tokenizer or processor is here; it lies in ``base.source``. Reads no weights.

    Of a model of the Hub that is not on this machine the configuration alone is fetched. Raises what finding a base
    does.
    """
    stored = context.start_from or context.stored.get("base_model_name")
    name, revision = spec.base_model_name, spec.revision
    if stored is not None or is_here(name, revision) or not pretrained.is_hub_name(name):
        return pretrained_base.find(spec, context, head), True
    folder = configuration_alone(name, revision)
    config = pretrained_base.configuration(folder, head, weights=False)
    pretrained_base.check_length(spec, config)
    return PretrainedBase(folder, folder, name, config, False), False


def configuration_alone(name: str, revision: str | None) -> Path:
    """A folder with the configuration of a model of the Hub, and nothing large of it."""
    return hub.download(pretrained.hub_name(name), "model", SMALL, revision)


def is_here(name: str, revision: str | None) -> bool:
    """Whether the model is on this machine."""
    if revision is None:
        return pretrained.available_locally(name)
    snapshot = hub.cached_snapshot(name, "model", revision)
    return snapshot is not None and any(snapshot.glob("*.safetensors"))
