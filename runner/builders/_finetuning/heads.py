"""What a kind puts on a pretrained transformer, and how it is opened with it: new weights are drawn by numpy.

A head that a kind has drawn anew is the same on every machine for a seed: numpy's generator gives the same numbers on
every processor, torch's does not.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from runner.errors import DataError
from runner.training import quantised, quiet_libraries

#: Which of a head's weights are drawn.
Drawn = Literal["all", "lacking", "none"]
#: Drawn weights have this standard deviation where the model's configuration says none.
SPREAD = 0.02


@dataclass(frozen=True)
class Head:
    """The class of transformers that has the head, and what is set in its configuration."""

    #: ``AutoModelForSequenceClassification``.
    auto: str
    #: The table of model kinds that have it: ``MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES``.
    table: str
    #: What PEFT calls it: ``SEQ_CLS``; None where it has no word for it.
    task_type: str | None
    #: What a base is refused for, and what to name in its place.
    what: str = "trained like this"
    hint: str = "name a model of a kind that transformers has"
    #: What is set in the configuration, such as ``num_labels`` and ``id2label``.
    settings: Mapping[str, Any] = field(default_factory=dict)
    #: What is drawn of it where it is put on a base; a run that goes on from a model keeps that model's.
    drawn: Drawn = "all"
    #: What its modules are called where a model has them within its body, as RT-DETR has them in its decoder.
    within: tuple[str, ...] = ()
    #: How the names of weights begin that may lack, and are left as they come: nothing that is used hangs on them.
    spare: tuple[str, ...] = ()
    #: The module that ``finetuning_spec`` is about, of a model of several parts; None: all of the model.
    part: str | None = None
    #: Modules beside it that are trained whole, whatever the method; all others stay as they are.
    trained: tuple[str, ...] = ()

    def model_types(self) -> Mapping[str, Any]:
        """The kinds of models that can have it, by the name in ``config.json``."""
        from transformers.models.auto import modeling_auto

        found: Mapping[str, Any] = getattr(modeling_auto, self.table)
        return found

    def configured(self, folder: Path) -> Any:
        """The configuration of a folder's model with the head's settings."""
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        for name, value in self.settings.items():
            setattr(config, name, value)
        return config

    def auto_class(self) -> Any:
        import transformers

        return getattr(transformers, self.auto)


def open_with_head(
    folder: Path,
    head: Head,
    device: str,
    seed: int,
    *,
    drawn: Drawn = "lacking",
    quantization: Any = None,
    where: str = "",
    tell: Callable[[str], None] = lambda sentence: None,
) -> Any:
    """The model of a folder with the head on it: float32, on ``device``, in evaluation mode.

    Of the head's weights ``all`` are drawn from ``seed``, or those that are ``lacking`` or of another shape; ``none``
    refuses a folder that lacks some. Raises :class:`DataError` where others lack, are of other shapes, or cannot be
    read.
    """
    from safetensors import SafetensorError

    place = f"{where}: {folder}" if where else str(folder)
    words: dict[str, Any] = {
        "local_files_only": True,
        "use_safetensors": True,
        "trust_remote_code": False,
        "dtype": torch.float32,
        "output_loading_info": True,
        "ignore_mismatched_sizes": True,
    }
    if quantization is not None:
        words |= {"quantization_config": quantization, "device_map": {"": device}}
    with quiet_libraries.quietly():
        try:
            config = head.configured(folder)
            model, loaded = _read(head.auto_class(), folder, {"config": config} | words)
        except (
            ImportError, NotImplementedError, RuntimeError, OSError, ValueError, AssertionError, SafetensorError,
        ) as error:  # fmt: skip
            if isinstance(error, torch.OutOfMemoryError) or "memory" in str(error):
                raise
            if quantization is not None and isinstance(error, ImportError | NotImplementedError | RuntimeError):
                raise quantised.refused(error, "/model/spec/finetuning_spec") from error
            told = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
            raise DataError(
                f"the weights are not those of the model that config.json describes: {told}",
                where=place,
                hint="take configuration and weights of one model, whole",
            ) from error
    _check_and_draw(model, loaded, head, seed, drawn, place, tell)
    if getattr(model.config, "use_cache", False) and not model.config.is_encoder_decoder:
        model.config.use_cache = False
    return model.eval() if quantization is not None else model.to(device).eval()


def head_modules(model: Any, within: Sequence[str] = ()) -> list[str]:
    """The names of the modules beside the transformer itself, and of a pooler in it: what a training always trains.

    Of a model that has none beside it: those within it that are called so, each that has weights of its own.
    """
    prefix = getattr(model, "base_model_prefix", "")
    body = getattr(model, prefix, None) if prefix else None
    if not isinstance(body, nn.Module):
        return []
    beside = [name for name, module in model.named_children() if module is not body and _weighty(module)]
    pooler = getattr(body, "pooler", None)
    if not beside and within:
        named = ((f"{prefix}.{name}", module) for name, module in body.named_modules())
        beside = [
            name
            for name, module in named
            if set(name.split(".")) & {*within} and next(module.parameters(recurse=False), None) is not None
        ]
    return beside + ([f"{prefix}.pooler"] if isinstance(pooler, nn.Module) and _weighty(pooler) else [])


def own_modules(model: Any, head: Head) -> list[str]:
    """What is trained whatever the method: the head that a kind puts there, and the modules that it names."""
    return [*([] if head.drawn == "none" else head_modules(model, head.within)), *head.trained]


def outside(model: Any, part: str) -> list[str]:
    """The modules of a model that a part of it is not in, the outermost of each."""
    names = part.split(".")
    found = []
    for depth, name in enumerate(names):
        parent = ".".join(names[:depth])
        beside = [child for child, module in model.get_submodule(parent).named_children() if child != name]
        found += [f"{parent}.{child}" if parent else child for child in beside]
    return found


def _weighty(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def _read(auto: Any, folder: Path, words: dict[str, Any]) -> Any:
    """The model, and which of its weights were there; with torch's fused attention where the model has it."""
    try:
        return auto.from_pretrained(folder, attn_implementation="sdpa", **words)
    except ValueError as error:
        if "attention" not in str(error):
            raise
        return auto.from_pretrained(folder, **words)


