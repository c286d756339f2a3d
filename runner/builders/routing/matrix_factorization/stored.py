"""What stored factors say of themselves: what training goes on from and the predictor stands on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders.routing._neural.factors import Factors
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors


class StoredFactors:
    """What an artifact says, but for the encoder."""

    def __init__(self, document: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        self.names = tuple(document["models"])
        self.noise = float(document["noise"])
        self.tensors = tensors

    @classmethod
    def read(cls, directory: Path) -> StoredFactors:
        try:
            document = json.loads((directory / "model.json").read_text("utf-8"))
            return cls(document, read_tensors(directory / "network.safetensors"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"the stored model cannot be read: {error}", where=str(directory), hint="train it again"
            ) from error

    def network(self) -> Factors:
        size = self.tensors["model_embedding.weight"].shape[1]
        projection = self.tensors.get("projection.weight")
        width = size if projection is None else projection.shape[1]
        network = Factors(width, len(self.names), size, projection is not None, self.noise)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in self.tensors.items()})
        return network
