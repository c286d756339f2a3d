"""A stored dense network on an embedding of the LLMs."""

from __future__ import annotations

from runner.builders.routing._neural.embedding_networks import EmbeddingScorer
from runner.builders.routing._neural.embedding_router import EmbeddingPredictor


class Predictor(EmbeddingPredictor):
    """The stored network with its own copies of all that it stands on."""

    network = EmbeddingScorer
