"""What the words alone say: a linear model on their counts, measured beside the encoder on the same held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from runner.builders.text._labelled.target_heads import Targets
from runner.data import holdout
from runner.data.labelled_texts.labelled_side import LabelledSide
from runner.training.text_chunks import chunks

#: Rows that it learns at most, drawn by their content, and words and pairs of words that it counts.
ROWS, WORDS = 5_000, 20_000
#: Characters of these rows, at most, and rows and characters that it answers at a time.
CHARACTERS, ANSWERED = 4_000_000, (1024, 2**18)
#: Of more labels than this it learns none.
LABELS = 50
NAME = "words: a linear model of their counts"


def linear_answers(train: LabelledSide, held: LabelledSide, targets: Targets) -> Mapping[str, np.ndarray] | None:
    """Its answers for the held-out rows, as :meth:`Targets.answers` gives them; None where it learns nothing.

    Counts are weighed by how rare a word is (tf-idf); the linear model is a logistic regression, or a ridge.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    if not len(held) or (targets.many and len(targets.names) > LABELS):
        return None
    some = train.take(_learned(train))
    counts = TfidfVectorizer(ngram_range=(1, 2), max_features=WORDS, sublinear_tf=True)
    try:
        known = counts.fit_transform(["\n".join(texts) for texts in some.texts])
    except ValueError:
        # No row has a word.
        return None

    def answered(ask: Callable[[Any], Any]) -> np.ndarray:
        parts = (["\n".join(texts) for texts in part] for part in chunks(held.texts, *ANSWERED))
        return np.concatenate([np.asarray(ask(counts.transform(part)), np.float64) for part in parts])

    if targets.scales:
        fitted = Ridge().fit(known, targets.matrix(some))
        return targets.answers(answered(fitted.predict).reshape(len(held), -1))
    found = {}
    for name, classes in targets.classes.items():
        codes = some.targets[name]
        said = np.zeros((len(held), len(classes)))
        if len(np.unique(codes)) < 2:
            said[:, codes[0]] = 1.0
        else:
            model = LogisticRegression(max_iter=200, C=10.0).fit(known, codes)
            said[:, model.classes_] = answered(model.predict_proba)
        found[name] = said
    return found


def _learned(train: LabelledSide) -> np.ndarray:
    """The rows that it learns, int64, ascending."""
    drawn = holdout.order(train.keys, 0)[:ROWS]
    lengths = np.array([sum(map(len, train.texts[at])) for at in drawn.tolist()])
    return np.sort(drawn[: max(1, int(np.searchsorted(np.cumsum(lengths), CHARACTERS, "right")))])
