"""The stored sentence encoder that answers."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import torch

from runner.builders._finetuning import finetuned_model
from runner.builders.embeddings._encoding.text_vectors import (
    BODY,
    Prompts,
    TextReader,
    TextVectors,
    VectorComparer,
    drop_pooler,
)
from runner.store.tensors import read_tensors
from runner.training.pretrained_tokenizer import read_tokenizer
from runner.training.sentence_encoder_settings import Settings

#: The layer that tells classes apart, where there is one.
CLASSIFIER = "class_head.safetensors"


class Predictor(VectorComparer):
    """Reads what ``train`` wrote, and nothing else."""

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None, base: Path | None = None) -> Self:
        """``base`` is the folder that an adapter was trained beside just now. Raises :class:`IntegrityError`."""
        document = finetuned_model.read(directory)
        settings = Settings.read(directory)
        model = finetuned_model.load(directory, BODY, device, cache, base=base)
        drop_pooler(model)
        reader = TextReader(read_tokenizer(directory, str(directory)), settings)
        classes = document.get("classes") or ()
        classifier = None
        if classes:
            weights = {name: torch.as_tensor(value) for name, value in read_tensors(directory / CLASSIFIER).items()}
            classifier = torch.nn.Linear(weights["weight"].shape[1], len(classes))
            classifier.load_state_dict(weights)
            classifier.to(device)
        vectors = TextVectors(model, settings).to(device).eval()
        return cls(vectors, reader, Prompts(**document["prompts"]), device, classifier, classes)
