"""The one door to a stored model: found, checked, its device chosen, loaded once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from runner import near_names, registry
from runner.contract import Builder, Task
from runner.errors import ConflictError, EnvironmentProblem, NotFoundError, RunnerError, UsageError
from runner.inference import untrained
from runner.inference.untrained import Untrained
from runner.store.manifest import NAME as MANIFEST
from runner.store.manifest import Manifest
from runner.store.model_lookup import StoredModel, find, in_folder, listing, open_verified
from runner.store.names import ModelReference, parse_reference
from runner.training import made_models, pretrained
from runner.workspace import Workspace, absolute, current_folder

#: What a path begins with, and no name.
PATHS = ("/", "./", "../", "~/")


@dataclass(frozen=True)
class Opened:
    """A stored model whose every byte was checked. Its predictor is loaded when it is first asked for."""

    stored: StoredModel
    manifest: Manifest
    builder: Builder
    #: Where it computes.
    device: str
    cache: Path
    warnings: list[str] = field(default_factory=list)

    @property
    def reference(self) -> str:
        """``type/name/vN``"""
        return self.stored.reference

    @property
    def model_type(self) -> str:
        return self.stored.model_type

    @property
    def path(self) -> Path:
        return self.stored.path

    @property
    def task(self) -> Task:
        """What it answers."""
        return self.builder.TASK

    @property
    def predictor_class(self) -> type[Any]:
        return self.builder.Predictor

    @cached_property
    def predictor(self) -> Any:
        """Its kind's predictor, with the weights in it, kept as long as this is."""
        return self.load()

    def load(self) -> Any:
        """The same, the caller's alone."""
        return registry.load_predictor(self.builder, self.path, self.device, self.cache)

    def parameter(self, name: str) -> float | None:
        """A calibrated parameter of the model, None where it has none of that name."""
        return self.manifest.parameter(name)

    def kinds_whose(self, fits: Callable[[type[Any]], bool]) -> list[str]:
        """The kinds that can be used here and whose predictor's class fits: what a hint can offer instead."""
        return [kind for kind in registry.kinds() if _usable(kind) and fits(registry.load(kind).Predictor)]

    def need(self, task: Task, where: str, hint: str) -> Opened:
        """The model itself. Raises :class:`ConflictError` where it is of another task."""
        if self.task.name != task.name:
            raise ConflictError(f"{self.reference} is a model of {self.task.name}", where=where, hint=hint)
        return self


class OpenedBase(Opened):
    """The same of a language model that was not trained here."""

    def load(self) -> Any:
        return self.predictor_class.of_base(self.path, self.device)


def _usable(kind: str) -> bool:
    """Whether what a kind needs is installed: its predictor's module may import all of that."""
    try:
        registry.require(kind)
    except EnvironmentProblem:
        return False
    return True


#: How an endpoint's address begins.
ADDRESSES = ("http://", "https://")
#: How near a word is to a type that was meant, where it may as well be an owner's name on the Hub.
MEANT = 0.65


def _need_type(workspace: Workspace, wanted: ModelReference, *, or_base: bool) -> None:
    """Raise :class:`NotFoundError` for a type that does not exist, which is a better message than a missing model; its
    hint has what is stored by that name as other types. ``or_base``: a name that is near no type may be one of the Hub.
    """
    try:
        registry.load(str(wanted.model_type))
    except NotFoundError as error:
        found = [f"{model.model_type}/{model.name}" for model in listing(workspace.store) if model.name == wanted.name]
        named = f"{wanted.model_type}/{wanted.name}"
        if found:
            error.hint = f"did you mean {' or '.join(dict.fromkeys(found))}?"
        elif wanted.version is None and pretrained.available_locally(named):
            error.hint = f"{named} is a base model, and a stored one is needed: `runner models` lists those"
        elif str(wanted.model_type) + "/" == pretrained.OWN:
            error.hint = near_names.hint(named, made_models.DRAWN, f"there are {', '.join(made_models.DRAWN)}")
        elif or_base and not near_names.nearest(str(wanted.model_type), registry.kinds(), MEANT):
            error.message += f", and no model {named} of the Hub lies here"
            error.hint = (
                f"`runner models` lists what is stored; a model of the Hub is fetched once: hf download {named}"
            )
        raise


def find_model(workspace: Workspace, reference: str, *, or_base: bool = False) -> StoredModel:
    """The version that a reference names, or the model in a folder, written as a path (``./x``, ``/x``, ``~/x``); not
    yet checked. ``or_base``: or a language model that was not trained here, and is on this machine.

    Raises :class:`~runner.errors.NotFoundError`, and :class:`UsageError` for an address.
    """
    if reference.startswith(ADDRESSES):
        raise UsageError(
            f"{reference} is the address of an endpoint, and models that lie here are opened",
            hint="endpoints are not evaluated: `runner data collect` asks them, and grades what they answer",
        )
    if reference in (".", "..") or reference.startswith(PATHS):
        try:
            return in_folder(absolute(reference, current_folder(), where="--model"))
        except NotFoundError as error:
            if or_base and (base := untrained.at_hand(reference, None, workspace.cache)) is not None:
                return base
            leads = "what `runner models export` wrote" + (
                ", or to a base model with its config.json" if or_base else ""
            )
            error.hint = error.hint or f"a path leads to {leads}; a name is TYPE/NAME"
            raise
    try:
        wanted = parse_reference(reference)
        if or_base and (base := untrained.at_hand(reference, wanted, workspace.cache)) is not None:
            return base
        if wanted.model_type is not None and not os.path.lexists(workspace.store / wanted.model_type):
            _need_type(workspace, wanted, or_base=or_base)
        return find(workspace.store, wanted)
    except RunnerError as error:
        if os.path.isfile(os.path.join(reference, MANIFEST)):  # noqa: PTH113, PTH118 - these raise nothing
            error.hint = f"the model in that folder is written ./{reference}"
        raise


def open_model(
    workspace: Workspace, reference: str | StoredModel, *, device: str = "cpu", or_base: bool = False
) -> Opened:
    """Check the stored model and choose its device: ``cpu``, ``cuda``, or ``auto`` for a GPU where there is one.

    ``or_base``, as :func:`find_model` takes it: only for who asks models, and reads nothing else of a manifest.

    Raises :class:`~runner.errors.NotFoundError` for a stored model or type that is not there,
    :class:`~runner.errors.IntegrityError` for bytes that changed, :class:`EnvironmentProblem` for what is missing.
    """
    stored = find_model(workspace, reference, or_base=or_base) if isinstance(reference, str) else reference
    base = isinstance(stored, Untrained)
    if base:
        manifest = stored.manifest()
    else:
        stored, manifest = open_verified(workspace.store, stored, workspace.cache)
    registry.require(stored.model_type)
    builder = registry.load(stored.model_type)
    chosen = choose_device(builder.REQUIRES, device)
    warnings = [f"{stored.model_type} computes on the CPU"] if device == "cuda" and chosen == "cpu" else []
    return (OpenedBase if base else Opened)(stored, manifest, builder, chosen, workspace.cache, warnings)


def choose_device(requires: Sequence[str], device: str) -> str:
    """``cpu`` for a kind that computes without torch. Raises :class:`EnvironmentProblem` where CUDA finds no GPU."""
    if device == "cpu" or "torch" not in requires:
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "auto":
        return "cpu"
    raise EnvironmentProblem(
        "CUDA finds no GPU here", where="--device", hint="--device cpu, or `runner doctor` for what is missing"
    )
