"""From probabilities to spans of a text."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from runner.data.tagged_tokens.infer_rows import asked_text
from runner.data.tagged_tokens.tagged_row import labels_of
from runner.errors import RunFailed
from runner.tasks.token_labels.answers import EntityAnswers, TokenOdds
from runner.tasks.token_labels.options import TokenLabelOptions
from runner.tasks.token_labels.tag_decoding import decode

LABELS = labels_of(("L", "P"))


def test_decoding_is_the_best_of_all_valid_sequences() -> None:
    def fits(path: tuple[int, ...]) -> bool:
        tags = ["O", *(LABELS[at] for at in path)]
        return all(not tag.startswith("I-") or before[1:] == tag[1:] for before, tag in pairwise(tags))

    rng = np.random.default_rng(0)
    for _ in range(50):
        odds = rng.dirichlet(np.full(len(LABELS), 0.3), size=4)
        best = max(
            (path for path in product(range(len(LABELS)), repeat=4) if fits(path)),
            key=lambda path: np.log(odds[np.arange(4), path]).sum(),
        )
        assert decode(odds).tolist() == list(best)
    assert decode(np.zeros((0, 5))).tolist() == []


class Tagger:
    """Says the same of every text: the first two words are a person, with 0.6 and 0.8."""

    labels = LABELS

    def predict(self, rows: Any, options: Any, batch_size: int) -> list[TokenOdds]:
        found = []
        for row in rows:
            odds = np.zeros((len(row.spans), 5))
            odds[:, 0] = 1.0
            known = np.array([[0.2, 0.1, 0.05, 0.6, 0.05], [0.1, 0.05, 0.05, 0.0, 0.8]])
            odds[:2] = known[: len(odds)]
            found.append(TokenOdds(row.text, row.spans, odds))
        return found


def test_records() -> None:
    answers = EntityAnswers(Tagger(), TokenLabelOptions(tags=True))
    (record, empty) = answers.answer([asked_text("Ida  Roth ran"), asked_text("")], 8)
    place = {"type": "P", "text": "Ida  Roth", "start": 0, "end": 9}
    assert [{**each, "score": None} for each in record["entities"]] == [place | {"score": None}]
    assert record["entities"][0]["score"] == pytest.approx(0.7)
    assert record["tokens"] == ["Ida", "Roth", "ran"] and record["tags"] == ["B-P", "I-P", "O"]
    assert empty == {"text": "", "entities": [], "tokens": [], "tags": []}
    assert [name for name, _ in answers.columns()] == ["text", "entities", "tokens", "tags"]
    assert answers.flat(record)[3] == '["B-P", "I-P", "O"]'
    assert (
        EntityAnswers(Tagger(), TokenLabelOptions(min_score=0.71)).answer([asked_text("Ida Roth")], 8)[0]["entities"]
        == []
    )


def test_a_probability_that_is_no_number_is_refused() -> None:
    class Broken(Tagger):
        def predict(self, rows: Any, options: Any, batch_size: int) -> list[TokenOdds]:
            return [TokenOdds(row.text, row.spans, np.full((len(row.spans), 5), np.nan)) for row in rows]

    with pytest.raises(RunFailed, match="is not a finite number"):
        EntityAnswers(Broken(), TokenLabelOptions()).answer([asked_text("Ida")], 8)
