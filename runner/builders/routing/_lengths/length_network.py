"""The network behind ``dn_embedding_length_prediction``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from runner.training.network_parts import Parts, by_prefix

#: Slope of the LeakyReLU below 0.
SLOPE = 0.1
#: (prompt, LLM) pairs whose activations are in memory at once.
PAIRS = 65536


class PairLinear(nn.Module):
    """A Linear over [prompt side; LLM side] in two halves: a table of pairs multiplies each side once, and adds."""

    def __init__(self, prompt_width: int, llm_width: int, out: int) -> None:
        super().__init__()
        self.prompt = nn.Linear(prompt_width, out)
        self.llm = nn.Linear(llm_width, out, bias=False)
        whole = torch.empty(out, prompt_width + llm_width)
        nn.init.kaiming_normal_(whole, a=SLOPE)
        with torch.no_grad():
            self.prompt.weight.copy_(whole[:, :prompt_width])
            self.llm.weight.copy_(whole[:, prompt_width:])
            self.prompt.bias.zero_()

    def forward(self, prompt: torch.Tensor, llm: torch.Tensor) -> torch.Tensor:
        return self.prompt(prompt) + self.llm(llm)


class After(nn.Module):
    """What follows the Linear of a block: LayerNorm, LeakyReLU(0.1), dropout."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(width), nn.LeakyReLU(SLOPE), nn.Dropout(dropout))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        whole: torch.Tensor = self.layers(values)
        return whole


class LengthNetwork(nn.Module):
    """The standardised log length of an LLM's response to a prompt.

    Prompt embedding, prompt features and LLM vector are projected to ``projection`` each and joined with the LLM's own
    learned vector of ``id_size``; then residual blocks, ``x -> skip(x) + dropout(leaky(norm(linear(x))))`` (He et al.,
    2016), where ``skip`` is a Linear if the width changes; then one number.
    """

    def __init__(
        self,
        embedding: int,
        features: int,
        llm: int,
        n_models: int,
        projection: int,
        id_size: int,
        hidden: Sequence[int],
        dropout: float,
    ) -> None:
        super().__init__()
        self.project_embedding = nn.Linear(embedding, projection)
        self.project_features = nn.Linear(features, projection)
        self.project_llm = nn.Linear(llm, projection)
        # It starts at 0, which is what an LLM has that was not in training.
        self.model_embedding = nn.Embedding(n_models, id_size)
        nn.init.zeros_(self.model_embedding.weight)
        widths = list(hidden)
        self.first = PairLinear(2 * projection, projection + id_size, widths[0])
        self.first_skip = PairLinear(2 * projection, projection + id_size, widths[0])
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.skips = nn.ModuleList(nn.Identity() if a == b else nn.Linear(a, b) for a, b in pairwise(widths))
        self.after = nn.ModuleList(After(width, dropout) for width in widths)
        self.head = nn.Linear(widths[-1], 1)
        inputs = (self.project_embedding, self.project_features, self.project_llm)
        for module in (*inputs, *self.linears, *self.skips):
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight, a=SLOPE)
                nn.init.zeros_(module.bias)
        # The first prediction is the LLM's usual length.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def parts(self) -> Parts:
        """See :mod:`runner.training.network_parts`."""
        prompt = ("project_embedding.", "project_features.", "first.prompt.", "first_skip.prompt.")
        llm = ("project_llm.", "model_embedding.", "first.llm.", "first_skip.llm.")
        return by_prefix(self, {"prompt": prompt, "llm": llm})

    def prompts(self, embeddings: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """The prompt side: ``[..., E]`` and ``[..., F]`` -> ``[..., 2 * projection]``."""
        return torch.cat([self.project_embedding(embeddings), self.project_features(features)], dim=-1)

    def llms(self, vectors: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """The LLM side: ``[..., V]`` and the learned vectors ``[..., id_size]`` -> ``[..., projection + id_size]``."""
        return torch.cat([self.project_llm(vectors), own], dim=-1)

    def forward(self, prompt: torch.Tensor, llm: torch.Tensor) -> torch.Tensor:
        """Both sides, whose leading dimensions broadcast -> ``[...]``."""
        values = self.first_skip(prompt, llm) + self.after[0](self.first(prompt, llm))
        for linear, skip, after in zip(self.linears, self.skips, self.after[1:], strict=True):
            values = skip(values) + after(linear(values))
        return self.head(values).squeeze(-1)

    @torch.no_grad()
    def table(
        self, embeddings: torch.Tensor, features: torch.Tensor, vectors: torch.Tensor, own: torch.Tensor
    ) -> np.ndarray:
        """Every LLM on every prompt, float64 ``[M, P]``: the sides once each, the pairs in matrix products."""
        prompt, llm = self.prompts(embeddings, features), self.llms(vectors, own)
        step = max(1, PAIRS // max(1, len(llm)))
        parts = [np.zeros((len(llm), 0))]
        for start in range(0, len(prompt), step):
            parts.append(self(prompt[None, start : start + step], llm[:, None]).double().cpu().numpy())
        return np.concatenate(parts, axis=1)
