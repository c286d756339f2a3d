"""Which columns of a row are its texts, by the names that published sets of pairs give them."""

from __future__ import annotations

import re

from runner.data.dialogues.column_roles import Columns, plain
from runner.data.dialogues.row_faults import RowFault

#: The names of a first text, each with those of the second one beside it. The first that fits is taken.
TEXTS: dict[str, tuple[str, ...]] = {
    "anchor": ("positive", "positives", "pos"),
    "sentence1": ("sentence2",),
    "sentence_1": ("sentence_2",),
    "sentence_a": ("sentence_b",),
    "sent1": ("sent2",),
    "text1": ("text2",),
    "text_1": ("text_2",),
    "text_a": ("text_b",),
    "question1": ("question2",),
    "s1": ("s2",),
    "premise": ("hypothesis",),
    "query": ("positive", "positives", "pos", "positive_passage", "positive_document", "document", "passage", "answer",
              "context", "text", "response"),
    "question": ("positive", "positives", "pos", "answer", "context", "passage", "document", "response"),
    "title": ("abstract", "body", "text"),
}  # fmt: skip
SCORES = ("score", "similarity_score", "similarity", "relatedness_score", "relatedness", "sim")
CLASSES = ("label", "labels", "gold_label", "class", "category", "entailment", "is_duplicate")
NEGATIVES = ("negative", "negatives", "neg", "hard_negative", "hard_negatives", "negative_passage", "negative_document")
#: One of several negatives: ``negative_1``, ``negative2``, ``neg_3``.
_NUMBERED = re.compile(r"(?:hard_)?neg(?:ative)?s?_?\d+")


def texts_of(columns: Columns) -> dict[str, str]:
    """The columns of a row's two texts, by role; empty for none. Raises :class:`RowFault` where two could be one."""
    first, second = columns.of("anchor", ()), columns.of("positive", ())
    if ("anchor" in columns.own and first is None) or ("positive" in columns.own and second is None):
        return {}
    if first and second:
        return {"anchor": first, "positive": second}
    for name, others in TEXTS.items():
        found = [first] if first else columns.all([name])
        beside = [second] if second else [one for one in columns.all(others) if one not in found]
        if not found or not beside:
            continue
        if len(beside) > 1:
            names = " or ".join(map(repr, beside))
            raise RowFault("two_positives", f"{names} could belong to {found[0]!r}")
        return {"anchor": found[0], "positive": beside[0]}
    return {}


def negatives_of(columns: Columns) -> list[str]:
    """The columns of texts that do not belong to the anchor: the spec's own, or those that are called so."""
    if "negative" in columns.own:
        return [name] if (name := columns.of("negative")) else []
    named = columns.all(NEGATIVES)
    numbered = [name for name in columns.names if _NUMBERED.fullmatch(plain(name)) and name not in named]
    return [*named, *numbered]
