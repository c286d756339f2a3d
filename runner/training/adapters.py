"""Adapters (LoRA, QLoRA, DoRA, rank-stabilised LoRA, IA3) put on a loaded transformer: the only place that does.

They train, and the model's own weights stay as they are. Only the worker loads this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn  # noqa: TID253

from runner.errors import DataError
from runner.training import quiet_libraries
from runner.training.finetuning_specs import Adapters, Dora, Ia3, RsLora
from runner.training.transformer_layers import kind_of, linear_layers, stacks


def put_around(
    model: Any,
    spec: Adapters,
    where: str,
    *,
    task_type: str | None,
    beside: Sequence[str] = (),
    part: str | None = None,
) -> Any:
    """PEFT's model around this one, with new adapters, drawn from torch's generator.

    ``task_type`` is PEFT's word for what the model answers, ``beside`` are modules that are trained whole, ``part`` the
    module whose layers alone get adapters. Raises :class:`DataError` as :func:`config` does.
    """
    with quiet_libraries.quiet_adapters():
        from peft import get_peft_model

    model.requires_grad_(False)
    made = _config_of_part(model, spec, where, part)
    made.task_type = task_type
    made.modules_to_save = list(beside) or None
    with quiet_libraries.quiet_adapters():
        model = get_peft_model(model, made)
    in_float32(model)
    return model


def put_inside(model: nn.Module, spec: Adapters, where: str) -> None:
    """New adapters within the model itself, whose parameters keep their names. Raises as :func:`config` does."""
    from peft import inject_adapter_in_model

    inject_adapter_in_model(config(model, spec, where), model)
    only_adapters_train(model)


def in_float32(model: nn.Module) -> None:
    """Bring what trains to float32: beside quantised weights it comes in the dtype that those compute in, which is too
    coarse to train."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def only_adapters_train(model: nn.Module) -> None:
    """Freeze all but the adapters of a model that has some, which train in float32."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(".lora_" in name or ".ia3_" in name)
    in_float32(model)


def _config_of_part(model: Any, spec: Adapters, where: str, part: str | None) -> Any:
    if part is None:
        return config(model, spec, where)
    made = config(model.get_submodule(part), spec, where)
    made.target_modules = [f"{part}.{name}" for name in made.target_modules]
    if getattr(made, "feedforward_modules", None):
        made.feedforward_modules = [f"{part}.{name}" for name in made.feedforward_modules]
    return made


def config(model: nn.Module, spec: Adapters, where: str) -> Any:
    """PEFT's configuration of the adapters that ``spec`` puts beside this model's layers.

    Raises :class:`DataError` at ``where`` for target modules that it does not have.
    """
    from peft import IA3Config, LoraConfig

    if isinstance(spec, Ia3):
        targets, feedforward = _ia3_layers(model, spec, where)
        return IA3Config(target_modules=targets, feedforward_modules=feedforward)
    return LoraConfig(
        r=spec.rank,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=_targets(model, spec, where),
        bias="none",
        use_dora=isinstance(spec, Dora),
        use_rslora=isinstance(spec, RsLora),
    )


def _targets(model: nn.Module, spec: Adapters, where: str) -> list[str]:
    linear = linear_layers(model)
    if spec.target_modules == "auto":
        found = tuple(f"{name}." for name, _ in stacks(model))
        inside = [name for name in linear if not found or name.startswith(found)]
        return inside or linear
    return _named(model, linear, spec.target_modules, where)


def _named(model: nn.Module, linear: list[str], ends: Sequence[str], where: str) -> list[str]:
    unmatched = [end for end in ends if not any(name == end or name.endswith(f".{end}") for name in linear)]
    if unmatched:
        there = sorted({name.rpartition(".")[2] for name in linear})
        raise DataError(
            f"no linear layer of {kind_of(model)} is called {', '.join(unmatched)}",
            where=f"{where}/target_modules",
            hint=f"there are {', '.join(there)}",
        )
    return [name for name in linear if any(name == end or name.endswith(f".{end}") for end in ends)]


def _ia3_layers(model: nn.Module, spec: Ia3, where: str) -> tuple[list[str], list[str]]:
    """The layers that get factors, and those of them whose inputs do, as PEFT's table says for the model's kind."""
    from peft.utils import constants

    kind: str = model.config.model_type  # type: ignore[union-attr, assignment]
    behind = constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING.get(kind)
    ends = constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING.get(kind)
    linear = linear_layers(model)
    if spec.target_modules != "auto":
        ends = spec.target_modules
    if ends is None:
        there = sorted({name.rpartition(".")[2] for name in linear})
        raise DataError(
            f"which layers of {kind_of(model)} get factors is not known",
            where=f"{where}/target_modules",
            hint=f"name them: there are {', '.join(there)}",
        )
    targets = _named(model, linear, ends, where)
    return targets, [name for name in targets if any(name.endswith(f".{end}") for end in behind or ())]
