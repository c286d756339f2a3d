"""The road from prompts and a table of costs to a chosen LLM for each prompt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from runner import __version__
from runner.contract import Task
from runner.data.prompt_rows import Row
from runner.data.prompts import Prompts
from runner.errors import UsageError
from runner.inference.inferring import CHUNK
from runner.inference.opening import open_model
from runner.inference.routing.costs import Costs, prompt_tokens
from runner.runs.event_kinds import Event, ProgressEvent
from runner.tasks import length, ranking
from runner.tasks.ranking.answers import LlmAnswers
from runner.tasks.ranking.llm_options import LlmOptions, Unknown
from runner.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np

    from runner.tasks.ranking.llm_choice import Choice


#: The seed of ties that are broken at random, where none is given.
DRAW_SEED = 42
#: With fewer prompts a threshold for a share of them says little about others: one of 20 is 5 % of them.
FEWEST_CALIBRATED = 20


@dataclass(frozen=True)
class Rule:
    """How to choose: by a rate, within a budget, or between a strong and a weak LLM."""

    #: Quality that a unit of cost has to buy.
    trade_off: float | None = None
    #: The mean cost of a prompt that must not be exceeded.
    budget: float | None = None
    strong: str | None = None
    weak: str | None = None
    #: The share of prompts that the strong LLM gets, or its least chance of winning.
    strong_share: float | None = None
    threshold: float | None = None
    #: What becomes of prompts of equal chance at the border of a share: None, all to the weak LLM; ``random``, by seed.
    ties: Literal["random"] | None = None
    seed: int | None = None

    def check(self) -> None:
        """Raise :class:`UsageError` for a rule that contradicts itself."""
        for flag, value in (("--trade-off", self.trade_off), ("--budget", self.budget)):
            if value is not None and not 0 <= value < float("inf"):
                raise UsageError(f"{value} is not 0 or more", where=flag)
        for flag, value in (("--strong-share", self.strong_share), ("--threshold", self.threshold)):
            if value is not None and not 0 <= value <= 1:
                raise UsageError(f"{value} is not between 0 and 1", where=flag)
        if (self.strong is None) != (self.weak is None):
            missing = "--weak" if self.weak is None else "--strong"
            raise UsageError(f"{missing} is missing", where=missing, hint="a strong and a weak LLM go together")
        two = self.strong is not None
        if two and self.strong == self.weak:
            raise UsageError(f"{self.strong!r} is both", where="--strong", hint="name two LLMs")
        if two and (self.strong_share is None) == (self.threshold is None):
            raise UsageError(
                "how often the strong LLM is called is not said" if self.threshold is None else "both are given",
                where="--strong-share, --threshold",
                hint="one of them: --strong-share 0.3 sends it 30 % of the prompts",
            )
        if not two and (self.strong_share is not None or self.threshold is not None):
            raise UsageError("--strong and --weak are missing", where="--strong", hint="name the two LLMs")
        if self.ties is not None and self.strong_share is None:
            raise UsageError("there is no --strong-share whose ties to break", where="--ties")
        if self.seed is not None and self.ties is None:
            raise UsageError("nothing is drawn at random", where="--seed", hint="--ties random draws")
        if self.seed is not None and self.seed < 0:
            raise UsageError(f"{self.seed} is not 0 or more", where="--seed")
        if sum([self.trade_off is not None, self.budget is not None, two]) > 1:
            raise UsageError("two rules at once", where="--trade-off, --budget, --strong", hint="choose by one of them")


@dataclass(frozen=True)
class Routed:
    """What was chosen. Tables are float64 ``[len(models), P]``."""

    models: list[str]
    scores: np.ndarray
    quality: np.ndarray
    cost: np.ndarray
    choice: Choice
    #: Predicted tokens of the answers, where a length model was asked; NaN for what it does not know.
    answer_tokens: np.ndarray | None
    ids: list[str | int | None]
    provenance: dict[str, Any]
    warnings: list[str]
    #: The router itself, loaded.
    scorer: LlmAnswers

    def rows(self) -> Iterator[dict[str, Any]]:
        """One object a prompt: the LLM, what it is expected to cost, and every candidate's score and cost."""
        import numpy as np

        for at, number in enumerate(self.choice.chosen.tolist()):
            row: dict[str, Any] = {"index": at} if self.ids[at] is None else {"index": at, "id": self.ids[at]}
            yield row | {
                "model": self.models[number],
                "expected_cost": float(self.cost[number, at]),
                "qualities": dict(zip(self.models, np.asarray(self.quality[:, at]).tolist(), strict=True)),
                "scores": dict(zip(self.models, np.asarray(self.scores[:, at]).tolist(), strict=True)),
                "costs": dict(zip(self.models, np.asarray(self.cost[:, at]).tolist(), strict=True)),
            }

    def mean_answer_tokens(self) -> dict[str, float]:
        """How long each LLM's answers are on average, where a length model was asked."""
        if self.answer_tokens is None:
            return {}
        means = self.answer_tokens.mean(axis=1).tolist()
        return {name: mean for name, mean in zip(self.models, means, strict=True) if mean == mean}

    def summary(self) -> dict[str, Any]:
        """What the routing comes to: shares, mean cost and quality, and those of every LLM alone."""
        import numpy as np

        from runner.tasks.ranking.llm_choice import mean_of

        chosen, prompts = self.choice.chosen, self.scores.shape[1]
        counts = np.bincount(chosen, minlength=len(self.models))
        return {
            "prompts": prompts,
            "rate": self.choice.rate,
            "threshold": self.choice.threshold,
            "mean_expected_cost": mean_of(self.cost, chosen),
            "total_expected_cost": mean_of(self.cost, chosen) * prompts,
            "mean_quality": mean_of(self.quality, chosen),
            "models": {
                name: {
                    "share": float(counts[at] / prompts),
                    "mean_expected_cost_alone": float(self.cost[at].mean()),
                    "mean_quality_alone": float(self.quality[at].mean()),
                }
                for at, name in enumerate(self.models)
            },
        }


