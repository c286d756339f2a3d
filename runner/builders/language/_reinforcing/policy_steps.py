"""The steps of a training by rewards: answers are drawn and judged, and learned from once or several times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._reinforcing import advantages
from runner.builders.language._reinforcing.experience import Experience
from runner.builders.language._reinforcing.policy_objectives import Objective
from runner.builders.language._reinforcing.prompt_side import PromptSide
from runner.builders.language._reinforcing.rollouts import Drawing
from runner.builders.language._rewards.judged_pairs import Unread
from runner.builders.language._rewards.weighted_rewards import WeightedRewards, Worth

#: What is counted over the whole training.
COUNTED = (
    "steps",
    "uses",
    "groups",
    "equal_groups",
    "answers",
    "cut_answers",
    "unrewarded_answers",
    "tokens",
    "taught",
)


class Practice:
    """What the loop calls for a step, and what is kept of it in a checkpoint."""

    def __init__(
        self,
        spec: Any,
        machine: Machine,
        drawing: Drawing,
        prompts: PromptSide,
        rewards: WeightedRewards,
        objective: Objective,
        batch_size: int,
    ) -> None:
        self._spec, self._machine, self._drawing, self._prompts = spec, machine, drawing, prompts
        self._rewards, self._objective = rewards, objective
        self._size = batch_size * objective.group
        self._experience: Experience | None = None
        self.counts = dict.fromkeys(COUNTED, 0)
        #: How often rewards came out in a way that they name, by ``reward/way``.
        self.ways: Counter[str] = Counter()
        #: How the episodes of an environment went, added up.
        self.course: Counter[str] = Counter()
        self._figures: dict[str, float] = {}
        #: The least and the greatest that an answer of the whole training was worth.
        self._span = np.array([np.inf, -np.inf])

    @property
    def worth_is_one(self) -> bool:
        """Whether all answers of the training that were worth something were worth the same."""
        return bool(self._span[1] - self._span[0] <= advantages.SAME)

    @property
    def unread(self) -> dict[str, Unread]:
        """Of each judge behind an endpoint what it has said without a verdict since this process began."""
        return self._rewards.unread

    def parts(self, chosen: np.ndarray) -> Iterator[torch.Tensor]:
        """The losses of the parts of a step on some prompts."""
        if self._experience is None or self.counts["uses"] >= self._spec.passes:
            self._experience = self._drawn(chosen)
            self.counts["uses"] = 0
        self.counts["uses"] += 1
        self.counts["steps"] += 1
        yield from self._objective.losses(self._experience, self._machine, self._size)

    def tokens(self) -> tuple[int, int]:
        """Tokens of the last step's rows, and how many of them the loss was of."""
        assert self._experience is not None
        return int(self._experience.rows.lengths.sum()), int(self._experience.counts.sum())

    def figures(self) -> Mapping[str, float]:
        """Of the answers of the last step."""
        return self._figures

    def tensors(self) -> dict[str, torch.Tensor]:
        found = {"counts": torch.tensor([self.counts[name] for name in COUNTED], dtype=torch.int64)}
        found |= {f"figures/{name}": torch.tensor(value, dtype=torch.float64) for name, value in self._figures.items()}
        found["span"] = torch.from_numpy(self._span.copy())
        for kind, counter in self._counters():
            found |= {f"{kind}/{name}": torch.tensor(count, dtype=torch.int64) for name, count in counter.items()}
        return found | ({} if self._experience is None else self._experience.tensors())

    def put(self, tensors: Mapping[str, torch.Tensor]) -> None:
        self.counts = dict(zip(COUNTED, tensors["counts"].tolist(), strict=True))
        # A checkpoint of an earlier version has none; what follows it is seen.
        self._span = tensors["span"].numpy().copy() if "span" in tensors else self._span
        own = {name: value for name, value in tensors.items() if name.startswith("figures/")}
        self._figures = {name.removeprefix("figures/"): float(value) for name, value in own.items()}
        for kind, counter in self._counters():
            counter.clear()
            counter.update(
                {name.removeprefix(f"{kind}/"): int(n) for name, n in tensors.items() if name.startswith(f"{kind}/")}
            )
        if "ids" in tensors:
            self._experience = Experience.read(tensors)

    def _counters(self) -> list[tuple[str, Counter[str]]]:
        return [("ways", self.ways), ("course", self.course)]

    def _drawn(self, chosen: np.ndarray) -> Experience:
        group, prompts = self._objective.group, self._prompts
        # From torch's generator, whose state a checkpoint holds: a training that goes on draws the same.
        seeds = torch.randint(2**62, (len(chosen),), device="cpu").tolist()
        asked = [pair for at in chosen.tolist() for pair in [(prompts.rows[at], prompts.prompt(at))] * group]
        own = [[seed, copy] for seed in seeds for copy in range(group)]
        course: Counter[str] = Counter()
        drawn = self._drawing.answers(
            self._machine.model, asked, own, self._machine.precision, step=self.counts["steps"], course=course
        )
        self.course.update(course)
        worth = self._rewards.worth([answer.judged for answer in drawn], group, self.counts["steps"])
        self.ways.update(worth.ways)
        known = worth.total[~np.isnan(worth.total)]
        self._span = np.array([min([self._span[0], *known]), max([self._span[1], *known])])
        experience = self._objective.experience(drawn, worth.total, self._machine, self._size)
        cut = sum(answer.judged.cut for answer in drawn)
        equal = int(advantages.equal(worth.total.reshape(-1, group)).sum()) if group > 1 else 0
        for name, count in (
            ("groups", len(chosen)), ("equal_groups", equal), ("answers", len(drawn)), ("cut_answers", cut),
            ("unrewarded_answers", int(np.isnan(worth.total).sum())),
            ("tokens", sum(answer.judged.tokens for answer in drawn)),
            ("taught", int(np.any(experience.known.get("advantages", 0)))),
        ):  # fmt: skip
            self.counts[name] += count
        self._figures = self._means(worth) | {
            "answer_tokens": float(np.mean([answer.judged.tokens for answer in drawn])),
            "cut_answers": cut / len(drawn),
            **({"equal_groups": equal / len(chosen)} if group > 1 else {}),
            **({"turns": course["turns"] / len(drawn)} if course else {}),
            **self._objective.figures,
        }
        return experience

    def _means(self, worth: Worth) -> dict[str, float]:
        """The mean reward, and that of each where there are several."""
        found = {"reward": worth.total}
        if len(worth.each) > 1:
            found |= {f"reward_{name}": values for name, values in zip(self._rewards.judges, worth.each, strict=True)}
        return {name: float(np.nanmean(values)) for name, values in found.items() if not np.isnan(values).all()}
