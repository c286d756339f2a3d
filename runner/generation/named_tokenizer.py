"""The tokenizer of a model that is named: a stored language model's, or one's that was not trained here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runner.errors import ConflictError, RunnerError
from runner.generation.model_opening import TRAINED, base_folder, is_stored
from runner.inference.opening import open_model
from runner.training.pretrained_tokenizer import read_tokenizer
from runner.workspace import Workspace


def named_tokenizer(workspace: Workspace, model: str, where: str) -> tuple[Any, Mapping[str, Any] | None]:
    """The tokenizer, and what a stored chat model keeps of the template that it was trained by, None of others.

    ``where`` names the flag or field, for messages. Raises :class:`ConflictError` for a stored model that is no
    language model, and what finding a model and reading a tokenizer raise. No weights are loaded.
    """
    try:
        if not is_stored(model):
            return read_tokenizer(base_folder(workspace, model), where), None
        opened = open_model(workspace, model)
    except RunnerError as error:
        error.where = error.where or where
        raise
    if not (opened.path / TRAINED).is_file():
        raise ConflictError(
            f"{opened.reference} is a model of {opened.task.name}, which has no tokenizer of conversations",
            where=where,
            hint="name a language model, stored or of the Hub",
        )
    document = json.loads((opened.path / TRAINED).read_text("utf-8"))
    return read_tokenizer(opened.path, where), document.get("chat")
