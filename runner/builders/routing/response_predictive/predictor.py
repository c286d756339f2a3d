"""Stored networks that predict the response and score it."""

from __future__ import annotations

from runner.builders.routing._neural.embedding_router import EmbeddingPredictor
from runner.builders.routing._neural.response_network import ResponseNetwork


class Predictor(EmbeddingPredictor):
    """The stored networks with their own copies of all that they stand on."""

    network = ResponseNetwork
