"""Two texts as one row of tokens, and a transformer that is asked about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from runner.builders._finetuning.batched_rows import forward_batches, measured_batches
from runner.builders._finetuning.heads import Head
from runner.tasks.embedding.judging import alike_class
from runner.tasks.embedding.text_comparer import TextComparer
from runner.training.text_chunks import CHARACTERS, TEXTS, chunks
from runner.training.tokens import Tokens, TokenWriter


def head_of(classes: Sequence[str]) -> Head:
    """One output for a score, or one for each class."""
    names = dict(enumerate(classes)) if classes else {0: "score"}
    return Head(
        "AutoModelForSequenceClassification",
        "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
        "SEQ_CLS",
        what="a reader of two texts",
        hint="name a text encoder, such as sentence-transformers/all-MiniLM-L6-v2",
        settings={"num_labels": len(names), "id2label": names, "label2id": {name: at for at, name in names.items()}},
    )


@dataclass(frozen=True)
class PairTokens:
    """The tokens of pairs, and which of both texts each is of."""

    ids: Tokens
    types: Tokens | None
    padding: int

    def batch(self, rows: np.ndarray) -> dict[str, torch.Tensor]:
        """What a transformer reads of some pairs, int64 ``[B, T]`` each, on the CPU."""
        ids, mask = self.ids.padded(rows, self.padding)
        found = {"input_ids": ids, "attention_mask": mask}
        if self.types is not None:
            found["token_type_ids"] = self.types.padded(rows, 0)[0]
        return {name: torch.from_numpy(value) for name, value in found.items()}


def read_pairs(
    tokenizer: Any, pairs: Iterable[tuple[str, str]], max_length: int, cache: Path | None = None
) -> PairTokens:
    """Both texts of every pair, the longer cut first. Half a character is a question mark.

    ``cache``: the folder where many tokens lie.
    """
    ids, types = TokenWriter(cache), TokenWriter(cache)
    for part in chunks(pairs, TEXTS, CHARACTERS):
        one, two = ([pair[at].encode("utf-8", "replace").decode() for pair in part] for at in (0, 1))
        read = tokenizer(one, two, truncation="longest_first", max_length=max_length, return_attention_mask=False)
        ids.add(read["input_ids"])
        types.add(read.get("token_type_ids") or [])
    return PairTokens(ids.done(), types.done() if len(types) else None, int(tokenizer.pad_token_id or 0))


class PairComparer(TextComparer):
    """A reader of two texts that is asked: while it is trained, and once it is stored."""

    embeds: ClassVar[bool] = False

    def __init__(self, model: Any, tokenizer: Any, max_length: int, device: str, classes: Sequence[str] = ()) -> None:
        self._model, self._tokenizer, self._max_length, self._device = model, tokenizer, max_length, device
        self.classes = tuple(classes)

    def similarities(self, pairs: Sequence[tuple[str, str]], batch_size: int) -> np.ndarray:
        """From 0 to 1, float64 ``[n]``; of classes the odds of the one that belongs together, or the last."""
        if self.classes:
            together = alike_class(self.classes)
            at = self.classes.index(together) if together in self.classes else -1
            odds: np.ndarray = self.class_odds(pairs, batch_size)[:, at]
            return odds
        found: np.ndarray = 1 / (1 + np.exp(-self._logits(pairs, batch_size)[:, 0]))
        return found

    def class_odds(self, pairs: Sequence[tuple[str, str]], batch_size: int) -> np.ndarray:
        logits = self._logits(pairs, batch_size)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
        return found

    def _logits(self, pairs: Sequence[tuple[str, str]], batch_size: int) -> np.ndarray:
        """float64 ``[n, outputs]``."""
        tokens = read_pairs(self._tokenizer, pairs, self._max_length)
        found = np.zeros((len(pairs), max(len(self.classes), 1)))
        batches = measured_batches(tokens.ids.lengths, batch_size)
        for rows, output in forward_batches(self._model, batches, tokens.batch, self._device):
            found[rows] = output.logits.double().cpu().numpy()
        return found
