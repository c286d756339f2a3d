"""What routing would have bought: the router on the comparisons that its own training held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.contract import LoadContext, LoadedData
from runner.errors import DataError
from runner.inference.routing.costs import Costs, prompt_tokens
from runner.spec.checking import load_object
from runner.store.manifest import NAME
from runner.tasks.ranking.answers import LlmAnswers
from runner.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

    from runner.tasks.ranking.llm_choice import Choice
    from runner.tasks.ranking.offered_answers import Offered
    from runner.tasks.ranking.verdict import Verdict

#: Of the bootstrap samples behind the intervals.
SEED = 0x72


@dataclass(frozen=True)
class Held:
    """Held-out comparisons between two candidates each, ready to be routed. Arrays are ``[n]``, one a comparison."""

    comparisons: int
    #: The router's chance that the dearer LLM of the two answers better.
    dearer_wins: np.ndarray
    #: What it was worth to call the dearer: 1 where its answer won, a half for a tie, 0 where it lost; the score of its
    #: answer where answers have scores.
    dearer_worth: np.ndarray
    cheaper_worth: np.ndarray
    dearer_cost: np.ndarray
    cheaper_cost: np.ndarray
    #: Which prompt, for the bootstrap.
    prompt: np.ndarray
    #: What the worth is called in a point: how often the called one was ``better``, or its ``quality``.
    measure: str = "better"
    #: Where the costs are from.
    costs: str = "the table's"
    #: The router, and the rule, beside those that read no prompt.
    verdict: Verdict | None = None

    def points(self, count: int = 41) -> list[dict[str, float]]:
        """From never to always calling the dearer LLM: its share, mean cost, and how often the called one was better.

        A tie counts one half. Where answers have scores, the mean score of the called one's instead. The interval is a
        95 % percentile bootstrap over prompts.
        """
        import numpy as np

        from runner.statistics.paired_bootstrap import resample
        from runner.tasks.ranking.llm_choice import by_threshold, threshold_for_share

        rows, worths = [], []
        for share in np.linspace(0, 1, count):
            threshold = threshold_for_share(self.dearer_wins, float(share))
            dearer = by_threshold(self.dearer_wins, threshold).chosen == 0
            worth = np.where(dearer, self.dearer_worth, self.cheaper_worth)
            cost = np.where(dearer, self.dearer_cost, self.cheaper_cost)
            worths.append(worth)
            rows.append(
                {
                    "share": float(dearer.mean()),
                    "threshold": threshold,
                    "mean_cost": float(cost.mean()),
                    self.measure: float(worth.mean()),
                }
            )
        redrawn = resample(np.stack(worths, axis=1), self.prompt, SEED)
        for column, row in enumerate(rows):
            interval = redrawn.interval(column)
            # Of one prompt there is none.
            row |= {"low": interval.low, "high": interval.high} if interval.has_ends else {}
        distinct = {round(row["share"], 12): row for row in rows}
        return list(distinct.values())

    def gap_recovered(self, points: list[dict[str, float]]) -> float | None:
        """The mean over shares of calls of how much of the way from the cheaper to the dearer LLM's quality is
        recovered, by comparisons: RouteLLM's APGR (Ong et al., 2024, eq. 5) with every comparison counted once, while
        the verdict's APGR counts every prompt once. A random choice has one half. None where the dearer is not better
        on these comparisons: there is no gap to recover then.
        """
        import numpy as np

        worth = [point[self.measure] for point in points]
        gap = worth[-1] - worth[0]
        if gap <= 0:
            return None
        recovered = [(value - worth[0]) / gap for value in worth]
        return float(np.trapezoid(recovered, [point["share"] for point in points]))


def held_out(
    workspace: Workspace,
    scorer: LlmAnswers,
    costs: Costs,
    answers: dict[str, float],
    batch_size: int = 128,
    choice: Choice | None = None,
) -> Held:
    """Load the router's own data again, check that it is the same, and score what was held out.

    ``answers`` is the mean length of an LLM's answers in tokens, where costs depend on it, and ``choice`` has the rate
    or the threshold whose choices are judged beside the router's own. Raises :class:`DataError` where the data has
    changed, nothing was held out, or no comparison is between two candidates.
    """
    import numpy as np

    from runner.data.category_tags import prompt_tags
    from runner.inference.routing.held_out_costs import costs_of
    from runner.tasks.ranking.calibration import probability
    from runner.tasks.ranking.held_out_outcomes import WORTH, held_out_outcomes
    from runner.tasks.ranking.offered_answers import offered
    from runner.tasks.ranking.verdict import verdict

    data = _data(workspace, scorer)
    validation = data.validation
    number = {name: at for at, name in enumerate(scorer.names)}
    place = np.array([number.get(name, -1) for name in validation.models])
    kept = np.flatnonzero((place[validation.model_a] >= 0) & (place[validation.model_b] >= 0))
    if not len(kept):
        raise DataError(
            f"none of the {len(validation)} held-out comparisons is between two of {', '.join(scorer.names)}",
            where="--check",
        )
    rows = validation.take(kept)
    prompts, which = np.unique(rows.prompt, return_inverse=True)
    texts = [validation.prompts[at] for at in prompts]
    earlier = [validation.histories[at] for at in prompts]
    tags = prompt_tags([rows])[prompts]
    table = np.asarray(scorer.predictor.score_llms(texts, scorer.names, batch_size, histories=earlier, tags=tags))
    tokens = prompt_tokens(["".join([*history, text]) for history, text in zip(earlier, texts, strict=True)])
    lengths = np.array([[answers.get(name, np.nan)] * len(texts) for name in scorer.names])
    expected = costs.expected(scorer.names, tokens, lengths)
    outcomes = held_out_outcomes(rows, scorer.names)
    cost, source = costs_of(outcomes, costs, expected)
    own = offered(outcomes, held_out_outcomes(data.train, scorer.names), cost, expected.T)
    cost = cost.T
    # What an answer really cost is known after it: until then, an LLM costs what it does on average.
    known = np.repeat(cost.mean(axis=1, keepdims=True), cost.shape[1], axis=1) if outcomes.scored else cost
    a, b = place[rows.model_a], place[rows.model_b]
    # Of two that cost the same, the second stands in for the dearer.
    a_dearer = known[a, which] > known[b, which]
    dearer, cheaper = np.where(a_dearer, a, b), np.where(a_dearer, b, a)
    worth_a = np.array(WORTH)[rows.winner]
    worth_dearer = np.where(a_dearer, worth_a, 1 - worth_a)
    worth_cheaper = 1 - worth_dearer
    if outcomes.scored:
        worth_dearer, worth_cheaper = outcomes.quality[which, dearer], outcomes.quality[which, cheaper]
    temperature = scorer.opened.parameter("temperature") or 1.0
    return Held(
        comparisons=len(rows),
        dearer_wins=probability((table[dearer, which] - table[cheaper, which]) / temperature),
        dearer_worth=worth_dearer,
        cheaper_worth=worth_cheaper,
        dearer_cost=cost[dearer, which],
        cheaper_cost=cost[cheaper, which],
        prompt=rows.prompt,
        measure="quality" if outcomes.scored else "better",
        costs=source,
        verdict=verdict(own, table, temperature, SEED, _ruled(choice, table, temperature, expected, own)),
    )


def _ruled(
    choice: Choice | None, scores: np.ndarray, temperature: float, price: np.ndarray, own: Offered
) -> np.ndarray | None:
    """What the rule calls on the held-out prompts, int64 ``[P]``; None where it is the router's own first choice.

    ``scores`` and ``price`` are float64 ``[M, P]``.
    """
    import numpy as np

    from runner.tasks.ranking.calibration import probability
    from runner.tasks.ranking.llm_choice import by_rate, by_threshold, quality

    if choice is None or not (choice.rate or choice.threshold is not None):
        return None
    if choice.threshold is not None:
        return by_threshold(probability((scores[0] - scores[1]) / temperature), choice.threshold).chosen
    chance = quality(scores, temperature)
    # Of votes only the LLMs that were compared may be called.
    chance[:, own.rows] = np.where(own.allowed.T, chance[:, own.rows], -np.inf)
    return by_rate(chance, price, float(choice.rate or 0.0)).chosen


def _data(workspace: Workspace, scorer: LlmAnswers) -> LoadedData:
    spec = load_object(scorer.opened.manifest.spec, source=str(scorer.opened.path / NAME)).spec
    data: LoadedData = spec.data.load(LoadContext(spec.model.spec, workspace.cache, lambda *_, **__: None))  # type: ignore[union-attr, arg-type]
    trained_on = scorer.opened.manifest.lock.data_fingerprint
    where = "--check"
    if data.fingerprint != trained_on:
        raise DataError(
            f"the data of {scorer.opened.reference} has changed since it was trained, so what it held out is not known",
            where=where,
        )
    if not len(data.validation):
        raise DataError(
            f"{scorer.opened.reference} was trained with nothing held out",
            where=where,
            hint="train it with a validation_split",
        )
    return data
