"""What a stored dense network says of itself: what training goes on from and the predictor stands on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders.routing._neural.prompt_networks import DenseScorer
from runner.builders.routing._prompts.prompted import Standardizer
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors


class StoredDense:
    """What an artifact says, but for the encoder."""

    def __init__(self, directory: Path, document: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        self.names = tuple(document["models"])
        self.index = {name: number for number, name in enumerate(self.names)}
        self.standardize = Standardizer.from_json(document)
        self._document, self._tensors, self._directory = document, tensors, directory

    @classmethod
    def read(cls, directory: Path) -> StoredDense:
        try:
            document = json.loads((directory / "model.json").read_text("utf-8"))
            return cls(directory, document, read_tensors(directory / "network.safetensors"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"the stored model cannot be read: {error}", where=str(directory), hint="train it again"
            ) from error

    def network(self, device: str) -> DenseScorer:
        size = self._document["model_id_embedding_dim"]
        first = self._tensors["layers.0.weight"].shape[1]
        network = DenseScorer(first - size, len(self.names), size, self._document["hidden_dims"])
        network.load_state_dict({name: torch.from_numpy(value) for name, value in self._tensors.items()})
        return network.to(device).eval()

    def copy_into(self, network: DenseScorer, names: Sequence[str]) -> None:
        """Continue from the stored weights; an LLM that they do not know keeps its fresh vector."""
        tensors = {name: torch.from_numpy(value) for name, value in self._tensors.items()}
        table = network.model_embedding.weight.detach().clone()
        for row, name in enumerate(names):
            if name in self.index:
                table[row] = tensors["model_embedding.weight"][self.index[name]]
        network.load_state_dict(tensors | {"model_embedding.weight": table})
