"""From a model's name to what answers: a stored model, or one that was not trained here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner import registry
from runner.contract import Task
from runner.errors import ConflictError
from runner.inference.opening import PATHS, choose_device, open_model
from runner.store.manifest import NAME as MANIFEST
from runner.training import pretrained
from runner.workspace import Workspace, absolute, current_folder

#: The kind whose predictor opens a language model that was not trained here.
PLAIN = "causal_lm"
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
    found = pretrained.resolve(model, cache=workspace.cache)
    return plain.Predictor.of_base(Path(found), chosen), plain.TASK, model, []


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
