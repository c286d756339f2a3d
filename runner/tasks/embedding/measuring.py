"""What a trained model is worth on held-out pairs: its metrics, what it has to beat, and tables for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runner.contract import Table
from runner.data.dialogues.row_types import PairRow
from runner.tasks._supervised.measured_baselines import Baselines, Measured
from runner.tasks._supervised.target_metrics import Metrics
from runner.tasks.embedding import TASK
from runner.tasks.embedding.bm25 import words
from runner.tasks.embedding.judging import Judged, judge
from runner.tasks.embedding.ranked_texts import Retrieval
from runner.tasks.embedding.text_comparer import TextComparer, unit

#: Rows of a table of the worst, letters of a text in it, and texts of a map.
WORST, LETTERS, MAPPED = 12, 160, 60


class WordOverlap(TextComparer):
    """No model: BM25 finds texts, and two texts are as alike as the share of their words that they have in common."""

    embeds = False

    def similarities(self, pairs: Sequence[tuple[str, str]], batch_size: int) -> np.ndarray:
        """Jaccard's: float64 ``[len(pairs)]``."""
        found = np.zeros(len(pairs))
        for at, pair in enumerate(pairs):
            one, two = (set(words(text)) for text in pair)
            found[at] = len(one & two) / max(len(one | two), 1)
        return found


def word_overlap(rows: Sequence[PairRow]) -> Judged:
    """What words alone are worth on the rows. Pairs are ranked by BM25 itself."""
    from dataclasses import replace

    from runner.tasks.embedding.judging import DEPTH
    from runner.tasks.embedding.ranked_texts import by_words, wanted

    judged = judge(WordOverlap(), rows)
    if judged.found is None:
        return judged
    found = by_words(wanted(rows), DEPTH)
    figures = found.figures()
    if judged.form == "pair":
        figures["agreement"] = figures["mrr_at_10"]
        return replace(judged, metrics=judged.metrics | figures, columns=found.reciprocal[:, None], found=found)
    return replace(judged, metrics=judged.metrics | figures, found=found)


def metrics_and_tables(
    judged: Judged, rows: Sequence[PairRow], baselines: Mapping[str, Judged], seed: int
) -> tuple[Metrics, list[Table]]:
    """The metrics with the headline's interval, and the tables. ``baselines`` are measured on the same rows.

    One whose headline is another figure, such as the area under a curve beside an accuracy, is left out.
    """
    own = judged.redrawn(seed)
    told: dict[str, Measured] = {}
    for name, one in baselines.items():
        if judged.likened(one):
            redrawn = one.redrawn(seed)
            told[name] = one.measured(redrawn), redrawn
    shown = [measure for measure in TASK.measures if judged.metrics.get(measure.metric) is not None]
    tables = Baselines(TASK, told, share=judged.share).tables(own, shown) if rows and shown else []
    if judged.found is not None and len(judged.found.rank):
        tables.append(_worst_found(judged.found))
    elif judged.form == "pair_score" and len(rows):
        tables += [_scatter(judged, rows), _farthest(judged, rows)]
    return judged.measured(own), tables


def embedding_map(predictor: TextComparer, rows: Sequence[PairRow], batch_size: int) -> list[Table]:
    """Held-out texts on the plane of the two directions in which their vectors vary most; none of a cross-encoder."""
    texts = list(dict.fromkeys(text for row in rows for text in (row.anchor, row.positive)))[:MAPPED]
    if not predictor.embeds or len(texts) < 3:
        return []
    vectors = unit(predictor.encode(texts, batch_size))
    middle = vectors - vectors.mean(axis=0)
    left, spread, _ = np.linalg.svd(middle, full_matrices=False)
    points = left[:, :2] * spread[:2]
    # A direction's sign says nothing: it is the one in which its greatest number is positive.
    points *= np.sign(points[np.abs(points).argmax(axis=0), np.arange(2)])
    share = float((spread[:2] ** 2).sum() / max((spread**2).sum(), 1e-12))
    cells = [
        [_short(text, 60), round(float(x), 5), round(float(y), 5)] for text, (x, y) in zip(texts, points, strict=True)
    ]
    note = f"The first {len(texts)} held-out texts; the two directions hold {share:.0%} of how their vectors vary."
    return [Table("embedding_map", "Texts near each other", ["text", "x", "y"], cells, plot="map", note=note)]


def _worst_found(found: Retrieval) -> Table:
    """The queries whose own text was put the lowest."""
    depth = np.where(found.rank == 0, np.iinfo(np.int64).max, found.rank)
    worst = [at for at in np.argsort(-depth, kind="stable") if found.rank[at] != 1][:WORST]
    cells: list[list[Any]] = []
    for at in worst:
        own = found.asked.texts[min(found.asked.belong[at])]
        first = found.asked.texts[found.first[at]]
        cells.append([_short(found.asked.queries[at]), int(found.rank[at]) or None, _short(own), _short(first)])
    note = f"Of {len(found.rank):,} queries among {len(found.asked.texts):,} texts. No rank: not among the first 100."
    columns = ["query", "rank", "belongs to it", "found first"]
    return Table("worst_found", "Queries whose text was found latest", columns, cells, note=note)


def _scatter(judged: Judged, rows: Sequence[PairRow]) -> Table:
    at = np.linspace(0, len(rows) - 1, min(len(rows), 500)).astype(int)
    cells = [[round(float(judged.similarities[one]), 5), rows[one].score] for one in at]
    return Table("similarity", "Similarity and score", ["similarity", "score"], cells, plot="scatter")


def _farthest(judged: Judged, rows: Sequence[PairRow]) -> Table:
    """The pairs whose places by similarity and by score are farthest apart."""
    from scipy.stats import rankdata

    scores = np.array([row.score for row in rows], np.float64)
    gap = (rankdata(judged.similarities) - rankdata(scores)) / len(rows)
    worst = np.argsort(-np.abs(gap), kind="stable")[:WORST]
    cells = [
        [_short(rows[at].anchor), _short(rows[at].positive), round(float(judged.similarities[at]), 4), rows[at].score]
        for at in worst
    ]
    columns = ["one text", "the other", "similarity", "score"]
    return Table("worst_pairs", "Pairs whose similarity and score disagree most", columns, cells)


def _short(text: str, letters: int = LETTERS) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= letters else plain[: letters - 1] + "…"
