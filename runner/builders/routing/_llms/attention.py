"""The ``attention`` embedding: a set encoder over an LLM's pairs, trained by contrast between sets.

A pair is [prompt; response; difference; product] of a frozen sentence transformer's vectors and 32 scalar features.
Attention pools a set of pairs into one vector, in whatever order they are (Lee et al., 2019: pooling by multi-head
attention). Sets of one LLM are drawn together, and apart from all others' (Khosla et al., 2020).
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn

from runner.builders.routing._fields.embedding_specs import Attention
from runner.builders.routing._llms.embedding_training import Objective
from runner.builders.routing._llms.llm_holdout import HeldOut
from runner.builders.routing._llms.llm_pairs import Inputs, PairNetwork, Pairs, normalized
from runner.builders.routing._llms.pair_features import FEATURES, NUMERIC

#: An epoch has this many batches at least: a small data set is less than one batch.
FEWEST_BATCHES = 8


class AttentionNetwork(PairNetwork):
    """Two projections and an MLP for a pair; learned queries, one a head, for a set."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, spec: Attention, text_width: int) -> None:
        super().__init__()
        self.width, self._heads = spec.d_out, spec.num_attention_heads
        self.register_buffer("mean", torch.zeros(len(FEATURES)))
        self.register_buffer("std", torch.ones(len(FEATURES)))
        self.texts = nn.Sequential(nn.Linear(4 * text_width, spec.h_emb), nn.LayerNorm(spec.h_emb), nn.GELU())
        self.numbers = nn.Sequential(nn.Linear(len(FEATURES), spec.h_scalar), nn.LayerNorm(spec.h_scalar), nn.GELU())
        sizes = [spec.h_emb + spec.h_scalar, *[spec.h_pair] * spec.pair_mlp_layers]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(before, after), nn.LayerNorm(after), nn.GELU(), nn.Dropout(spec.dropout))
            for before, after in itertools.pairwise(sizes)
        )
        self.query = nn.Parameter(torch.randn(spec.num_attention_heads, spec.h_pair // spec.num_attention_heads))
        self.key, self.value = nn.Linear(spec.h_pair, spec.h_pair), nn.Linear(spec.h_pair, spec.h_pair)
        self.out = nn.Sequential(nn.LayerNorm(spec.h_pair), nn.Linear(spec.h_pair, spec.d_out))

    def standardize(self, scalars: torch.Tensor) -> None:
        """Take the mean and deviation of the numeric features from the training pairs' ``[n, 32]``."""
        columns = torch.from_numpy(NUMERIC).to(scalars.device)
        spread = scalars[:, columns].std(dim=0, unbiased=False)
        self.mean[columns] = scalars[:, columns].mean(dim=0)
        self.std[columns] = torch.where(spread > 1e-6, spread, torch.ones_like(spread))

    def pairs(self, inputs: Inputs, rows: torch.Tensor) -> torch.Tensor:
        assert inputs.vectors is not None and inputs.scalars is not None
        prompt, response = inputs.vectors[inputs.prompt[rows]], inputs.vectors[inputs.response[rows]]
        texts = self.texts(torch.cat([prompt, response, response - prompt, response * prompt], dim=1))
        # A feature far beyond what training saw says no more than one at the edge.
        numbers = self.numbers(((inputs.scalars[rows] - self.mean) / self.std).clamp(-10, 10))
        vectors: torch.Tensor = torch.cat([texts, numbers], dim=1)
        for layer in self.layers:
            deeper = layer(vectors)
            # From the second layer on the widths agree: without the sum, many layers do not train.
            vectors = deeper + vectors if deeper.shape == vectors.shape else deeper
        return vectors

    def pool(self, vectors: torch.Tensor) -> torch.Tensor:
        n, k, width = vectors.shape
        keys = self.key(vectors).view(n, k, self._heads, -1)
        weights = (keys * self.query).sum(dim=3).mul((width // self._heads) ** -0.5).softmax(dim=1)
        values = self.value(vectors).view(n, k, self._heads, -1)
        return normalized(self.out((weights.unsqueeze(3) * values).sum(dim=1).reshape(n, width)))


def objective(spec: Attention, net: AttentionNetwork, inputs: Inputs, pairs: Pairs, held: HeldOut) -> Objective:
    """Batches of ``models_per_batch`` LLMs x ``embeddings_per_model`` sets x ``pairs_per_model`` pairs."""
    own = [held.train[pairs.llm[held.train] == llm] for llm in np.unique(pairs.llm[held.train])]
    models, sets, size = min(spec.models_per_batch, len(own)), spec.embeddings_per_model, spec.pairs_per_model
    batches = max(FEWEST_BATCHES, -(-len(held.train) // (models * sets * size)))
    labels = torch.arange(models).repeat_interleave(sets).to(inputs.prompt.device)

    def order(rng: np.random.Generator) -> np.ndarray:
        chosen = np.concatenate([rng.permutation(len(own))[:models] for _ in range(batches)])
        need = sets * size
        return np.concatenate([rng.choice(own[llm], need, replace=len(own[llm]) < need) for llm in chosen])

    def loss(rows: torch.Tensor) -> torch.Tensor:
        vectors = net.pairs(inputs, rows).reshape(models * sets, size, -1)
        return contrastive_loss(net.pool(vectors), labels, spec.temperature)

    return Objective(batch_size=models * sets * size, order=order, loss=loss)


def contrastive_loss(vectors: torch.Tensor, labels: torch.Tensor, temperature: float) -> torch.Tensor:
    """The supervised contrastive loss "out" of Khosla et al. (2020), a scalar.

    Unit vectors ``[n, d]`` and labels ``[n]``, each at least twice: the mean over anchors of the mean, over the others
    of its label, of ``-log softmax`` of their cosine, over ``temperature``, among all others.
    """
    alike = vectors @ vectors.T / temperature
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    log_shares = alike - alike.masked_fill(itself, float("-inf")).logsumexp(dim=1, keepdim=True)
    same = (labels[:, None] == labels[None, :]) & ~itself
    return -((log_shares * same).sum(dim=1) / same.sum(dim=1)).mean()
