"""The 45 features of a prompt, from its text and the turns before it.

A prompt's words are found by one regular expression and matched as a set, so no Python loop goes over words; counts
of characters are taken over the bytes of many prompts at once. Word lists are English: a prompt in another language
has its lengths and its punctuation, and few of the rest. Nothing is case- or order-dependent beyond what is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from runner.builders.routing._fields.feature_list import FEATURES
from runner.builders.routing._prompts.feature_words import IMPERATIVE, INTERROGATIVE, REASONING, REQUIREMENT, WORDS

#: Only this many characters of a text are searched: an encoder reads far less, and a pasted book costs no more.
SEARCHED = 20_000
#: Prompts whose bytes are counted at once.
CHUNK = 4096
NAMES = tuple(feature.name for feature in FEATURES)
#: The columns to standardise: int64 ``[k]``.
NUMERIC = np.flatnonzero([feature.numeric for feature in FEATURES])

_COLUMN = {name: at for at, name in enumerate(NAMES)}
#: Bit masks over columns, for single words and for phrases (in spaces, as they stand in the joined words).
_WORD: dict[str, int] = {}
_PHRASE: dict[str, int] = {}
for _name, _listed in WORDS.items():
    for _entry in _listed.split():
        _table, _key = (_PHRASE, f" {_entry.replace('_', ' ')} ") if "_" in _entry else (_WORD, _entry)
        _table[_key] = _table.get(_key, 0) | 1 << _COLUMN[_name]
_VOCABULARY = frozenset(_WORD)
#: A phrase is looked for only where its longest word is among the prompt's: word -> its phrases and their bits.
_PHRASES: dict[str, list[tuple[str, int]]] = {}
for _key, _bits in _PHRASE.items():
    _PHRASES.setdefault(max(_key.split(), key=len), []).append((_key, _bits))
_ANCHORS = frozenset(_PHRASES)

# No expression below can look at a character more than a few times: each repetition is bounded or stands alone.
_TOKEN = re.compile(r"[^\W_]+(?:['&][^\W_]+|\+\+|#)?")
_SENTENCE_END = re.compile(r"[.!?。！？](?=\s|$)|\n(?=\S)")
_ARITHMETIC = re.compile(r"\d ?[-+*/^=<>×÷] ?\d")
_SYMBOLIC = re.compile(r"\b[xyn] ?[=^] ?[-\d]|\\(?:frac|int|sum|sqrt)\b")
_CODE = re.compile("```|#include|=> \\{|\\(\\);|</|console\\.log|print\\(|;\n|import numpy|def __|public static")
_LENGTH = re.compile(
    r" (?:\d+|one|two|three|four|five|ten) (?:words?|sentences?|paragraphs?|characters?|lines?|pages?) "
)
_LIST = re.compile(r" (?:top|give me|list|name) (?:\d+|three|four|five|six|seven|eight|ten) ")
#: Words that stand before the one that opens a prompt.
_GREETING = frozenset(("please", "kindly", "now", "then", "hi", "hello", "hey"))
_QUESTION, _ORDER, _CODING, _MATH, _LONG, _LISTED = (
    1 << _COLUMN[name]
    for name in ("task_question", "style_imperative", "task_coding", "task_math", "format_length", "format_list")
)


def features(prompts: Sequence[str], histories: Sequence[Sequence[str]]) -> np.ndarray:
    """The raw features, float32 ``[len(prompts), 45]``, columns as in ``FEATURES``; every value is finite.

    ``histories`` has each prompt's earlier turns, oldest first. Numeric columns (``NUMERIC``) are to be standardised
    with the training prompts' mean and deviation.
    """
    table = np.zeros((len(prompts), len(FEATURES)), np.float32)
    masks = np.zeros(len(prompts), np.uint64)
    counts = np.zeros((len(prompts), 8), np.float64)
    for row, (prompt, history) in enumerate(zip(prompts, histories, strict=True)):
        masks[row], counts[row] = _look(prompt, history)
    flags = np.flatnonzero([not feature.numeric for feature in FEATURES])
    table[:, flags] = (masks[:, None] >> flags.astype(np.uint64)) & np.uint64(1)
    characters, words, sentences, distinct, requirements, reasoning, earlier, overlap = counts.T
    uppercase, letters, marks, history_characters = _characters(prompts, histories)
    searched = np.minimum(characters, SEARCHED)
    numeric = {
        "log_characters": np.log1p(characters),
        # Words beyond what is searched are as frequent as before.
        "log_words": np.log1p(words * characters / np.maximum(searched, 1)),
        "log_sentences": np.log1p(sentences * characters / np.maximum(searched, 1)),
        "word_length": np.minimum(searched / np.maximum(words, 1), 20),
        "log_sentence_length": np.log1p(words / np.maximum(sentences, 1)),
        "distinct_words": distinct / np.maximum(words, 1),
        "requirements": np.log1p(requirements),
        "reasoning": np.log1p(reasoning),
        "uppercase_share": uppercase / np.maximum(letters, 1),
        "emphasis": np.log1p(marks),
        "log_earlier_turns": np.log1p(earlier),
        "log_history_characters": np.log1p(history_characters),
        "history_overlap": overlap / np.maximum(distinct, 1),
    }
    for name, values in numeric.items():
        table[:, _COLUMN[name]] = values
    return table


def words_in(text: str) -> list[str]:
    """The words of a text, in small letters."""
    return _TOKEN.findall(text.lower().replace("’", "'"))


def is_question(text: str, opening: str) -> bool:
    """Whether a text asks: by the word that opens it, or by its last sign."""
    return opening in INTERROGATIVE or text.rstrip().endswith(("?", "？"))


def opening_word(tokens: Sequence[str]) -> str:
    """The first word of a text that is no greeting; "" where there is none."""
    opening = tokens[0] if tokens else ""
    return tokens[1] if opening in _GREETING and len(tokens) > 1 else opening


def _look(prompt: str, history: Sequence[str]) -> tuple[int, tuple[float, ...]]:
    """The yes-or-no features as a bit mask over columns, and the counts that the numeric ones are made of."""
    text = prompt[:SEARCHED]
    tokens = words_in(text)
    distinct = set(tokens)
    mask = 0
    for word in distinct & _VOCABULARY:
        mask |= _WORD[word]
    spaced = f" {' '.join(tokens)} "
    for word in distinct & _ANCHORS:
        for phrase, bits in _PHRASES[word]:
            if phrase in spaced:
                mask |= bits
    mask |= _shapes(text, spaced, tokens)
    overlap = 0
    if history:
        earlier = " ".join(turn[:SEARCHED] for turn in history[-4:])[-SEARCHED:]
        overlap = len(distinct.intersection(words_in(earlier)))
    return mask, (
        len(prompt),
        len(tokens),
        len(_SENTENCE_END.findall(text)),
        len(distinct),
        len(distinct & REQUIREMENT),
        len(distinct & REASONING),
        len(history),
        overlap,
    )


def _shapes(text: str, spaced: str, tokens: Sequence[str]) -> int:
    """The bits that are not a matter of single words."""
    opening = opening_word(tokens)
    mask = 0
    if is_question(text, opening):
        mask |= _QUESTION
    if opening in IMPERATIVE:
        mask |= _ORDER
    if _CODE.search(text):
        mask |= _CODING
    if has_formula(text):
        mask |= _MATH
    if _LENGTH.search(spaced):
        mask |= _LONG
    if _LIST.search(spaced):
        mask |= _LISTED
    return mask


def has_formula(text: str) -> bool:
    """Whether a text shows a calculation or an equation."""
    if _ARITHMETIC.search(text):
        return True
    return ("=" in text or "^" in text or "\\" in text) and _SYMBOLIC.search(text) is not None


def _characters(
    prompts: Sequence[str], histories: Sequence[Sequence[str]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Capitals, letters A-Z, question and exclamation marks of each prompt, and characters of its history."""
    parts = [
        _count_bytes([text[:SEARCHED] for text in prompts[at : at + CHUNK]]) for at in range(0, len(prompts), CHUNK)
    ]
    uppercase, letters, marks = np.concatenate(parts, axis=1) if parts else np.zeros((3, 0))
    earlier = np.fromiter((sum(map(len, history)) for history in histories), np.float64, len(histories))
    return uppercase, letters, marks, earlier


def _count_bytes(texts: Sequence[str]) -> np.ndarray:
    """int64 ``[3, len(texts)]``, over the bytes of all the texts at once."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([0, *(len(part) for part in encoded)])
    data = np.frombuffer(b"".join(encoded), np.uint8)
    upper = (data >= 65) & (data <= 90)
    kinds = (upper, upper | ((data >= 97) & (data <= 122)), (data == 33) | (data == 63))
    return np.stack([np.diff(np.concatenate([[0], np.cumsum(kind)])[ends]) for kind in kinds])
