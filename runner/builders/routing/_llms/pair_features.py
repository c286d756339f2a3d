"""The 32 scalar features of a (prompt, response) pair: how an LLM answers, whatever it says.

Every text is looked at once however many pairs it is in; counts of characters are taken over the bytes of many texts
at once. Word lists are English: a response in another language has its lengths and its formatting.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from runner.builders.routing._fields.feature_list import Feature, group
from runner.builders.routing._prompts.feature_words import words_of
from runner.builders.routing._prompts.features import SEARCHED

#: Texts, or pairs, that are looked at together.
CHUNK = 512

FEATURES: tuple[Feature, ...] = (
    *group(
        "length",
        ("log_prompt_words", True, "log(1 + words of the prompt)"),
        ("log_characters", True, "log(1 + characters of the response)"),
        ("log_words", True, "log(1 + words of the response)"),
        ("log_words_ratio", True, "log of (1 + words of the response) / (1 + words of the prompt)"),
        ("log_sentences", True, "log(1 + ends of sentences)"),
        ("log_lines", True, "log(1 + line breaks)"),
        ("log_paragraphs", True, "log(1 + empty lines)"),
        ("log_sentence_length", True, "log(1 + words a sentence)"),
    ),
    *group(
        "words",
        ("word_length", True, "characters a word, at most 20"),
        ("distinct_words", True, "share of the words that are not repetitions"),
        ("uppercase_share", True, "share of capitals among A-Z letters"),
        ("digit_share", True, "share of digits among the bytes"),
        ("non_ascii_share", True, "share of bytes beyond ASCII"),
    ),
    *group(
        "formatting",
        ("list_items", True, "log(1 + lines that open with a bullet)"),
        ("numbered_items", True, "log(1 + lines that open with a number)"),
        ("headings", True, "log(1 + lines that open with #)"),
        ("code_blocks", True, "log(1 + fences of code blocks)"),
        ("inline_code", True, "log(1 + backticks outside of fences)"),
        ("bold", True, "log(1 + double asterisks)"),
        ("table_rows", True, "log(1 + lines that open with a bar)"),
        ("links", True, "log(1 + addresses)"),
    ),
    *group(
        "punctuation",
        ("question_marks", True, "log(1 + question marks)"),
        ("exclamation_marks", True, "log(1 + exclamation marks)"),
        ("commas", True, "commas and semicolons a word, at most 1"),
        ("brackets", True, "opening brackets a word, at most 1"),
    ),
    *group(
        "manner",
        ("hedges", True, "log(1 + distinct words that hedge)"),
        ("refusal", False, "refuses, or says what it cannot do"),
        ("apology", False, "is sorry"),
        ("first_person", True, "share of the words that speak of oneself"),
        ("ends_open", False, "ends in the middle of a sentence, or is empty"),
    ),
    *group(
        "relation",
        ("response_overlap", True, "share of the response's distinct words that the prompt has"),
        ("prompt_overlap", True, "share of the prompt's distinct words that the response has"),
    ),
)
NAMES = tuple(feature.name for feature in FEATURES)
#: The columns to standardise: int64 ``[k]``.
NUMERIC = np.flatnonzero([feature.numeric for feature in FEATURES])

# No expression looks at a character more than a few times: each repetition is bounded or stands alone.
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SENTENCE_END = re.compile(r"[.!?。！？](?=\s|$)")
_LINE = re.compile(r"^[ \t]{0,12}(?:([-*+•])[ \t]|(\d{1,3}[.)])[ \t]|(#{1,6})[ \t]|(\|))", re.MULTILINE)
_LINK = re.compile(r"https?://|www\.")
_REFUSAL = re.compile(
    r"\b(?:i (?:cannot|can[’']?t|can not|am (?:unable|not able)|won[’']?t|do not know|don[’']?t know)"
    r"|i[’']m (?:unable|not able)|as an ai|as a language model|not able to"
    r"|(?:cannot|can[’']?t) (?:assist|help|provide|answer))\b"
)
_APOLOGY = re.compile(r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|forgive me)\b")
_HEDGES = words_of("""
    maybe perhaps possibly probably likely unlikely might may could seems seem appears appear generally usually often
    sometimes typically roughly about approximately somewhat arguably potentially presumably suggests depends
    however although relatively fairly""")
_SELF = words_of("i me my mine myself i'm i've i'd i'll we our us i’m i’ve i’d i’ll")
_ENDS = (".", "!", "?", '"', "'", ")", "]", "}", "`", "*", ":", "|", ">", "”", "。", "！", "？", "…")

#: Classes of bytes: capitals, other letters, digits, beyond ASCII, ?, !, commas, brackets, line breaks, backticks.
_CLASSES = 11
_CLASS = np.zeros(256, np.uint8)
_CLASS[65:91], _CLASS[97:123], _CLASS[48:58], _CLASS[128:] = 1, 2, 3, 4
for _number, _bytes in enumerate((b"?", b"!", b",;", b"([{", b"\n", b"`"), 5):
    _CLASS[list(_bytes)] = _number


def pair_features(texts: Sequence[str], prompt: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Raw features, float32 ``[n, 32]``, columns as in ``FEATURES``, all finite.

    ``prompt`` and ``response`` are int ``[n]``, indices into ``texts``. Numeric columns (``NUMERIC``) are to be
    standardised with the training pairs' mean and deviation.
    """
    if not len(prompt):
        return np.zeros((0, len(FEATURES)), np.float32)
    answers, which = np.unique(response, return_inverse=True)
    own = _responses([texts[at][:SEARCHED] for at in answers])
    own["log_characters"] = np.log1p([len(texts[at]) for at in answers])
    columns = {name: values[which] for name, values in own.items()}
    both = [_compare(texts, prompt[at : at + CHUNK], response[at : at + CHUNK]) for at in range(0, len(prompt), CHUNK)]
    prompt_words, prompt_distinct, response_distinct, common = np.concatenate(both).T
    columns |= {
        "log_prompt_words": np.log1p(prompt_words),
        "log_words_ratio": columns["log_words"] - np.log1p(prompt_words),
        "response_overlap": common / np.maximum(response_distinct, 1),
        "prompt_overlap": common / np.maximum(prompt_distinct, 1),
    }
    return np.stack([columns[name] for name in NAMES], axis=1).astype(np.float32)


