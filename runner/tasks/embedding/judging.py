"""What a model that compares texts is worth on held-out pairs: the figures that the rows' form allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from runner.data.dialogues.row_types import PairRow
from runner.data.text_pairs.prepared_pairs import form_of
from runner.statistics.paired_bootstrap import Resampled, known, resample
from runner.tasks._supervised.target_metrics import Metrics
from runner.tasks.embedding import TASK
from runner.tasks.embedding.ranked_texts import Retrieval, retrieval, wanted
from runner.tasks.embedding.search import Corpus
from runner.tasks.embedding.text_comparer import TextComparer

#: Classes of which one says that two texts belong together, so that similarity can tell them apart.
ALIKE = ("1", "true", "yes", "similar", "duplicate", "paraphrase", "entailment", "entails", "positive", "match")
#: Texts that a search is measured to.
DEPTH = 100
BATCH = 64


@dataclass(frozen=True)
class Judged:
    """One model's figures, and what the interval of the headline is drawn from."""

    form: str
    metrics: Metrics
    #: float64 ``[n, k]``, of which ``statistic`` makes the headline from means, ``[..., k]`` to ``[..., 1]``.
    columns: np.ndarray
    groups: np.ndarray
    statistic: Callable[[np.ndarray], np.ndarray] = lambda means: means
    #: Similarity by row (scores, classes), or what was found (pairs).
    similarities: np.ndarray = field(default_factory=lambda: np.zeros(0))
    found: Retrieval | None = None

    def redrawn(self, seed: int) -> Resampled | None:
        """The headline over bootstrap samples; None where it is undefined."""
        if not len(self.columns) or self.metrics.get(TASK.headline.metric) is None:
            return None
        return resample(self.columns, self.groups, seed).of(self.statistic)

    @property
    def share(self) -> bool:
        """Whether the headline is from 0 to 1 of each row: a correlation is none, all others are."""
        return self.form != "pair_score"

    def likened(self, other: Judged) -> bool:
        """Whether the headline is the same figure of the same rows: an accuracy of classes is no area under a curve."""
        own, others = ({name for name, value in one.metrics.items() if value is not None} for one in (self, other))
        return own <= others or others <= own

    def measured(self, redrawn: Resampled | None) -> Metrics:
        """Every figure, the headline with its interval: that of its samples (:meth:`redrawn`)."""
        ends: Metrics = {TASK.headline.low: None, TASK.headline.high: None}
        if redrawn is None:
            return self.metrics | ends
        sure = redrawn.share(0) if self.share else redrawn.interval(0)
        return self.metrics | sure.ends(TASK.headline.metric)


def judge(predictor: TextComparer, rows: Sequence[PairRow], batch_size: int = BATCH) -> Judged:
    """What the model says of held-out rows, measured as their form allows. No rows give no figures."""
    if not rows:
        return Judged("pair", _named({}), np.zeros((0, 1)), np.zeros(0, np.int64))
    form = form_of(rows)
    places = {text: at for at, text in enumerate(sorted({row.anchor for row in rows}))}
    groups = np.array([places[row.anchor] for row in rows], np.int64)
    if form == "pair_score":
        return _scored(predictor.similarities(pairs_of(rows), batch_size), rows, groups)
    if form == "pair_class":
        return _classed(predictor, rows, groups, batch_size)
    found = retrieval(wanted(rows), lambda texts: Corpus(predictor, texts, batch_size), DEPTH)
    figures = found.figures()
    if form == "pair":
        return Judged(
            form,
            _named(figures | {"agreement": figures["mrr_at_10"]}),
            found.reciprocal[:, None],
            np.arange(len(found.reciprocal)),
            found=found,
        )
    right, triplet_places = _triplets(predictor, rows, batch_size)
    accuracy = float(right.mean()) if len(right) else None
    return Judged(
        form,
        _named(figures | {"triplet_accuracy": accuracy, "agreement": accuracy}),
        right[:, None],
        groups[triplet_places],
        found=found,
    )