def route(
    workspace: Workspace,
    reference: str,
    prompts: Prompts,
    costs: Costs,
    rule: Rule,
    *,
    models: Sequence[str] | None = None,
    lengths: str | None = None,
    unknown: Literal["error", "mean"] = "error",
    calibrate_on: Prompts | None = None,
    batch_size: int = 128,
    device: str = "cpu",
    emit: Callable[[Event], None] = lambda event: None,
) -> Routed:
    """Score every candidate on every prompt, and choose. Candidates are ``models``, or all that the table has.

    Raises :class:`UsageError` for a candidate without a cost or whose cost depends on a length that nothing says, and
    :class:`~runner.errors.NotFoundError` for one that the router does not know, unless ``unknown`` takes it for the
    mean of those that it knows.
    """
    import numpy as np

    from runner.tasks.ranking.llm_choice import quality

    rule.check()
    started = time.perf_counter()
    names = [rule.strong, rule.weak] if rule.strong and rule.weak else list(models or costs.prices)
    costs.need(names)
    undecided = costs.need_lengths(names)
    if undecided and lengths is None:
        raise UsageError(
            f"what {', '.join(undecided)} costs depends on the answer's length",
            where=costs.where,
            hint='name a length model with --lengths, or say "answer_tokens" in the table',
        )
    scorer = _open(workspace, reference, ranking.TASK, names, device, "--model", unknown=unknown)
    temperature = scorer.opened.parameter("temperature") or 1.0
    lengther = None
    if lengths:
        rest: Unknown = "mean" if unknown == "mean" else "null"
        lengther = _open(workspace, lengths, length.TASK, names, device, "--lengths", unknown=rest)
        if unknown == "error":
            _need_known(lengther, undecided)
    prompts.check()
    scores, tokens, ids, answers = _score(prompts, scorer, lengther, batch_size, emit)
    if answers is not None and lengther is not None:
        # A prediction is a median; over many answers, cost goes by the mean, which is larger by what was measured.
        answers = answers / (lengther.opened.parameter("total_ratio") or 1.0)
    cost = costs.expected(names, tokens, answers)
    worth = quality(scores, temperature)
    borders = scores if calibrate_on is None else _calibration(calibrate_on, scorer, batch_size, emit)
    choice, missed = _choose(rule, scores, borders, temperature, worth, cost)
    provenance = {
        "model": scorer.opened.reference,
        "manifest_sha256": scorer.opened.manifest.sha256,
        "lengths": lengther.opened.reference if lengther else None,
        "runner": __version__,
        "created": datetime.now().astimezone().isoformat(),
        "rule": {name: value for name, value in vars(rule).items() if value is not None},
        "costs": {name: costs.prices[name].model_dump() for name in names},
        "temperature": temperature,
        "prompts": prompts.count,
        "prompts_sha256": prompts.prompts_sha256,
        "file": prompts.facts(),
        "calibrated_on": calibrate_on.facts() if calibrate_on else None,
        "seconds": round(time.perf_counter() - started, 3),
    }
    asked = [prompts] if calibrate_on is None else [prompts, calibrate_on]
    warnings = [
        *scorer.opened.warnings,
        *scorer.warnings,
        *(told for some in asked for told in scorer.warnings_of(some)),
    ]
    if lengther is not None:
        warnings += [*lengther.opened.warnings, *lengther.warnings, *lengther.warnings_of(prompts)]
    if missed:
        warnings.append(missed)
    if rule.strong_share is not None and (few := borders.shape[1]) < FEWEST_CALIBRATED:
        warnings.append(
            f"the threshold for --strong-share is set on only {few} prompt{'s' if few > 1 else ''}: of other "
            f"prompts quite another share may go to {rule.strong}; --calibrate-on sets it on more"
        )
    if choice.rate is not None and not np.ptp(cost):
        warnings.append("every call costs the same, so cost decides nothing")
    return Routed(names, scores, worth, cost, choice, answers, ids, provenance, warnings, scorer)


