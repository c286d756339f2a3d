"""Texts as tokens: each is given to the tokenizer once, however long it is, and those that are cut are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.builders.text._labelled.encoded_texts import encode
from runner.training import made_models

TEXTS = [
    ("a b c", "d"),
    ("", ""),
    ("a " * 40, "b " * 3),
    ("a", "b " * 40),
    ("a b " * 40, "c d " * 40),
    ("a b", "c d e"),
]


class Counted:
    """A tokenizer, and how many texts it was given."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer, self.given, self.pad_token_id = tokenizer, 0, tokenizer.pad_token_id

    def __call__(self, texts: list[str], **words: Any) -> Any:
        self.given += len(texts)
        return self._tokenizer(texts, **words)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    folder: Path | None = made_models.made("runner/tiny-bert", tmp_path_factory.mktemp("base"))
    return AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("length", [4, 7, 8, 16, 500])
def test_a_long_text_is_read_once_and_told_to_be_cut(tokenizer, paired, length):
    counted = Counted(tokenizer)
    found = encode(counted, TEXTS, paired=paired, max_length=length, told_kinds=False)
    first = [one if paired else "\n".join(filter(None, (one, two))) for one, two in TEXTS]
    words = {"text_pair": [two for _, two in TEXTS]} if paired else {}
    whole = tokenizer(first, truncation=False, verbose=False, **words)["input_ids"]
    assert found.cut.tolist() == [at for at, own in enumerate(whole) if len(own) > length]
    cut = tokenizer(first, truncation=True, max_length=length, **words)["input_ids"]
    ids = found.batch(np.arange(len(TEXTS)))["input_ids"]
    assert [row[: len(own)].tolist() for row, own in zip(ids, cut, strict=True)] == cut
    assert counted.given == len(TEXTS)