def pairs_of(rows: Sequence[PairRow]) -> list[tuple[str, str]]:
    """Both texts of every row."""
    return [(row.anchor, row.positive) for row in rows]


def _named(figures: dict[str, float | None]) -> Metrics:
    return {measure.metric: figures.get(measure.metric) for measure in TASK.measures}


def _scored(alike: np.ndarray, rows: Sequence[PairRow], groups: np.ndarray) -> Judged:
    scores = np.array([row.score for row in rows], np.float64)
    columns = _products(_ranks(alike), _ranks(scores))
    spearman, pearson = (float(_correlation(each.mean(axis=0))[0]) for each in (columns, _products(alike, scores)))
    figures = {"spearman": known(spearman), "pearson": known(pearson), "agreement": known(spearman)}
    return Judged("pair_score", _named(figures), columns, groups, _correlation, alike)


def _classed(predictor: TextComparer, rows: Sequence[PairRow], groups: np.ndarray, batch_size: int) -> Judged:
    labels = [str(row.label) for row in rows]
    if predictor.classes:
        odds = predictor.class_odds(pairs_of(rows), batch_size)
        said = [predictor.classes[at] for at in odds.argmax(axis=1)]
        right = np.array([one == two for one, two in zip(said, labels, strict=True)], np.float64)
        accuracy = float(right.mean())
        figures: dict[str, float | None] = {"accuracy": accuracy, "agreement": accuracy}
        return Judged("pair_class", _named(figures), right[:, None], groups, similarities=odds.max(axis=1))
    alike = predictor.similarities(pairs_of(rows), batch_size)
    together = alike_class(labels)
    is_one = np.array([label == together for label in labels])
    if together is None or is_one.all() or not is_one.any():
        return Judged("pair_class", _named({}), np.zeros((0, 1)), np.zeros(0, np.int64), similarities=alike)
    # The share of the other class's pairs that stand below each pair of this one; equal ones count half.
    below = np.array(
        [(alike[~is_one] < value).mean() + (alike[~is_one] == value).mean() / 2 for value in alike[is_one]]
    )
    figures = {"roc_auc": float(below.mean()), "agreement": float(below.mean())}
    return Judged("pair_class", _named(figures), below[:, None], groups[is_one], similarities=alike)


def alike_class(labels: Iterable[str]) -> str | None:
    """The class of pairs that belong together, where there are two and one is known as such."""
    found = sorted(set(labels))
    named = [label for label in found if label.lower() in ALIKE]
    return named[0] if len(found) <= 2 and len(named) == 1 else None


def _triplets(predictor: TextComparer, rows: Sequence[PairRow], batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Of rows with negatives whether the positive is nearer than all, float64 ``[m]``, and their places."""
    places = np.array([at for at, row in enumerate(rows) if row.negatives], np.int64)
    pairs = [(rows[at].anchor, text) for at in places for text in (rows[at].positive, *rows[at].negatives)]
    alike = predictor.similarities(pairs, batch_size) if pairs else np.zeros(0)
    right, start = np.zeros(len(places)), 0
    for number, at in enumerate(places):
        stop = start + 1 + len(rows[at].negatives)
        right[number] = float(alike[start] > alike[start + 1 : stop].max())
        start = stop
    return right, places


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values share their mean."""
    from scipy.stats import rankdata

    found: np.ndarray = rankdata(values)
    return found


def _products(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """What a correlation is made of the means of, float64 ``[n, 5]``; both have the mean 0 and the deviation 1."""
    a, b = (_standard(values) for values in (one, two))
    return np.stack([a, b, a * b, a * a, b * b], axis=1)


def _standard(values: np.ndarray) -> np.ndarray:
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 1e-12 else np.zeros(len(values))


def _correlation(means: np.ndarray) -> np.ndarray:
    """Pearson's, ``[..., 1]``, from the means of :func:`_products`, ``[..., 5]``; NaN where one side does not vary."""
    a, b, ab, aa, bb = np.moveaxis(means, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt((aa - a**2) * (bb - b**2))
        found: np.ndarray = np.where(spread > 1e-9, (ab - a * b) / spread, np.nan)[..., None]
    return found
