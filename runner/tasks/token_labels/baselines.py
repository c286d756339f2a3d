"""What a tagger has to beat: no entity at all, and the tag that each word has most often in the rows of training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from runner.data.tagged_tokens.tagged_row import BEGIN, INSIDE, OUTSIDE
from runner.tasks._supervised.measured_baselines import Baselines
from runner.tasks.token_labels import TASK
from runner.tasks.token_labels.judged_tags import Judged, Tags
from runner.tasks.token_labels.measuring import score

Rows = Iterable[Sequence[str]]


def tags_by_word(train_tokens: Rows, train_tags: Rows, tokens: Tags) -> list[list[str]]:
    """The most frequent tag of each word, the first in order of equals; O for a word that training has not.

    A tag that goes on in an entity of its type where none is begins one.
    """
    counts: dict[str, Counter[str]] = {}
    for words, tags in zip(train_tokens, train_tags, strict=True):
        for word, tag in zip(words, tags, strict=True):
            counts.setdefault(word, Counter())[tag] += 1
    most = {word: min(own, key=lambda tag: (-own[tag], tag)) for word, own in counts.items()}
    found = []
    for words in tokens:
        row: list[str] = []
        for word in words:
            tag = most.get(word, OUTSIDE)
            name = tag.partition("-")[2]
            if tag.startswith(INSIDE) and (not row or row[-1] not in (BEGIN + name, tag)):
                tag = BEGIN + name
            row.append(tag)
        found.append(row)
    return found


def baselines(
    train_tokens: Rows, train_tags: Rows, tokens: Sequence[Sequence[str]], actual: Tags, seed: int
) -> Baselines:
    """Both, measured on the held-out rows."""
    nothing = [[OUTSIDE] * len(row) for row in actual]
    by_word = tags_by_word(train_tokens, train_tags, tokens)
    rows = {"no entities": nothing, "most frequent tag of each word": by_word}
    measured = {name: score(Judged(tags, actual), seed) for name, tags in rows.items()}
    return Baselines(TASK, measured, share=True)
