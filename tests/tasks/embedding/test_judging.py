"""What is measured of models that compare texts: by figures that can be told by hand."""

from __future__ import annotations

import numpy as np
import pytest

from runner.data.dialogues.row_types import PairRow
from runner.tasks.embedding.bm25 import Bm25
from runner.tasks.embedding.judging import judge
from runner.tasks.embedding.measuring import metrics_and_tables, word_overlap
from runner.tasks.embedding.text_comparer import TextComparer


class Letters(TextComparer):
    """A text's vector counts its letters."""

    width = 26

    def encode(self, texts, batch_size, dimensions=None, side="anchor"):
        found = np.array([[text.count(chr(97 + at)) for at in range(26)] for text in texts], np.float32)
        return found.reshape(len(texts), 26)


def test_scores_are_measured_by_their_order():
    rows = [PairRow(1, "ab", "ab", score=1.0), PairRow(2, "ab", "ac", score=0.5), PairRow(3, "ab", "cd", score=0.0)]
    found = judge(Letters(), rows)
    assert found.metrics["spearman"] == pytest.approx(1) and found.metrics["pearson"] == pytest.approx(1)
    assert found.metrics["agreement"] == found.metrics["spearman"] and found.metrics["mrr_at_10"] is None
    reverse = [PairRow(row.line, row.anchor, row.positive, score=1 - row.score) for row in rows]
    assert judge(Letters(), reverse).metrics["agreement"] == pytest.approx(-1)


def test_pairs_are_measured_by_the_rank_of_what_belongs():
    rows = [PairRow(1, "aa", "aab"), PairRow(2, "bb", "xyz"), PairRow(3, "cc", "ccd")]
    metrics, tables = metrics_and_tables(judge(Letters(), rows), rows, {"words alone": word_overlap(rows)}, 1)
    # Of bb the text is behind aab, which has a b; ccd and xyz have none, and stand in their order.
    assert metrics["mrr_at_10"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert metrics["recall_at_1"] == pytest.approx(2 / 3) and metrics["recall_at_10"] == 1
    assert metrics["agreement_low"] <= metrics["agreement"] <= metrics["agreement_high"]
    assert [table.name for table in tables] == ["baselines", "against_best", "worst_found"]
    assert tables[2].rows[0][:2] == ["bb", 2]


def test_triplets_and_classes():
    triplets = [PairRow(1, "aa", "ab", ("cd",)), PairRow(2, "bb", "cd", ("b", "x"))]
    assert judge(Letters(), triplets).metrics["agreement"] == 0.5
    classed = [
        PairRow(1, "aa", "aab", label="yes"),
        PairRow(2, "bb", "cd", label="no"),
        PairRow(3, "c", "d", label="no"),
    ]
    assert judge(Letters(), classed).metrics["roc_auc"] == 1


def test_nothing_held_out_gives_no_figures():
    found = judge(Letters(), [])
    assert set(found.measured(found.redrawn(1)).values()) == {None}


def test_words_find_the_text_that_has_them():
    texts = ["the tram runs", "the heron eats fish", "a glacier moves"]
    assert Bm25(texts).first("What does the heron eat? fish", 2)[0] == 1
