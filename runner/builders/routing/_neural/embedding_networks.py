"""The networks of the routers that score an LLM by its embedding: prompt, features and LLM in, a score out.

The first layer is linear in [prompt; LLM], so it is computed once a prompt and once an LLM, and the pair is their sum:
for a table of scores only what comes after it is work per pair.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from runner.training.network_parts import Parts, by_prefix

#: Slope of the activations on their negative side.
SLOPE = 0.1
#: First scores are this much smaller than the initialisation would have them: far out tanh is flat, and nothing learns.
OUTPUT_SCALE = 0.1


class Block(nn.Module):
    """Linear, LayerNorm, LeakyReLU(0.1), dropout; with ``skip`` the input is added, projected where widths differ."""

    def __init__(self, width: int, size: int, dropout: float, skip: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(width, size)
        self.norm = nn.LayerNorm(size)
        self.activation = nn.LeakyReLU(SLOPE, inplace=True)
        self.dropout = nn.Dropout(dropout)
        self.skip = nn.Linear(width, size, bias=False) if skip and width != size else None
        self.adds_input = skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float ``[B, width]`` -> ``[B, size]``."""
        out = self._inner(self.linear(x))
        if not self.adds_input:
            return out
        if self.skip is None:
            return out + x
        # Without a gradient in place: the sum of the two products needs no matrix of its own.
        add = torch.addmm if torch.is_grad_enabled() else torch.Tensor.addmm_
        return add(out, x, self.skip.weight.T)

    def linear_part(self, x: torch.Tensor) -> torch.Tensor:
        """All that is linear in the input, ``[B, size]``, with a skip connection ``[B, 2 * size]``."""
        if not self.adds_input:
            return self.linear(x)
        return torch.cat([self.linear(x), x if self.skip is None else self.skip(x)], dim=1)

    def of_sums(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """The output for every pair of inputs, whose linear parts add up: ``[P, F]``, ``[M, F]`` -> ``[P*M, size]``."""
        size = self.linear.out_features
        out = self._inner((one[:, None, :size] + other[:, :size]).flatten(0, 1))
        if self.adds_input:
            # In place, on each side in turn: a sum of its own would be one more matrix of all pairs to write and read.
            out.view(len(one), len(other), size).add_(one[:, None, size:]).add_(other[:, size:])
        return out

    def rest(self, linear: torch.Tensor) -> torch.Tensor:
        """The output from the linear part, ``[B, F]`` -> ``[B, size]``."""
        size = self.linear.out_features
        out = self._inner(linear[:, :size])
        return out + linear[:, size:] if self.adds_input else out

    def _inner(self, linear: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.dropout(self.activation(self.norm(linear)))
        return out


class Standardized(nn.Module):
    """Embeddings have length 1 and much in common: less their mean, at the scale that standardised features have."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("factor", torch.tensor(width**0.5))
        self.mean: torch.Tensor
        self.factor: torch.Tensor

    def fit(self, embeddings: torch.Tensor, deviation: float = 1.0) -> None:
        """From the training data's, float ``[n, width]``: one factor for all components, so that angles stay."""
        self.mean.copy_(embeddings.mean(dim=0))
        spread = float((embeddings - self.mean).square().mean().sqrt())
        self.factor.fill_(deviation / spread if spread > 1e-6 else 1.0)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """float ``[B, width]`` -> ``[B, width]``."""
        return (embeddings - self.mean) * self.factor


class PairTrunk(nn.Module):
    """[prompt embedding; features; LLM vector], each projected to ``projection`` numbers, through blocks."""

    def __init__(
        self, sizes: tuple[int, int, int], projection: int, hidden: Sequence[int], dropout: float, skip: bool
    ) -> None:
        super().__init__()
        self.project_prompt, self.project_features, self.project_llm = (nn.Linear(size, projection) for size in sizes)
        self.prompt_scale, self.llm_scale = Standardized(sizes[0]), Standardized(sizes[2])
        widths = [3 * projection, *hidden]
        blocks = [Block(width, size, dropout, skip) for width, size in zip(widths, hidden, strict=False)]
        self.first, self.later = blocks[0], nn.Sequential(*blocks[1:])
        self.width = widths[-1]
        self.apply(initialise)

    def forward(self, embeddings: torch.Tensor, features: torch.Tensor, llms: torch.Tensor) -> torch.Tensor:
        """float ``[B, E]``, ``[B, 45]``, ``[B, V]`` -> ``[B, hidden[-1]]``."""
        out: torch.Tensor = self.later(self.first(torch.cat([*self.project(embeddings, features), self._llm(llms)], 1)))
        return out

    def prompt_side(self, embeddings: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """The prompts' part of the first layer, with its bias: ``[P, F]``."""
        known = torch.cat(self.project(embeddings, features), dim=1)
        return self.first.linear_part(nn.functional.pad(known, (0, known.shape[1] // 2)))

    def llm_side(self, llms: torch.Tensor) -> torch.Tensor:
        """The LLMs' part of the first layer: ``[M, F]``. A pair's is the sum of its prompt's and its LLM's."""
        projected = self._llm(llms)
        alone = nn.functional.pad(projected, (2 * projected.shape[1], 0))
        # Without the bias, which is the prompt's.
        return self.first.linear_part(alone) - self.first.linear_part(torch.zeros_like(alone[:1]))

    def of_sums(self, prompt_part: torch.Tensor, llm_part: torch.Tensor) -> torch.Tensor:
        """The output of every pair, from what each side gives: ``[P, F]``, ``[M, F]`` -> ``[P * M, hidden[-1]]``."""
        out: torch.Tensor = self.later(self.first.of_sums(prompt_part, llm_part))
        return out

    def project(self, embeddings: torch.Tensor, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A prompt's two inputs, projected: ``[B, projection]`` twice."""
        return self.project_prompt(self.prompt_scale(embeddings)), self.project_features(features)

    def _llm(self, llms: torch.Tensor) -> torch.Tensor:
        return self.project_llm(self.llm_scale(llms))


class EmbeddingScorer(nn.Module):
    """The score of (prompt, LLM) pairs; ``bounded`` ones go through tanh. ``residual`` ones start from 0 everywhere."""

    def __init__(
        self,
        sizes: tuple[int, int, int],
        *,
        projection: int,
        hidden: Sequence[int],
        dropout: float,
        skip: bool,
        bounded: bool,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.trunk = PairTrunk(sizes, projection, hidden, dropout, skip)
        self.output = nn.Linear(self.trunk.width, 1)
        initialise(self.output)
        with torch.no_grad():
            self.output.weight *= 0.0 if residual else OUTPUT_SCALE
        self.bounded = bounded

    def forward(self, embeddings: torch.Tensor, features: torch.Tensor, llms: torch.Tensor) -> torch.Tensor:
        """float ``[B, E]``, ``[B, 45]``, ``[B, V]`` -> scores ``[B]``."""
        return self._score(self.trunk(embeddings, features, llms))

    def prompt_side(self, embeddings: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """See :meth:`PairTrunk.prompt_side`."""
        return self.trunk.prompt_side(embeddings, features)

    def llm_side(self, llms: torch.Tensor) -> torch.Tensor:
        """See :meth:`PairTrunk.llm_side`."""
        return self.trunk.llm_side(llms)

    def scores(self, prompt_part: torch.Tensor, llm_part: torch.Tensor) -> torch.Tensor:
        """Every pair of some prompts ``[P, F]`` and LLMs ``[M, F]``: ``[P, M]``."""
        return self._score(self.trunk.of_sums(prompt_part, llm_part)).view(len(prompt_part), len(llm_part))

    def parts(self) -> Parts:
        """See :mod:`runner.training.network_parts`."""
        prompt = ("trunk.project_prompt.", "trunk.project_features.")
        return by_prefix(self, {"prompt": prompt, "llm": ("trunk.project_llm.",)})

    def _score(self, hidden: torch.Tensor) -> torch.Tensor:
        scores = self.output(hidden).squeeze(1)
        return torch.tanh(scores) if self.bounded else scores


def initialise(module: nn.Module) -> None:
    """Kaiming's normal initialisation for LeakyReLU(0.1) (He et al., 2015), biases 0."""
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, a=SLOPE, nonlinearity="leaky_relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
