"""A transformer, its tokenizer, and how token vectors become a text's vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from runner.builders._finetuning.batched_rows import forward_batches, measured_batches, on_device
from runner.builders._finetuning.heads import Head
from runner.tasks.embedding.text_comparer import SIDES, TextComparer, unit
from runner.training.sentence_encoder import pool
from runner.training.sentence_encoder_settings import Settings
from runner.training.text_chunks import CHARACTERS, TEXTS, chunks
from runner.training.tokens import Tokens, TokenWriter

#: The transformer alone: its token vectors are all that is used.
BODY = Head(
    "AutoModel",
    "MODEL_MAPPING_NAMES",
    "FEATURE_EXTRACTION",
    what="an encoder of texts",
    hint="name a text encoder, such as sentence-transformers/all-MiniLM-L6-v2",
    drawn="none",
    spare=("pooler.",),
)


@dataclass(frozen=True)
class Prompts:
    """What stands before an anchor, and before every other text."""

    anchor: str = ""
    positive: str = ""


@dataclass(frozen=True)
class TextReader:
    """Texts to tokens."""

    tokenizer: Any
    settings: Settings

    def tokens(self, texts: Iterable[str], prompt: str, cache: Path | None = None) -> Tokens:
        """The texts behind the prompt, cut at the settings' ``max_length``. Half a character is a question mark.

        ``cache``: the folder where many tokens lie.
        """
        writer = TokenWriter(cache)
        for part in chunks(texts, TEXTS, CHARACTERS, len):
            ready = [prompt + text.encode("utf-8", "replace").decode() for text in part]
            if self.settings.lower_case:
                ready = [text.lower() for text in ready]
            read = self.tokenizer(
                ready,
                truncation=True,
                max_length=self.settings.max_length,
                return_attention_mask=False,
                return_token_type_ids=False,
            )
            writer.add(ids or [self.padding] for ids in read["input_ids"])
        return writer.done()

    def lengths(self, texts: Sequence[str], prompt: str) -> list[int]:
        """The tokens that each text has behind the prompt, none of them cut."""
        ready = [prompt + text.encode("utf-8", "replace").decode() for text in texts]
        if self.settings.lower_case:
            ready = [text.lower() for text in ready]
        words: dict[str, Any] = {"truncation": False, "verbose": False}
        read = self.tokenizer(ready, return_attention_mask=False, return_token_type_ids=False, **words)
        return [len(ids) for ids in read["input_ids"]]

    @property
    def padding(self) -> int:
        """The token that fills up a batch, behind a mask."""
        return int(self.tokenizer.pad_token_id or 0)

    def batch(self, tokens: Tokens, rows: np.ndarray) -> dict[str, torch.Tensor]:
        """``input_ids`` and ``attention_mask`` of some texts, int64 ``[B, T]``, on the CPU."""
        return batch_of(tokens, rows, self.padding)


def batch_of(tokens: Tokens, rows: np.ndarray, padding: int) -> dict[str, torch.Tensor]:
    """``input_ids`` and ``attention_mask`` of some texts, int64 ``[B, T]``, on the CPU."""
    ids, mask = tokens.padded(rows, padding)
    return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}


class TextVectors(nn.Module):
    """``input_ids`` and ``attention_mask``, int64 ``[B, T]``, to vectors, float32 ``[B, width]``."""

    def __init__(self, model: Any, settings: Settings) -> None:
        super().__init__()
        self.model, self.settings = model, settings

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        tokens = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        vectors = pool(tokens.float(), attention_mask, self.settings.pooling)
        return nn.functional.normalize(vectors, dim=1) if self.settings.normalize else vectors


def drop_pooler(model: Any) -> None:
    """Take the head for pairs of sentences off a transformer: it has no part in a text's vector, and is not stored."""
    whole = model.get_base_model() if hasattr(model, "peft_config") else model
    if isinstance(getattr(whole, "pooler", None), nn.Module):
        whole.pooler = None


class VectorComparer(TextComparer):
    """An encoder that is asked: while it is trained, and once it is stored."""

    embeds: ClassVar[bool] = True

    def __init__(
        self,
        vectors: TextVectors,
        reader: TextReader,
        prompts: Prompts,
        device: str,
        classifier: nn.Linear | None = None,
        classes: Sequence[str] = (),
    ) -> None:
        self._vectors, self._reader, self._prompts, self._device = vectors, reader, prompts, device
        self._classifier, self.classes = classifier, tuple(classes)

    @property
    def width(self) -> int:
        """The length of a vector."""
        return self._vectors.settings.width

    @property
    def longest(self) -> int:
        """Tokens of a text, at most: what is behind them is not read."""
        return int(self._vectors.settings.max_length)

    def lengths(self, texts: Sequence[str], side: str = "anchor") -> list[int]:
        """The tokens of each text, behind the prompt of its side."""
        return self._reader.lengths(texts, getattr(self._prompts, side))

    def encode(
        self, texts: Sequence[str], batch_size: int, dimensions: int | None = None, side: str = "anchor"
    ) -> np.ndarray:
        """float32 ``[len(texts), width]``; ``side``, ``anchor`` or ``positive``, says which prompt stands before.

        Of ``dimensions`` the first numbers, again of length 1 where the model's vectors are.
        """
        tokens = self._reader.tokens(texts, getattr(self._prompts, side))
        found = np.zeros((len(texts), self.width), np.float32)
        batches = measured_batches(tokens.lengths, batch_size)

        def batch(rows: np.ndarray) -> dict[str, torch.Tensor]:
            return self._reader.batch(tokens, rows)

        for rows, values in forward_batches(self._vectors, batches, batch, self._device):
            found[rows] = values.cpu().numpy()
        if dimensions is None:
            return found
        cut = found[:, :dimensions]
        return unit(cut).astype(np.float32) if self._vectors.settings.normalize else cut

    def class_odds(self, pairs: Sequence[tuple[str, str]], batch_size: int) -> np.ndarray:
        """float64 ``[len(pairs), classes]``, by the layer that was trained beside the encoder."""
        assert self._classifier is not None
        one, two = (self.encode([pair[at] for pair in pairs], batch_size, side=side) for at, side in enumerate(SIDES))
        with torch.no_grad():
            read = torch.from_numpy(np.concatenate([one, two, np.abs(one - two)], axis=1))
            logits = self._classifier(on_device(read, self._device)).double()
            found: np.ndarray = torch.softmax(logits, dim=1).cpu().numpy()
        return found
