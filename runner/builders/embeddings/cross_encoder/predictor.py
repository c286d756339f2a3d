"""The stored cross-encoder that answers."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from runner.builders._finetuning import finetuned_model
from runner.builders.embeddings._encoding.pair_reader import PairComparer
from runner.training.pretrained_tokenizer import read_tokenizer


class Predictor(PairComparer):
    """Reads what ``train`` wrote, and nothing else."""

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Self:
        """Raises :class:`~runner.errors.IntegrityError` for a folder of anything else."""
        document = finetuned_model.read(directory)
        model = finetuned_model.load(directory, finetuned_model.stored_head(document), device, cache)
        tokenizer = read_tokenizer(directory, str(directory))
        return cls(model, tokenizer, int(document["max_length"]), device, document["classes"])