def _open(
    workspace: Workspace, reference: str, task: Task, names: list[str], device: str, flag: str, *, unknown: Unknown
) -> LlmAnswers:
    """A stored model of the task, asked about the candidates."""
    opened = open_model(workspace, reference, device=device)
    opened.need(task, flag, "a router ranks LLMs; a length model tells how long their answers are")
    answers: LlmAnswers = task.room("answers").open_answers(opened, LlmOptions(models_to_score=names, unknown=unknown))
    return answers


def _need_known(lengther: LlmAnswers, needed: Sequence[str]) -> None:
    """Raise :class:`UsageError` where nothing tells how long a candidate's answers are."""
    unknown = [name for name in needed if name in lengther.strangers]
    if unknown:
        raise UsageError(
            f"{lengther.opened.reference} does not know {', '.join(unknown)}",
            where="--lengths",
            hint='say "answer_tokens" for them in the table of costs',
        )


def _score(
    prompts: Prompts,
    scorer: LlmAnswers,
    lengther: LlmAnswers | None,
    batch_size: int,
    emit: Callable[[Event], None],
) -> tuple[np.ndarray, np.ndarray, list[str | int | None], np.ndarray | None]:
    """Scores ``[M, P]``, prompts' tokens ``[P]``, ids, and answers' tokens ``[M, P]``, chunk by chunk."""
    import numpy as np

    parts, counts, answers, ids = [], [], [], []
    done = 0
    for chunk in prompts.chunks(CHUNK):
        parts.append(scorer.answer(chunk, batch_size))
        counts.append(prompt_tokens([_whole(row) for row in chunk]))
        if lengther is not None:
            answers.append(lengther.answer(chunk, batch_size))
        ids += [row.id for row in chunk]
        done += len(chunk)
        if prompts.count > CHUNK:
            emit(ProgressEvent(done=done, total=prompts.count, unit="prompts"))
    return np.hstack(parts), np.concatenate(counts), ids, np.hstack(answers) if answers else None


def _whole(row: Row) -> str:
    """All that an LLM reads, and that is paid for."""
    return "".join([*row.history, row.prompt])


def _calibration(prompts: Prompts, scorer: LlmAnswers, batch_size: int, emit: Callable[[Event], None]) -> np.ndarray:
    """Scores of other prompts, ``[M, P']``, on which the threshold is set."""
    prompts.check()
    return _score(prompts, scorer, None, batch_size, emit)[0]


def _choose(
    rule: Rule, scores: np.ndarray, borders: np.ndarray, temperature: float, worth: np.ndarray, cost: np.ndarray
) -> tuple[Choice, str | None]:
    """The choice, and what is to be said of it. ``borders`` are the scores that a share's threshold is set on."""
    from runner.tasks.ranking.calibration import probability
    from runner.tasks.ranking.llm_choice import by_rate, by_threshold, within_budget

    if rule.strong is not None:
        strong_wins = probability((scores[0] - scores[1]) / temperature)
        if rule.threshold is not None:
            return by_threshold(strong_wins, rule.threshold), None
        return _by_share(rule, strong_wins, probability((borders[0] - borders[1]) / temperature))
    if rule.budget is not None:
        found = within_budget(worth, cost, rule.budget)
        if found is None:
            raise UsageError(
                f"even the cheapest choice costs {float(cost.min(axis=0).mean()):g} a prompt",
                where="--budget",
                hint="raise it, or add a cheaper LLM to the table",
            )
        return found, None
    return by_rate(worth, cost, rule.trade_off or 0.0), None


def _by_share(rule: Rule, strong_wins: np.ndarray, borders: np.ndarray) -> tuple[Choice, str | None]:
    """The choice for a share of strong calls, and why the share is missed where it is.

    The strong LLM's chances are ``[P]`` of the prompts, and ``[P']`` of those that the border is set on.
    """
    from runner.tasks.ranking.llm_choice import by_threshold, by_ties, threshold_for_share, ties_at_share

    assert rule.strong_share is not None
    ties = ties_at_share(borders, rule.strong_share)
    if ties is not None and rule.ties == "random":
        return by_ties(strong_wins, ties, DRAW_SEED if rule.seed is None else rule.seed), None
    missed = None
    if ties is not None:
        missed = (
            f"{rule.strong_share:.1%} of {len(borders):,} prompts were to go to {rule.strong}, and "
            f"{ties.above / len(borders):.1%} do: {ties.count:,} prompts have the same chance ({ties.chance:.3f}) of a "
            f"better answer from it, and all of them go to {rule.weak}; --ties random divides them"
        )
    return by_threshold(strong_wins, threshold_for_share(borders, rule.strong_share)), missed
