"""A stored transformer on an embedding of the LLMs."""

from __future__ import annotations

from runner.builders.routing._neural.transformer_router import TransformerPredictor


class Predictor(TransformerPredictor):
    """The stored transformer and network, with their own copies of all that they stand on."""
