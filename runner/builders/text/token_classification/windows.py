"""Tokens of a tokenizer for words that are given: windows of a text's, and the place at which each word is read."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runner.data.tagged_tokens.tagged_row import BEGIN, INSIDE
from runner.errors import DataError
from runner.training.text_chunks import CHARACTERS, TEXTS, chunks
from runner.training.tokens import Tokens, TokenWriter

#: A token that nothing is learned at, as torch's loss passes over it.
NOT_LEARNED = -100


@dataclass(frozen=True)
class Windows:
    """The windows of some texts, one behind the other."""

    tokens: Tokens
    #: Of each window the text that it is of: int64 ``[windows]``.
    text: np.ndarray
    #: Of every token the word that it is of, -1 for special ones, and whether the word is read at it, or not at all in
    #: this window: int32 and int8 (0 or 1) ``[all tokens]``.
    word: np.ndarray
    read: np.ndarray
    #: Texts of more than one window, and words that are no token, by text.
    long: list[int]
    unread: dict[int, list[int]]
    #: The folder where many tokens lie.
    cache: Path | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def labels(self, tags: Iterable[Sequence[str]], labels: Sequence[str], all_tokens: bool) -> Tokens:
        """What is to be learned at every token, as numbers of ``labels``; :data:`NOT_LEARNED` where nothing is.

        ``tags`` are those of each text's words. With ``all_tokens`` a word's further tokens go on in its entity; of
        words at the border of windows those in the window that reads the word. A tag that is none of ``labels`` is not
        learned.
        """
        number = {label: at for at, label in enumerate(labels)}
        writer = TokenWriter(self.cache)
        ends = self.tokens.ends
        # The windows of a text stand together, in the order of the texts.
        rest = enumerate(tags)
        text, own = -1, ()  # type: int, Sequence[str]
        for window, wanted in enumerate(self.text.tolist()):
            while text < wanted:
                text, own = next(rest)
            inside = slice(int(ends[window]), int(ends[window + 1]))
            reading, found = -1, []
            for word, read in zip(self.word[inside].tolist(), self.read[inside].tolist(), strict=True):
                learned = NOT_LEARNED
                if read:
                    learned = number.get(own[word], NOT_LEARNED)
                    reading = word
                elif all_tokens and word >= 0 and word == reading:
                    tag = own[word]
                    learned = number.get(INSIDE + tag[2:] if tag.startswith(BEGIN) else tag, NOT_LEARNED)
                found.append(learned)
            writer.add([found])
        return writer.done()


def windows_of(
    tokenizer: Any, texts: Iterable[Sequence[str]], max_length: int, stride: int, cache: Path | None = None
) -> Windows:
    """The windows of texts, each the words that it is made of. A text without a word that is a token has none.

    ``cache``: the folder where many tokens lie.

    A word is read at its first token, in the window in which the nearer end of the window is farthest from it. Raises
    :class:`DataError` for a stride that leaves a window no room for a new token.
    """
    room = max_length - tokenizer.num_special_tokens_to_add()
    if stride >= room:
        raise DataError(
            f"a window has room for {room} tokens beside the special ones, and shares {stride}",
            where="/model/spec/stride",
            hint=f"at most {room - 1}, or a greater max_length",
        )
    ids, words, firsts = TokenWriter(cache), TokenWriter(cache), TokenWriter(cache, "b")
    text_of = array("q")
    long: list[int] = []
    unread: dict[int, list[int]] = {}
    with_words = (each for each in enumerate(texts) if each[1])
    for part in chunks(with_words, TEXTS, CHARACTERS, lambda each: sum(map(len, each[1]))):
        made = tokenizer(
            [list(text) for _, text in part],
            is_split_into_words=True,
            truncation=True,
            max_length=max_length,
            stride=stride,
            return_overflowing_tokens=True,
            padding=False,
        )
        by_text: dict[int, list[Any]] = {}
        for encoding, at in zip(made.encodings, made["overflow_to_sample_mapping"], strict=True):
            by_text.setdefault(at, []).append(encoding)
        for at, encodings in by_text.items():
            text, own_words = part[at]
            read = _read_at(encodings, room - stride)
            if absent := sorted(set(range(len(own_words))) - {word for _, word in read}):
                unread[text] = absent
            if len(encodings) > 1:
                long.append(text)
            for window, encoding in enumerate(encodings):
                ids.add([encoding.ids])
                text_of.append(text)
                words.add([[-1 if word is None else word for word in encoding.word_ids]])
                places = {place for (own, _), place in read.items() if own == window}
                firsts.add([[place in places for place in range(len(encoding.ids))]])
    numbers = np.array(text_of, np.int64)
    return Windows(ids.done(), numbers, words.done().ids, firsts.done().ids, long, unread, cache)


def _read_at(encodings: Sequence[Any], step: int) -> dict[tuple[int, int], int]:
    """Where each word of a text is read: (window, word) -> the token's place in the window."""
    first: dict[int, int] = {}
    seen: dict[int, list[tuple[int, int, int]]] = {}
    for window, encoding in enumerate(encodings):
        places = [place for place, word in enumerate(encoding.word_ids) if word is not None]
        for number, place in enumerate(places):
            word, at = encoding.word_ids[place], window * step + number
            if at == first.setdefault(word, at):
                # How far the nearer end of the window is, but for the text's own ends.
                before = number if window else len(encoding.ids)
                after = len(places) - 1 - number if window < len(encodings) - 1 else len(encoding.ids)
                seen.setdefault(word, []).append((min(before, after), -window, place))
    found = {}
    for word, choices in seen.items():
        _, window, place = max(choices)
        found[-window, word] = place
    return found
