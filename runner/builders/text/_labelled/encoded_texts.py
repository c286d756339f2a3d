"""Texts and pairs of texts as tokens, kept once for a whole training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.training.text_chunks import CHARACTERS, TEXTS, chunks
from runner.training.tokens import Tokens, TokenWriter


@dataclass(frozen=True)
class EncodedTexts:
    """The tokens of ``n`` rows."""

    tokens: Tokens
    #: Which text of a pair each token is of, in the same layout; None for a model that is not told.
    kinds: Tokens | None
    padding: int
    #: Rows of which the end is cut, int64.
    cut: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        return self.tokens.lengths

    def __len__(self) -> int:
        return len(self.tokens)

    def batch(self, rows: np.ndarray) -> dict[str, torch.Tensor]:
        """What the model takes of some rows, int64 ``[B, T]`` each, on the CPU."""
        ids, mask = (torch.from_numpy(part) for part in self.tokens.padded(rows, self.padding))
        found = {"input_ids": ids, "attention_mask": mask}
        if self.kinds is not None:
            found["token_type_ids"] = torch.from_numpy(self.kinds.padded(rows, 0)[0])
        return found


def encode(
    tokenizer: Any,
    texts: Sequence[tuple[str, ...]],
    *,
    paired: bool,
    max_length: int,
    told_kinds: bool,
    cache: Path | None = None,
) -> EncodedTexts:
    """The rows' tokens, each row cut at ``max_length``: of a pair the longer text first.

    Half a character (a lone surrogate) is read as a question mark. ``told_kinds``: the model is told which text of a
    pair a token is of. ``cache``: the folder where many tokens lie.
    """
    ids, kinds = TokenWriter(cache), TokenWriter(cache)
    cut: list[int] = []
    for part in chunks(texts, TEXTS, CHARACTERS):
        at = len(ids)
        some = [tuple(map(_whole, each)) for each in part]
        first = [each[0] if paired else "\n".join(filter(None, each)) for each in some]
        words: dict[str, Any] = {"text_pair": [each[1] for each in some]} if paired else {}
        words |= {"return_attention_mask": False, "return_token_type_ids": told_kinds, "verbose": False}
        read = tokenizer(first, truncation=True, max_length=max_length, **words)
        cut += [at + row for row in _cut(read, tokenizer, first, max_length, words)]
        # A tokenizer without special tokens makes nothing of an empty text, and a transformer needs something to read.
        ids.add(own or [tokenizer.pad_token_id] for own in read["input_ids"])
        if told_kinds:
            kinds.add(own or [0] for own in read["token_type_ids"])
    return EncodedTexts(
        ids.done(), kinds.done() if told_kinds else None, int(tokenizer.pad_token_id), np.array(cut, np.int64)
    )


def _cut(read: Any, tokenizer: Any, first: Sequence[str], max_length: int, words: Mapping[str, Any]) -> list[int]:
    """Which of the rows that were read with ``words`` had more tokens than ``max_length``."""
    full = [row for row, own in enumerate(read["input_ids"]) if len(own) >= max_length]
    if read.encodings is not None:
        # What is left over of a row is there: a long text is not read twice.
        return [row for row in full if read.encodings[row].overflowing]
    again = {**words, "text_pair": [words["text_pair"][row] for row in full]} if "text_pair" in words else words
    whole = tokenizer([first[row] for row in full], truncation=False, **again)["input_ids"] if full else []
    return [row for row, own in zip(full, whole, strict=True) if len(own) > max_length]


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
