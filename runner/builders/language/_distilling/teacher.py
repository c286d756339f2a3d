"""The model that teaches: found, compared with the student, and opened."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning._fields.pretrained_fit import positions
from runner.builders.language._distilling.vocabularies import Shared, shared_vocabulary
from runner.builders.language._models import stored_model
from runner.builders.language._models.base_model import Base
from runner.builders.language._models.opening import configuration, open_tokenizer, open_weights
from runner.contract import FootprintContext, TrainContext
from runner.errors import RunnerError
from runner.training import pretrained
from runner.training.quiet_libraries import quietly

SPEC = "/model/spec"


@dataclass(frozen=True)
class Teacher:
    """A teacher whose weights are not yet read."""

    #: The folder of the whole model, and what the spec calls it.
    folder: Path
    name: str
    #: The pointer of the section that names it.
    where: str
    config: dict[str, Any]
    tokenizer: Any
    dtype: str
    #: What a stored chat model is asked by.
    chat: dict[str, Any] | None = None

    @property
    def longest(self) -> int:
        """The tokens that it has positions for."""
        return positions(self.config) or 1_000_000

    def shared(self, student: Base) -> Shared:
        """The tokens that both give odds of. Raises :class:`~runner.errors.DataError` for another vocabulary."""
        return shared_vocabulary(
            student.tokenizer, self.tokenizer, vocabulary_size(student.config), vocabulary_size(self.config),
            self.name, self.where,
        )  # fmt: skip

    def identity(self) -> str:
        """Another one for other files, another chat, another dtype: what is computed of it hangs on nothing else."""
        files = sorted(path for path in self.folder.iterdir() if path.suffix in (".safetensors", ".json", ".jinja"))
        what = [str(self.folder), [_stamp(path) for path in files], self.chat, self.dtype]
        return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()

    def opened(self, device: str, seed: int) -> Any:
        """The model in its dtype, without gradients and dropout."""
        model = open_weights(self.folder, device, where=self.where).to(kept_in(self.dtype, device))
        # Reading a model may draw from torch's generator or not, as it was read before or not.
        torch.manual_seed(seed)
        return model.eval().requires_grad_(False)


def _stamp(path: Path) -> tuple[str, int, int]:
    told = path.stat()
    return path.name, told.st_size, told.st_mtime_ns


def kept_in(dtype: str, device: str) -> torch.dtype:
    """The dtype of a teacher's weights: ``auto`` is bfloat16 where the GPU has it, else float32."""
    if dtype != "auto":
        found: torch.dtype = getattr(torch, dtype)
        return found
    return torch.bfloat16 if device.startswith("cuda") and torch.cuda.is_bf16_supported() else torch.float32


def vocabulary_size(config: dict[str, Any]) -> int:
    """How many tokens a model gives odds of."""
    return int(config.get("vocab_size") or (config.get("text_config") or {})["vocab_size"])


def find(section: Any, place: str, context: TrainContext | FootprintContext) -> Teacher:
    """The teacher that a ``ModelTeacher`` names; ``place`` is the pointer of that section from the spec.

    Raises by pointer for a folder that holds no language model, and what :func:`runner.training.pretrained.resolve`
    raises.
    """
    where, chat = f"{SPEC}{place}/model_name", None
    stored = context.stored.get(f"{place}/model_name".removeprefix("/"))
    if stored is not None:
        folder, chat = stored_model.whole(stored, context.cache), stored_model.read(stored).get("chat")
    else:
        try:
            folder = pretrained.resolve(section.model_name, section.revision, context.cache)
        except RunnerError as error:
            error.where = where if not error.where else f"{where}: {error.where}"
            raise
    config = configuration(folder, where)
    with quietly():
        tokenizer = open_tokenizer(folder, where)
    return Teacher(folder, section.model_name, where, config, tokenizer, section.dtype, chat)


def used_tokens(*ids: np.ndarray) -> set[int]:
    """The tokens that some rows have."""
    return {int(token) for some in ids for token in np.unique(some)}
