"""The losses of sentence-transformers over our encoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from runner.builders.embeddings._encoding.text_vectors import TextVectors
from runner.builders.embeddings._fields.loss_fields import (
    AnglE,
    CachedMultipleNegatives,
    CoSent,
    CosineSimilarity,
    MultipleNegatives,
    OnlineContrastive,
    Softmax,
    Triplet,
)  # fmt: skip
from runner.training import precision
from runner.training.quiet_libraries import quietly


class LibraryModel(nn.Module):
    """The encoder as that library calls one: features in, ``sentence_embedding`` out."""

    def __init__(self, vectors: TextVectors, learner: Any, device: str, computed_in: precision.Precision) -> None:
        super().__init__()
        self._vectors, self._learner, self._device, self._computed_in = [vectors], learner, device, computed_in

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        with precision.arithmetic(self._device, self._computed_in):
            found = self._learner(features["input_ids"], features["attention_mask"])
        return {**features, "sentence_embedding": found}

    def get_embedding_dimension(self) -> int:
        """The length of a vector."""
        return self._vectors[0].settings.width


def loss_module(
    spec: Any, dims: list[int] | None, model: LibraryModel, classes: int, seed: int
) -> tuple[nn.Module, nn.Linear | None]:
    """The library's loss that a spec's ``loss`` section names, and its layer of classes, where it has one.

    ``dims`` are the lengths of a Matryoshka model's vectors.
    """
    with quietly():
        from sentence_transformers.sentence_transformer import losses

    head = None
    if isinstance(spec, MultipleNegatives):
        loss = losses.MultipleNegativesRankingLoss(model, scale=spec.scale)
    elif isinstance(spec, CachedMultipleNegatives):
        loss = losses.CachedMultipleNegativesRankingLoss(model, scale=spec.scale, mini_batch_size=spec.rows_at_once)
    elif isinstance(spec, CoSent):
        loss = losses.CoSENTLoss(model, scale=spec.scale)
    elif isinstance(spec, AnglE):
        loss = losses.AnglELoss(model, scale=spec.scale)
    elif isinstance(spec, CosineSimilarity):
        loss = losses.CosineSimilarityLoss(model)
    elif isinstance(spec, Triplet):
        from sentence_transformers.sentence_transformer.losses import TripletDistanceMetric

        loss = losses.TripletLoss(model, TripletDistanceMetric.COSINE, spec.margin)
    elif isinstance(spec, OnlineContrastive):
        loss = losses.OnlineContrastiveLoss(model, margin=spec.margin)
    else:
        assert isinstance(spec, Softmax)
        loss = losses.SoftmaxLoss(model, model.get_embedding_dimension(), classes)
        head = loss.classifier
        _draw(head, seed)
    if dims is not None:
        loss = losses.MatryoshkaLoss(model, loss, dims)
    return loss, head


def _draw(layer: nn.Linear, seed: int) -> None:
    """numpy's numbers are the same on every processor."""
    import numpy as np

    rng = np.random.default_rng([seed, 0x50])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(rng.standard_normal(tuple(layer.weight.shape)).astype(np.float32) * 0.02))
        layer.bias.zero_()
