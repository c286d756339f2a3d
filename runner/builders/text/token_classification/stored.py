"""What training and use of a tagger share: its head, its tokenizer, and the probabilities of words' tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.batched_rows import forward_batches, measured_batches
from runner.builders._finetuning.heads import Head
from runner.builders._finetuning.opened_tokenizer import open_text_tokenizer
from runner.builders.text.token_classification.windows import Windows
from runner.data.tagged_tokens.tagged_row import labels_of
from runner.errors import DataError


def head_of(types: Sequence[str]) -> Head:
    """The head for entities of these types."""
    labels = labels_of(tuple(types))
    names: dict[str, Any] = {"num_labels": len(labels)}
    names |= {"id2label": dict(enumerate(labels)), "label2id": {label: at for at, label in enumerate(labels)}}
    return Head(
        "AutoModelForTokenClassification",
        "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES",
        "TOKEN_CLS",
        "trained to tag words",
        "name an encoder of texts, such as a BERT, RoBERTa or ModernBERT",
        settings=names,
    )


def tokenizer_of(folder: Path, config: Mapping[str, Any], where: str) -> Any:
    """The tokenizer of a model, for words that are given: byte-level ones read a word as they read one behind a blank.

    Raises :class:`DataError` for one that cannot be read, or that does not tell which word a token is of.
    """
    found = open_text_tokenizer(folder, config, where, add_prefix_space=True)
    if not found.is_fast:
        raise DataError(
            "the tokenizer does not tell which word a token is of",
            where=f"{where}: {folder}",
            hint="take a model that has a tokenizer.json",
        )
    return found


def batch_of(windows: Windows, padding: int) -> Callable[[np.ndarray], dict[str, Any]]:
    """What the model takes of some windows."""

    def batch(chosen: np.ndarray) -> dict[str, Any]:
        ids, mask = windows.tokens.padded(chosen, padding)
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}

    return batch


def word_odds(
    model: Any,
    windows: Windows,
    texts: Sequence[Sequence[str]],
    padding: int,
    device: str,
    rows_at_most: int | None = None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> list[np.ndarray]:
    """Of each text the probabilities of its words' labels, float64 ``[words, labels]``.

    A word that is no token, such as a blank of no width, is outside of all entities for sure. Raises
    :class:`~runner.errors.Stopped` when asked to stop.
    """
    count = int(model.config.num_labels)
    found = [np.zeros((len(words), count)) for words in texts]
    for odds in found:
        odds[:, 0] = 1.0
    lengths = windows.tokens.lengths
    batches = measured_batches(lengths) if rows_at_most is None else measured_batches(lengths, rows_at_most)
    for chosen, output in forward_batches(model, batches, batch_of(windows, padding), device, stop_requested):
        odds = torch.softmax(output.logits.double(), dim=-1).cpu().numpy()
        for place, window in enumerate(chosen.tolist()):
            begin, end = windows.tokens.ends[window], windows.tokens.ends[window + 1]
            at = np.flatnonzero(windows.read[begin:end])
            found[windows.text[window]][windows.word[begin:end][at]] = odds[place, at]
    return found
