"""A stored language model that is evaluated: opened by the one door, what it said kept by the content of its files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from runner.errors import ConflictError
from runner.evaluation.kept_answers import KeptAnswers
from runner.inference.opening import Opened, open_model
from runner.tasks.generation.scored.asked_model import AskedModel
from runner.workspace import Workspace

#: Files of a stored model that decide no answer.
FOR_PEOPLE = ".md"


class EvaluatedModel(AskedModel):
    """One model, and where its answers are kept."""

    kept: KeptAnswers

    def __init__(self, opened: Opened, folder: Path, batch_size: int, *, fresh: bool = False) -> None:
        files = {name: record.sha256 for name, record in opened.manifest.files.items() if not name.endswith(FOR_PEOPLE)}
        told = json.dumps([opened.model_type, files, opened.device], sort_keys=True)
        self.opened, self.content = opened, hashlib.sha256(told.encode()).hexdigest()
        kept = KeptAnswers(folder, self.content, fresh=fresh)
        super().__init__(opened.reference, lambda: opened.predictor, batch_size, kept)

    @classmethod
    def open(
        cls, workspace: Workspace, reference: str, *, device: str, batch_size: int, fresh: bool = False
    ) -> EvaluatedModel:
        """Open a stored language model.

        Raises :class:`ConflictError` for a model of another task, and what opening a model raises.
        """
        opened = open_model(workspace, reference, device=device, or_base=True)
        if not speaks(opened):
            raise ConflictError(
                f"{opened.reference} is a model of {opened.task.name}, and language models are evaluated",
                where="--models",
                hint="`runner compare` measures models of other tasks on their held-out rows",
            )
        return cls(opened, workspace.cache / "evaluations", batch_size, fresh=fresh)


def speaks(opened: Opened) -> bool:
    """Whether it is a language model, which says how likely a text is."""
    return hasattr(opened.predictor_class, "likelihoods")
