"""What the answers to held-out prompts are worth: one to each, drawn by the same seeds at every measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.builders.language._reinforcing.prompt_side import PromptSide
from runner.builders.language._reinforcing.rollouts import Drawing
from runner.builders.language._rewards.function_reward import Function
from runner.builders.language._rewards.judged_answer import JudgedAnswer
from runner.builders.language._rewards.weighted_rewards import WeightedRewards, Worth
from runner.contract import Table, TrainContext
from runner.errors import Stopped
from runner.statistics.paired_bootstrap import mean_interval, resample
from runner.tasks.against_baselines import against_best
from runner.tasks.generation import REWARDED


@dataclass(frozen=True)
class HeldWorth:
    """What was measured of ``n`` prompts."""

    worth: Worth
    #: Tokens of every answer, and whether it came to no end: ``[n]`` each.
    tokens: np.ndarray
    cut: np.ndarray

    def metrics(self) -> dict[str, float | None]:
        """``reward``, and how long the answers are; None where there is no prompt."""
        total = self.worth.total
        return {
            "reward": float(np.nanmean(total)) if not np.isnan(total).all() else None,
            "answer_tokens": float(self.tokens.mean()) if len(self.tokens) else None,
            "cut_answers": float(self.cut.mean()) if len(self.cut) else None,
        }

    def interval(self, seed: int) -> dict[str, float | None]:
        """The 95 % interval of the reward, over prompts drawn anew."""
        total = self.worth.total[~np.isnan(self.worth.total)]
        if not len(total):
            return {}
        found = mean_interval(total, np.arange(len(total)), seed)
        return found.ends("reward")

    def against(self, before: HeldWorth, seed: int) -> list[Table]:
        """Whether the answers are worth more than ``before``, by the prompts of which both have a reward."""
        totals = np.stack([self.worth.total, before.worth.total], axis=1)
        both = totals[~np.isnan(totals).any(axis=1)]
        if not len(both):
            return []
        own, base = (resample(both[:, at : at + 1], np.arange(len(both)), seed) for at in (0, 1))
        return against_best(REWARDED, own, {"base model": base}, share=False)


class HeldAnswers:
    """Held-out prompts, and what their answers are judged by."""

    def __init__(self, drawing: Drawing, prompts: PromptSide, rewards: WeightedRewards, context: TrainContext) -> None:
        self._drawing, self._prompts, self._rewards, self._context = drawing, prompts, rewards, context
        #: Those of the first measurement, which later ones are compared with.
        self._first: list[JudgedAnswer] | None = None

    def of(self, model: Any, *, stoppable: bool = True) -> HeldWorth:
        """In float32. Raises :class:`Stopped` when asked to stop, where it is ``stoppable``."""
        prompts = self._prompts
        drawn = []
        for at in range(0, len(prompts), self._drawing.together):
            if stoppable and self._context.stop_requested():
                raise Stopped("stopped while measuring")
            numbers = range(at, min(at + self._drawing.together, len(prompts)))
            some = [(prompts.rows[number], prompts.prompt(number)) for number in numbers]
            seeds = [[self._context.seed, at + place] for place in range(len(some))]
            drawn += self._drawing.answers(model, some, seeds)
        judged = [answer.judged for answer in drawn]
        self._first = self._first or judged
        worth = self._rewards.worth(judged, 1, others=self._first)
        tokens, cut = ([getattr(answer.judged, name) for answer in drawn] for name in ("tokens", "cut"))
        return HeldWorth(worth, np.array(tokens, np.float64), np.array(cut, np.float64))


def rewards_table(rewards: WeightedRewards, sections: Mapping[str, Any], before: HeldWorth, after: HeldWorth) -> Table:
    """Each reward on the held-out prompts before and after; of a function, the checksum of the file that has it."""
    rows = []
    for line, (name, judge) in enumerate(rewards.judges.items()):
        means = [_mean(each.worth.each[line]) for each in (before, after)]
        code = judge.sha256 if isinstance(judge, Function) else None
        rows.append([name, sections[name].reward_type, sections[name].weight, *means, code])
    columns = ["reward", "type", "weight", "before", "after", "sha256"]
    title = "Rewards of answers to held-out prompts"
    return Table("rewards", title, columns, rows, decimals=dict.fromkeys(["before", "after"], 3))


def _mean(values: np.ndarray) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))
