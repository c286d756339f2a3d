"""The pretrained model that a training begins with: its folder found, its configuration checked, nothing loaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from runner.builders._finetuning import finetuned_model
from runner.builders._finetuning._fields.pretrained_fit import too_long
from runner.builders._finetuning.heads import Head
from runner.contract import FootprintContext, TrainContext
from runner.errors import DataError, NotFoundError, RunnerError
from runner.training import pretrained
from runner.training.sentence_encoder_settings import model_files

BASE = "/model/spec/base_model_name"


@dataclass(frozen=True)
class PretrainedBase:
    """The model that training begins with, its weights not yet read."""

    #: The folder of the whole model.
    folder: Path
    #: The folder that holds it, another one where it is a stored adapter, and its name: a stored one's has its version.
    source: Path
    name: str
    #: What its configuration says.
    config: dict[str, Any]
    #: Whether a run goes on from it, so that its head is that of this training.
    continued: bool

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that its weights are kept in on disk; float32 where its configuration says nothing."""
        name = self.config.get("dtype") or self.config.get("torch_dtype") or "float32"
        return {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(str(name), torch.float32)


def find(spec: Any, context: TrainContext | FootprintContext, head: Head) -> PretrainedBase:
    """The base model of a spec; nothing of its weights is read.

    Raises :class:`DataError` by pointer for a folder that holds no model which ``head`` can be put on, and for a
    ``max_length`` beyond its positions; and what :func:`runner.training.pretrained.resolve` raises.
    """
    folder, source, name = _folders_of(spec, context)
    config = configuration(folder, head)
    check_length(spec, config)
    if "auto_map" in config:
        context.emit(
            "warning",
            message="code beside the model is not run, as no code of a model's is: it is trained as a "
            f"{config['model_type']} model as transformers has them",
            pointer=BASE,
        )
    return PretrainedBase(folder, source, name, config, context.start_from is not None)


def check_length(spec: Any, config: Mapping[str, Any]) -> None:
    """Raise :class:`DataError` for a ``max_length`` beyond a model's positions."""
    length = getattr(spec, "max_length", None)
    if length is not None and (fault := too_long(config, length)) is not None:
        raise DataError(fault.message, where=fault.pointer, hint=fault.hint)


def configuration(folder: Path, head: Head, *, weights: bool = True) -> dict[str, Any]:
    """The model's configuration. Raises :class:`DataError` for a model that cannot be trained as it lies there, and
    where ``weights`` have to be there and are not."""
    place = f"{BASE}: {folder}"
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except FileNotFoundError:
        raise NotFoundError("the folder holds no model: config.json is missing", where=place) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"config.json cannot be read: {error}", where=place) from None
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind not in head.model_types():
        own = isinstance(config, dict) and "auto_map" in config
        raise DataError(
            f"the model is of a kind of its own ({kind}), and needs code of its own, which is never run"
            if own
            else f"a model of the kind {kind or 'that config.json does not tell'} cannot be {head.what}",
            where=place,
            hint=head.hint,
        )
    if quantization := config.get("quantization_config"):
        raise DataError(
            f"the weights are quantised ({quantization.get('quant_method', 'somehow')}): they cannot be trained",
            where=place,
            hint="name the model that they were made of; qlora quantises it while it is trained",
        )
    try:
        if weights:
            model_files(folder)
    except DataError as error:
        error.where = place
        raise
    return dict(config)


def _folders_of(spec: Any, context: TrainContext | FootprintContext) -> tuple[Path, Path, str]:
    """The base's folder as a whole model, where that came from, and its name: a stored model's, or what its name
    resolves to. Raises with the field's pointer."""
    stored = context.start_from if context.start_from is not None else context.stored.get("base_model_name")
    if stored is not None:
        # What an estimate is made of has the shapes of the base alone: nothing is put together for it.
        of = finetuned_model.base_folder if isinstance(context, FootprintContext) else finetuned_model.whole
        return of(stored, context.cache), stored, "/".join(stored.parts[-3:])
    first: Callable[[], Any] | None = getattr(getattr(context, "processes", None), "first_before", None)
    try:
        if first is None:
            folder = pretrained.resolve(spec.base_model_name, spec.revision, context.cache)
        else:
            with first():
                folder = pretrained.resolve(spec.base_model_name, spec.revision, context.cache)
        return folder, folder, spec.base_model_name
    except RunnerError as error:
        # A folder is named by its path: the field that says so comes first.
        error.where = BASE if not error.where else f"{BASE}: {error.where}"
        raise