def _compare(texts: Sequence[str], prompt: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Words of each prompt, distinct ones of either side, and those that both have: float64 ``[n, 4]``.

    A few pairs at a time: the words of all texts at once would be many times the texts.
    """
    found = {at: _WORD.findall(texts[at][:SEARCHED].lower()) for at in {*prompt.tolist(), *response.tolist()}}
    distinct = {at: set(words) for at, words in found.items()}
    return np.array(
        [
            (len(found[p]), len(distinct[p]), len(distinct[r]), len(distinct[p] & distinct[r]))
            for p, r in zip(prompt.tolist(), response.tolist(), strict=True)
        ],
        np.float64,
    )


def _responses(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """What is a response's own: float64 ``[len(texts)]`` by name."""
    looked = np.array([_look(text) for text in texts]).T
    words, distinct, sentences, paragraphs, bullets, numbers, headings, bars, fences, bold, links = looked[:11]
    hedges, refusal, apology, oneself, ends_open = looked[11:]
    counts = np.concatenate([_classes(texts[at : at + CHUNK]) for at in range(0, len(texts), CHUNK)]).T
    capital, small, digit, beyond, question, exclamation, comma, bracket, line, backtick = counts[1:]
    length = np.maximum(counts.sum(axis=0), 1)
    characters = np.fromiter(map(len, texts), float, len(texts))
    some = np.maximum(words, 1)
    return {
        "log_words": np.log1p(words),
        "log_sentences": np.log1p(sentences),
        "log_lines": np.log1p(line),
        "log_paragraphs": np.log1p(paragraphs),
        "log_sentence_length": np.log1p(words / np.maximum(sentences, 1)),
        "word_length": np.minimum(characters / some, 20),
        "distinct_words": distinct / some,
        "uppercase_share": capital / np.maximum(capital + small, 1),
        "digit_share": digit / length,
        "non_ascii_share": beyond / length,
        "list_items": np.log1p(bullets),
        "numbered_items": np.log1p(numbers),
        "headings": np.log1p(headings),
        "code_blocks": np.log1p(fences),
        "inline_code": np.log1p(np.maximum(backtick - 3 * fences, 0)),
        "bold": np.log1p(bold),
        "table_rows": np.log1p(bars),
        "links": np.log1p(links),
        "question_marks": np.log1p(question),
        "exclamation_marks": np.log1p(exclamation),
        "commas": np.minimum(comma / some, 1),
        "brackets": np.minimum(bracket / some, 1),
        "hedges": np.log1p(hedges),
        "refusal": refusal,
        "apology": apology,
        "first_person": oneself / some,
        "ends_open": ends_open,
    }


def _look(text: str) -> tuple[float, ...]:
    lower = text.lower()
    words = _WORD.findall(lower)
    distinct = set(words)
    bullets = numbers = headings = bars = 0
    if "\n" in text or not text[:1].isalpha():
        for bullet, number, heading, bar in _LINE.findall(text):
            bullets, numbers = bullets + bool(bullet), numbers + bool(number)
            headings, bars = headings + bool(heading), bars + bool(bar)
    return (
        len(words),
        len(distinct),
        len(_SENTENCE_END.findall(text)),
        text.count("\n\n"),
        bullets,
        numbers,
        headings,
        bars,
        text.count("```"),
        text.count("**"),
        len(_LINK.findall(lower)),
        len(distinct & _HEDGES),
        _REFUSAL.search(lower) is not None,
        _APOLOGY.search(lower) is not None,
        sum(words.count(word) for word in distinct & _SELF),
        not text.rstrip().endswith(_ENDS),
    )


def _classes(texts: Sequence[str]) -> np.ndarray:
    """How many bytes of each class every text has: int64 ``[len(texts), 11]``."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    data = np.frombuffer(b"".join(encoded), np.uint8)
    owner = np.repeat(np.arange(len(texts)), [len(part) for part in encoded])
    return np.bincount(owner * _CLASSES + _CLASS[data], minlength=len(texts) * _CLASSES).reshape(-1, _CLASSES)
