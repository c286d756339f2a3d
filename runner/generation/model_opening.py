"""From a model's name to what answers: a stored model, or one that was not trained here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner import near_names, registry
from runner.contract import Task
from runner.errors import ConflictError, NotFoundError, RunnerError
from runner.inference.opening import PATHS, choose_device, open_model
from runner.inference.untrained import PLAIN
from runner.store.manifest import NAME as MANIFEST
from runner.store.model_lookup import listing
from runner.training import pretrained
from runner.workspace import Workspace, absolute, current_folder

#: What is beside the weights of one that was trained here, in a store and out of it.
TRAINED = "language_model.json"


def open_answerer(workspace: Workspace, model: str, device: str) -> tuple[Any, Task, str, list[str]]:
    """What answers, its task, its name, and what is odd about it.

    Raises :class:`~runner.errors.NotFoundError` for a model that is not there, :class:`ConflictError` for one that
    makes no texts.
    """
    folder = _folder(model)
    if is_stored(model):
        opened = open_model(workspace, model, device=device)
        if not hasattr(opened.predictor_class, "decoding"):
            raise ConflictError(
                f"{opened.reference} is a model of {opened.task.name}, which makes no texts",
                hint="name a model of generation, such as one of type sft",
            )
        return opened.predictor, opened.task, opened.reference, opened.warnings
    registry.require(PLAIN)
    plain: Any = registry.load(PLAIN)
    chosen = choose_device(plain.REQUIRES, device)
    if folder is not None and (folder / TRAINED).is_file():
        return plain.Predictor.load(folder, chosen, workspace.cache), plain.TASK, str(folder), []
    return plain.Predictor.of_base(base_folder(workspace, model), chosen), plain.TASK, model, []


def base_folder(workspace: Workspace, model: str) -> Path:
    """The folder of a model that was not trained here, fetched if need be.

    Raises :class:`~runner.errors.NotFoundError` for what is a stored model's name with a letter wrong, and what
    :func:`pretrained.resolve` raises.
    """
    kind, slash, name = model.partition("/")
    wrong = slash and not model.startswith(PATHS) and not pretrained.available_locally(model)
    if wrong and (meant := _meant(workspace, kind, name)):
        raise NotFoundError(
            f"there is no type {kind!r}, and no model {model} of the Hub lies here",
            hint=f"did you mean {meant}? A model of the Hub is fetched once: hf download {model}",
        )
    try:
        return Path(pretrained.resolve(model, cache=workspace.cache))
    except RunnerError as error:
        if wrong:
            # TYPE/NAME is what is written most often, and what is not there is no model of the Hub's then.
            named = [f"{each.model_type}/{each.name}" for each in listing(workspace.store) if each.name == name]
            told = f"did you mean {' or '.join(dict.fromkeys(named))}?" if named else "`runner models` lists them"
            said = f"a stored model is TYPE/NAME, and there is no type {kind!r}: {told}"
            error.hint = f"{said}; of the Hub: {error.hint}" if error.hint else said
        raise


def _meant(workspace: Workspace, kind: str, name: str) -> str | None:
    """What stored model, or which type, a name is nearly; None for one that is near none."""
    own = name.partition("/")[0]
    stored = {f"{each.model_type}/{each.name}" for each in listing(workspace.store)}
    near = near_names.nearest(f"{kind}/{own}", stored, 0.75)
    if near is not None and registry.find(kind) is None:
        return near
    # Of other words a part may be alike: an organisation's name is longer than a slip.
    types = [each for each in registry.kinds() if abs(len(each) - len(kind)) <= 1]
    found = near_names.nearest(kind, types)
    return None if found is None else f"{found}/{name}"


def is_stored(model: str) -> bool:
    """Whether a name is that of a stored model, and of none that was not trained here: a folder with a manifest, a name
    that has none of the Hub's, or one whose type is one that there is."""
    if (folder := _folder(model)) is not None:
        return (folder / MANIFEST).is_file()
    kind, _, name = model.partition("/")
    return not name or registry.find(kind) is not None


def _folder(model: str) -> Path | None:
    """The folder that is named, if it is no name."""
    return absolute(model, current_folder()) if model.startswith(PATHS) or model in (".", "..") else None
