"""A new LLM's score as a sum of what a router says of the LLMs that it knows, from how it did on a few prompts.

In units of the router's temperature, the new LLM's score of a prompt is the mean score of the known LLMs, plus a
level, plus what it has of each known LLM's pattern over prompts, plus what it has on prompts like this one alone: an
offset for each cluster of prompts. A comparison with a known LLM is won with the logistic function of the two scores'
difference, and all the terms have normal priors around 0, so that without data the new LLM is the mean of the others.

How wide the priors of patterns and of offsets are is chosen by the evidence, which is what shrinks the offsets to the
level where clusters do not differ by more than chance. Sources: MacKay, "The Evidence Framework Applied to
Classification Networks" (1992); Efron and Morris, "Stein's Estimation Rule and Its Competitors" (1973), for shrinking
groups to their mean; Ward, "Hierarchical Grouping to Optimize an Objective Function" (1963), for the clusters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.tasks.ranking.calibration import probability

#: Variances of the priors that are tried, in squared log odds: of all patterns together, and of a cluster's offset.
PATTERNS, OFFSETS = (0.0, 0.1, 0.3, 1.0, 3.0), (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
#: The least variance of a level: known LLMs that are all as good as each other do not say that a new one is.
LEAST_LEVEL = 0.25
#: Clusters: one for so many prompts, and no more than so many.
PROMPTS_A_CLUSTER, MOST_CLUSTERS = 3, 20
#: Prompts that are grouped; others go to the nearest of the groups, since grouping takes the square of them.
MOST_GROUPED = 2000
#: How alike two comparisons on one prompt are, so how much it is to have several (Kish, "Survey Sampling", 1965).
ALIKE = 0.2
STEPS = 40


@dataclass(frozen=True)
class FewPrompts:
    """What ``P`` prompts tell of a new LLM: ``n`` comparisons with some of the ``M`` LLMs that a router knows."""

    #: float64 ``[P, M]``: the router's scores of the known LLMs, divided by its temperature.
    scores: np.ndarray
    #: float ``[P, d]``: the prompts' embeddings; None for a router that has none.
    vectors: np.ndarray | None
    #: int64 ``[n]``: which prompt, and which known LLM.
    prompt: np.ndarray
    rival: np.ndarray
    #: float64 ``[n]``: 1 where the new LLM was better, 0 where it was worse; and how much of a comparison it counts.
    won: np.ndarray
    weight: np.ndarray

    def take(self, prompts: np.ndarray) -> FewPrompts:
        """Some of the prompts, bool ``[P]``."""
        rows = prompts[self.prompt]
        number = np.cumsum(prompts) - 1
        return FewPrompts(
            self.scores[prompts],
            None if self.vectors is None else self.vectors[prompts],
            number[self.prompt[rows]],
            self.rival[rows],
            self.won[rows],
            self.weight[rows],
        )

    def effective(self) -> np.ndarray:
        """The weights, float64 ``[n]``, with which several comparisons on one prompt count for at most five."""
        whole = np.bincount(self.prompt, self.weight, minlength=len(self.scores))
        return self.weight / (1 + ALIKE * np.maximum(whole - 1, 0))[self.prompt]


@dataclass(frozen=True)
class Estimate:
    """A new LLM: ``score = temperature * (known scores @ mixture + level + offsets[cluster])``."""

    #: float64 ``[M]``, of sum 1.
    mixture: np.ndarray
    level: float
    #: float64 ``[K, d]`` and ``[K]``: means of unit vectors, and what is added to the prompts that are nearest to each,
    #: 0 where clusters do not differ by more than chance. None for a router without embeddings.
    centres: np.ndarray | None
    offsets: np.ndarray
    #: The prior variances that were chosen.
    pattern_variance: float
    offset_variance: float
    #: By cluster, float64 ``[K]``, or one for all: the lead over the known LLMs' mean score in log odds, its standard
    #: deviation, and the share of the offset that is the cluster's own and no prior's.
    lead: np.ndarray
    deviation: np.ndarray
    own: np.ndarray
    #: The lead over all the prompts, and its standard deviation.
    overall: tuple[float, float]

    def scores(self, known: np.ndarray, vectors: np.ndarray | None) -> np.ndarray:
        """The new LLM's scores over the temperature, float64 ``[P]``, from the known LLMs' ``[P, M]``."""
        table = known @ self.mixture + self.level
        if self.centres is not None and vectors is not None:
            table = table + self.offsets[nearest(vectors, self.centres)]
        return table


def nearest(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Which centre ``[K, d]`` is the nearest to each vector ``[P, d]`` of length one: int64 ``[P]``."""
    vectors = _unit(vectors)
    distance = (centres**2).sum(axis=1) - 2 * vectors @ centres.T
    return distance.argmin(axis=1)