def _check_and_draw(
    model: Any,
    loaded: Any,
    head: Head,
    seed: int,
    drawn: Drawn,
    place: str,
    tell: Callable[[str], None],
) -> None:
    ours = () if drawn == "none" else tuple(f"{name}." for name in head_modules(model, head.within))
    lacking = set(loaded["missing_keys"]) | {_key(entry) for entry in loaded["mismatched_keys"]}
    if others := sorted(name for name in lacking if not (name.startswith((*ours, *head.spare)))):
        raise DataError(
            f"the weights of the model are not all there, or of other shapes: {some(others)}",
            where=place,
            hint="take configuration and weights of one model, whole",
        )
    for name, _ in model.named_parameters():
        # A pooler that was pretrained is part of what was learned.
        pooled = ".pooler." in name
        # Within a body the library has set what is no matrix, such as a bias by how rare a thing is.
        inner = bool(head.within) and name.startswith(f"{model.base_model_prefix}.")
        if inner and model.get_parameter(name).ndim < 2:
            continue
        if ours and name.startswith(ours) and (name in lacking or (drawn == "all" and not pooled)):
            _draw(model, name, seed)
    # A head for another purpose has no place here, which is no news.
    prefix = f"{model.base_model_prefix}."
    if beside := sorted(name for name in loaded["unexpected_keys"] if name.startswith(prefix)):
        tell(f"weights that the model of config.json has no place for are not used: {some(beside)}")


def _key(entry: Any) -> str:
    return entry if isinstance(entry, str) else str(entry[0])


def _draw(model: Any, name: str, seed: int) -> None:
    """Matrices from a normal distribution, norms of 1, biases of 0. Each name has draws of its own."""
    parameter = model.get_parameter(name)
    with torch.no_grad():
        if parameter.ndim < 2:
            parameter.fill_(1.0 if name.endswith("weight") else 0.0)
            return
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        spread = getattr(model.config, "initializer_range", None) or SPREAD
        values = rng.standard_normal(tuple(parameter.shape), dtype=np.float32) * np.float32(spread)
        parameter.copy_(torch.from_numpy(values).to(parameter.dtype))


def some(names: list[str]) -> str:
    """The first of some names, and how many there are more."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
