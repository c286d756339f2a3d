"""Rows, losses and settings as they are given, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner import near_names
from runner.contract.step_losses import LOSSES, StepLoss, StepRow
from runner.errors import DataError, UsageError
from runner.tinker.types import Datum

TARGETS = "target_tokens"


def checked_loss(name: str, config: Mapping[str, Any] | None) -> dict[str, float]:
    """The settings of a loss, with its defaults.

    Raises :class:`UsageError` for a loss that there is not, a setting that it has not, one that lacks, or is no number.
    """
    if not isinstance(name, str):
        raise UsageError(f"{name!r} is no loss's name", where="loss_fn", hint=_names(LOSSES))
    if name not in LOSSES:
        hint = "a loss of your own goes through forward_backward_custom" if name == "custom" else None
        raise UsageError(
            f"there is no loss {name!r}", where="loss_fn", hint=hint or near_names.hint(name, LOSSES, _names(LOSSES))
        )
    known, given = LOSSES[name].config, dict(config or {})
    for key, value in given.items():
        if key not in known:
            hint = near_names.hint(key, known, f"it takes {_names(known)}") if known else "it takes none"
            raise UsageError(f"{name} has no setting {key!r}", where="loss_fn_config", hint=hint)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value < 0:
            raise UsageError(f"{key} is {value!r}, and no number from 0 up", where="loss_fn_config")
    found = {**known, **given}
    if lacking := [key for key, value in found.items() if value is None]:
        raise UsageError(
            f"{name} needs {_names(lacking)}", where="loss_fn_config", hint=f'loss_fn_config={{"{lacking[0]}": 0.05}}'
        )
    if "clip_low_threshold" in found and found["clip_low_threshold"] > found["clip_high_threshold"]:
        raise UsageError("clip_low_threshold is more than clip_high_threshold", where="loss_fn_config")
    return {key: float(value) for key, value in found.items()}


def checked_rows(
    data: Sequence[Datum], loss: StepLoss | None, *, longest: int, vocabulary: int, where: str
) -> list[StepRow]:
    """The rows. ``loss`` None is one of the caller's own, which needs nothing but targets.

    Raises :class:`UsageError` where there is none, and :class:`DataError` by its number for one that cannot be learned.
    """
    if isinstance(data, Datum):
        raise UsageError("is one Datum, and rows are a list of them", where=where, hint="[datum]")
    data = list(data)
    if not data:
        raise UsageError("there are no rows", where=where, hint="give at least one Datum")
    return [_row(datum, loss, longest, vocabulary, f"datum {at}") for at, datum in enumerate(data)]


def given_as(value: Any, kind: type[Any], where: str) -> None:
    """Raise :class:`UsageError` for a value of another type, such as a dict in the place of :class:`AdamParams`."""
    if not isinstance(value, kind):
        name = kind.__name__
        raise UsageError(f"is a {type(value).__name__}, and no {name}", where=where, hint=f"tinker.{name}(...)")


def _row(datum: Any, loss: StepLoss | None, longest: int, vocabulary: int, where: str) -> StepRow:
    if not isinstance(datum, Datum):
        raise DataError(f"is a {type(datum).__name__}, and no Datum", where=where)
    tokens, given = datum.model_input.to_ints(), datum.loss_fn_inputs
    if not tokens:
        raise DataError("has no token", where=where)
    if len(tokens) > longest:
        raise DataError(f"has {len(tokens):,} tokens, and the model reads at most {longest:,}", where=where)
    if TARGETS not in given:
        raise DataError(f"has no {TARGETS}", where=where, hint="the row is tokens[:-1], its targets are tokens[1:]")
    needed = loss.inputs if loss is not None else ()
    known = {TARGETS, *needed}
    if lacking := [name for name in needed if name not in given]:
        raise DataError(f"has no {_names(lacking)}, which the loss takes", where=where)
    if loss is not None and (beside := [name for name in given if name not in known]):
        raise DataError(
            f"has {_names(beside)}, which the loss does not take", where=where, hint=f"it takes {_names(known)}"
        )
    if given[TARGETS].dtype != "int64":
        raise DataError(f"has {TARGETS} that are no whole numbers", where=where)
    shape = _shape(given[TARGETS])
    if shape[0] != len(tokens):
        raise DataError(
            f"has {len(tokens)} tokens and {shape[0]} {TARGETS}",
            where=where,
            hint="a target for each token: the row is tokens[:-1], its targets are tokens[1:]",
        )
    if len(shape) > 2 or 0 in shape:
        raise DataError(f"has {TARGETS} of the shape {shape}", where=where, hint="[N], or [N, K]")
    for name in given:
        if _shape(given[name]) != shape:
            raise DataError(f"has {name} of the shape {_shape(given[name])} beside {TARGETS} of {shape}", where=where)
    for token in (*tokens, *given[TARGETS].data):
        if not 0 <= token < vocabulary:
            raise DataError(f"has the token {token}, and the model has {vocabulary:,}", where=where)
    for name in needed:
        if not all(value - value == 0 for value in given[name].data):
            raise DataError(f"has {name} that are not finite", where=where)
    numbers = {name: given[name].tolist() for name in needed}
    return StepRow(tokens, given[TARGETS].tolist(), numbers)


def _shape(tensor: Any) -> list[int]:
    return list(tensor.shape) if tensor.shape is not None else [len(tensor.data)]


def _names(names: Any) -> str:
    return ", ".join(sorted(names))