def clusters(vectors: np.ndarray) -> np.ndarray:
    """Centres of groups of prompts, float64 ``[K, d]``: the same for the same prompts, whatever a seed."""
    count = int(np.clip(len(vectors) // PROMPTS_A_CLUSTER, 1, MOST_CLUSTERS))
    grouped = _unit(vectors)[:MOST_GROUPED]
    if count == 1 or len(np.unique(grouped, axis=0)) == 1:
        return grouped.mean(axis=0, keepdims=True)
    from scipy.cluster.hierarchy import fcluster, linkage

    group = fcluster(linkage(grouped, method="ward"), count, criterion="maxclust")
    return np.stack([grouped[group == each].mean(axis=0) for each in np.unique(group)])


def estimate(few: FewPrompts) -> Estimate:
    """The estimate of the greatest evidence; of equal ones that with the narrower priors."""
    model = _Model.of(few)
    found = None
    patterns = PATTERNS if np.ptp(model.patterns, axis=0).max(initial=0.0) > 1e-9 else (0.0,)
    offsets = OFFSETS if model.centres is not None and len(model.centres) > 1 else (0.0,)
    for pattern in patterns:
        for offset in offsets:
            fit = model.fit(pattern, offset)
            if found is None or fit.evidence > found.evidence + 1e-9:
                found = fit
    assert found is not None
    return model.told(found)


def mean_of_known(few: FewPrompts) -> Estimate:
    """The new LLM as the mean of those that are known: what it is without any comparison."""
    known = few.scores.shape[1]
    nothing = np.zeros(1)
    return Estimate(np.full(known, 1 / known), 0.0, None, np.zeros(0), 0.0, 0.0, nothing, nothing, nothing, (0.0, 0.0))


@dataclass(frozen=True)
class _Fit:
    """The mode of the terms under some priors."""

    terms: np.ndarray  # float64 [1 + M + K]
    covariance: np.ndarray
    variances: np.ndarray
    evidence: float


@dataclass(frozen=True)
class _Model:
    """The terms of every prompt: the level, the known LLMs' patterns, the clusters."""

    few: FewPrompts
    mean: np.ndarray  # float64 [P]
    patterns: np.ndarray  # float64 [P, M]: scores less the prompt's mean, less each LLM's mean over the prompts
    level_of: np.ndarray  # float64 [M]: that mean
    centres: np.ndarray | None
    cluster: np.ndarray  # int64 [P]

    @classmethod
    def of(cls, few: FewPrompts) -> _Model:
        mean = few.scores.mean(axis=1)
        relative = few.scores - mean[:, None]
        level_of = relative.mean(axis=0)
        centres = None if few.vectors is None else clusters(few.vectors)
        cluster = np.zeros(len(mean), np.int64)
        if centres is not None and few.vectors is not None:
            cluster = nearest(few.vectors, centres)
        return cls(few, mean, relative - level_of, level_of, centres, cluster)

    @property
    def groups(self) -> int:
        return 1 if self.centres is None else len(self.centres)

    def terms(self) -> np.ndarray:
        """float64 ``[P, 1 + M + K]``"""
        return np.concatenate([np.ones((len(self.mean), 1)), self.patterns, np.eye(self.groups)[self.cluster]], axis=1)

    def fit(self, pattern: float, offset: float) -> _Fit:
        """Newton's method on a concave function: the mode, and Laplace's approximation of the evidence there."""
        few, known = self.few, len(self.level_of)
        spread = float((self.level_of**2).sum()) / max(known - 1, 1)
        variances = np.concatenate(
            [[max(spread, LEAST_LEVEL)], np.full(known, pattern / known), np.full(self.groups, offset)]
        )
        used = np.flatnonzero(variances > 0)
        precision = 1 / variances[used]
        table = self.terms()[few.prompt][:, used]
        given = self.mean[few.prompt] - few.scores[few.prompt, few.rival]
        weight = few.effective()
        terms = np.zeros(len(used))

        def height(at: np.ndarray) -> float:
            margin = given + table @ at
            loss = few.won * np.logaddexp(0, -margin) + (1 - few.won) * np.logaddexp(0, margin)
            return -float((weight * loss).sum() + 0.5 * (precision * at**2).sum())

        def curvature(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            chance = probability(given + table @ at)
            slope = table.T @ (weight * (few.won - chance)) - precision * at
            return slope, (table * (weight * chance * (1 - chance))[:, None]).T @ table + np.diag(precision)

        best = height(terms)
        for _ in range(STEPS):
            slope, bend = curvature(terms)
            step, size = np.linalg.solve(bend, slope), 1.0
            while size > 1e-6 and height(terms + size * step) < best:
                size /= 2
            gained = height(terms + size * step) - best
            if gained <= 0:
                break
            terms, best = terms + size * step, best + gained
            if gained < 1e-12:
                break
        bend = curvature(terms)[1]
        evidence = best + 0.5 * (np.log(precision).sum() - np.linalg.slogdet(bend)[1])
        whole, covariance = np.zeros(len(variances)), np.zeros((len(variances), len(variances)))
        whole[used] = terms
        covariance[np.ix_(used, used)] = np.linalg.inv(bend)
        return _Fit(whole, covariance, variances, float(evidence))

    def told(self, fit: _Fit) -> Estimate:
        """The terms as a mixture, a level and offsets."""
        known = len(self.level_of)
        pattern, offsets = fit.terms[1 : 1 + known], fit.terms[1 + known :]
        # What is taken from the mean for a pattern: the mixture is of sum 1.
        mixture = (1 - pattern.sum()) / known + pattern
        table = self.terms()
        sides = [table[self.cluster == each].mean(axis=0) for each in range(self.groups)]
        leads, deviations = zip(*[_lead(side, fit) for side in sides], strict=True)
        prior = fit.variances[-1]
        left = np.diag(fit.covariance)[1 + known :]
        return Estimate(
            mixture=mixture,
            level=float(fit.terms[0] - pattern @ self.level_of),
            centres=self.centres,
            offsets=offsets,
            pattern_variance=float(fit.variances[1] * known),
            offset_variance=float(prior),
            lead=np.array(leads),
            deviation=np.array(deviations),
            own=1 - left / prior if prior > 0 else np.zeros(self.groups),
            overall=_lead(table.mean(axis=0), fit),
        )


def _lead(side: np.ndarray, fit: _Fit) -> tuple[float, float]:
    return float(side @ fit.terms), float(np.sqrt(max(side @ fit.covariance @ side, 0.0)))


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, np.float64)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1.0)
