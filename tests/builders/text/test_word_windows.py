"""Windows of long texts: each word is read once, with the most text around it, and no tail is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.builders.text.token_classification.stored import tokenizer_of
from runner.builders.text.token_classification.windows import windows_of
from runner.errors import DataError
from runner.training import made_models

WORDS = [f"w{at}" if at % 3 else "the" for at in range(60)]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = made_models.made("runner/tiny-bert", tmp_path_factory.mktemp("base"))
    assert isinstance(folder, Path)
    return tokenizer_of(folder)


@pytest.mark.parametrize(("max_length", "stride"), [(16, 0), (16, 5), (16, 13), (33, 8), (4096, 8)])
def test_every_word_is_read_once(tokenizer: Any, max_length: int, stride: int) -> None:
    texts = [WORDS, ["short"], WORDS[:7]]
    windows = windows_of(tokenizer, texts, max_length, stride)
    read = [
        (int(windows.text[window]), int(windows.word[at]))
        for window in range(len(windows))
        for at in range(windows.tokens.ends[window], windows.tokens.ends[window + 1])
        if windows.read[at]
    ]
    assert sorted(read) == [(text, word) for text, words in enumerate(texts) for word in range(len(words))]
    assert windows.tokens.lengths.max() <= max_length and not windows.unread
    assert windows.long == (
        [] if max_length == 4096 else [0, 2] if max_length == 16 and len(windows.long) == 2 else [0]
    )


def test_a_word_is_read_at_its_first_token_far_from_the_ends(tokenizer: Any) -> None:
    windows = windows_of(tokenizer, [WORDS], 16, 8)
    whole = windows_of(tokenizer, [WORDS], 4096, 8)
    first = {int(whole.word[at]): int(whole.tokens.ids[at]) for at in np.flatnonzero(whole.read)}
    assert {int(windows.word[at]): int(windows.tokens.ids[at]) for at in np.flatnonzero(windows.read)} == first
    for window in range(1, len(windows) - 1):
        begin, end = windows.tokens.ends[window], windows.tokens.ends[window + 1]
        places = np.flatnonzero(windows.read[begin:end])
        # Of 14 tokens 8 are shared with each neighbour: the middle is read.
        assert places.min() >= 4 and places.max() <= 11


def test_labels(tokenizer: Any) -> None:
    windows = windows_of(tokenizer, [["Xy", "is", "it"]], 32, 4)
    labels = ("O", "B-A", "I-A")
    first = windows.labels([["B-A", "I-A", "B-Z"]], labels, all_tokens=False)
    every = windows.labels([["B-A", "I-A", "B-Z"]], labels, all_tokens=True)
    assert windows.word.tolist() == [-1, 0, 0, 1, 2, -1]
    assert first.ids.tolist() == [-100, 1, -100, 2, -100, -100]
    assert every.ids.tolist() == [-100, 1, 2, 2, -100, -100]


def test_words_that_are_no_token_shift_no_label(tokenizer: Any) -> None:
    words = ["Mia", "\u200b", "lives", "\x97", "\ufeff", "\u00ad", " ", "\u2028", "Graz"]
    windows = windows_of(tokenizer, [words, [], ["\u200b"]], 32, 4)
    read = {int(windows.word[at]): tokenizer.convert_ids_to_tokens(int(windows.tokens.ids[at]))
            for at in np.flatnonzero(windows.read) if windows.text[0] == 0}  # fmt: skip
    assert read[0] == "M" and read[8] == "G"
    assert set(read) | set(windows.unread[0]) == set(range(9))


def test_a_stride_without_room_is_refused(tokenizer: Any) -> None:
    with pytest.raises(DataError, match="room for 14 tokens beside the special ones, and shares 14"):
        windows_of(tokenizer, [WORDS], 16, 14)
