"""Triplets of pairs: an anchor, a pair that should be near it, and one that should not; and their loss.

In most triplets the positive is another pair of the anchor's LLM and the negative a pair of another LLM ("identity").
In the others the positive is a pair of another LLM with the anchor's outcome, good (won or tied) or bad (lost, or both
bad), and the negative a pair of another LLM with the opposite outcome: of the same prompt where the data has one,
else of any. So LLMs that succeed alike end up near each other, and not only responses that look alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from runner.builders.routing._llms.llm_pairs import CHUNK, Inputs, PairNetwork, Pairs, normalized

#: Draws for a partner that fits. A triplet without one is left out of its batch.
TRIES = 4


class TripletNetwork(PairNetwork):
    """An LLM's vector is the mean of its pairs' unit vectors, less what all LLMs have in common, at unit length.

    What they have in common is most of it, for they answer the same prompts: left in, all LLMs would be one direction.
    """

    center: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.register_buffer("center", torch.zeros(width))

    def pool(self, vectors: torch.Tensor) -> torch.Tensor:
        return normalized(normalized(vectors).mean(dim=1) - self.center)

    @torch.no_grad()
    def settle(self, inputs: Inputs, sets: Sequence[np.ndarray]) -> None:
        """The mean of the sets' means becomes the center; of one LLM alone it would be all there is."""
        if len(sets) > 1:
            means = []
            for rows in sets:
                at = torch.from_numpy(rows).to(self.center.device)
                parts = [normalized(self.pairs(inputs, part)).sum(dim=0) for part in at.split(CHUNK)]
                means.append(torch.stack(parts).sum(dim=0) / len(at))
            self.center.copy_(torch.stack(means).mean(dim=0))


class Triplets:
    """Draws partners for anchors among the training pairs, from torch's generator, whose state a checkpoint holds."""

    def __init__(self, pairs: Pairs, rows: np.ndarray, identity: float, device: str) -> None:
        self._rows = torch.from_numpy(rows).to(device)
        self._identity = identity
        good, llm, prompt = pairs.good[rows], pairs.llm[rows], pairs.prompt[rows]
        self._llm = torch.from_numpy(llm).to(device)
        self._by_llm = _Groups(llm, device)
        self._verdict = torch.from_numpy(good.astype(np.int64)).to(device)
        self._by_verdict = _Groups(good.astype(np.int64), device, 2)
        _, group = np.unique(prompt, return_inverse=True)
        self._prompt = torch.from_numpy(group).to(device)
        self._by_prompt = _Groups(2 * group + good, device, 2 * (int(group.max(initial=-1)) + 1))

    def __len__(self) -> int:
        return len(self._rows)

    def draw(self, anchors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Anchors, positives and negatives, as rows of the pairs, ``[b <= B]`` each.

        The anchors asked for are int64 ``[B]``, places among the training rows.
        """
        llm, verdict, prompt = self._llm[anchors], self._verdict[anchors], self._prompt[anchors]
        by_identity = _uniform(len(anchors), anchors.device) < self._identity
        positive, negative = torch.full_like(anchors, -1), torch.full_like(anchors, -1)
        for attempt in range(TRIES):
            own = self._by_llm.draw(llm)
            anyone = (_uniform(len(anchors), anchors.device) * len(self)).long()
            if attempt < TRIES // 2:
                same = self._by_prompt.draw(2 * prompt + verdict)
                opposite = self._by_prompt.draw(2 * prompt + 1 - verdict)
            else:
                same, opposite = self._by_verdict.draw(verdict), self._by_verdict.draw(1 - verdict)
            near = torch.where(by_identity, own, same)
            far = torch.where(by_identity, anyone, opposite)
            near_fits = (near >= 0) & torch.where(by_identity, near != anchors, self._llm[near] != llm)
            far_fits = (far >= 0) & (self._llm[far] != llm)
            positive = torch.where((positive < 0) & near_fits, near, positive)
            negative = torch.where((negative < 0) & far_fits, far, negative)
        whole = (positive >= 0) & (negative >= 0)
        return self._rows[anchors[whole]], self._rows[positive[whole]], self._rows[negative[whole]]


class _Groups:
    """Members of numbered groups, to draw from: -1 where a group is empty."""

    def __init__(self, group: np.ndarray, device: str, count: int | None = None) -> None:
        sizes = np.bincount(group, minlength=count or 0)
        self._members = torch.from_numpy(np.argsort(group, kind="stable")).to(device)
        self._sizes = torch.from_numpy(sizes).to(device)
        self._starts = torch.from_numpy(np.cumsum(sizes) - sizes).to(device)

    def draw(self, groups: torch.Tensor) -> torch.Tensor:
        sizes = self._sizes[groups]
        at = self._starts[groups] + (_uniform(len(groups), groups.device) * sizes).long().clamp(max=sizes - 1)
        return torch.where(sizes > 0, self._members[at.clamp(0, len(self._members) - 1)], -1)


def _uniform(n: int, device: torch.device) -> torch.Tensor:
    # Drawn on the CPU, so that every device sees the same triplets.
    return torch.rand(n, dtype=torch.float64).to(device)


def triplet_loss(
    network: PairNetwork,
    inputs: Inputs,
    rows: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    margin: float,
    weight: float,
) -> torch.Tensor:
    """``mean max(0, |a - p| - |a - n| + margin)`` over unit vectors (Schroff et al., 2015), and ``weight`` times the
    divergence of the batch's vectors, before they are normalised, from a standard normal distribution.
    """
    if not len(rows[0]):
        # No triplet in the whole batch: a step of nothing, which still has a gradient.
        trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
        return torch.stack([parameter.sum() for parameter in trainable]).sum() * 0.0
    vectors = network.pairs(inputs, torch.cat(rows))
    anchor, positive, negative = normalized(vectors).chunk(3)
    near = (anchor - positive).square().sum(dim=1).clamp(min=1e-12).sqrt()
    far = (anchor - negative).square().sum(dim=1).clamp(min=1e-12).sqrt()
    return torch.relu(near - far + margin).mean() + weight * divergence(vectors)


def divergence(vectors: torch.Tensor) -> torch.Tensor:
    """``KL(N(mean, var) || N(0, 1))`` of each column of ``[B, d]``, averaged: vectors neither shrink nor merge."""
    mean, variance = vectors.mean(dim=0), vectors.var(dim=0, unbiased=False).clamp(min=1e-8)
    return 0.5 * (mean.square() + variance - variance.log() - 1).mean()
