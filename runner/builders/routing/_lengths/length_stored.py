"""What an artifact of ``dn_embedding_length_prediction`` says, but for the encoder and the LLM embedding."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders.routing._lengths.length_network import LengthNetwork
from runner.builders.routing._neural.grown_weights import continued
from runner.builders.routing._prompts.prompted import Standardizer
from runner.errors import IntegrityError
from runner.store.tensors import read_tensors, write_tensors
from runner.tasks.length.length_rows import LengthScale

MODEL, WEIGHTS = "model.json", "network.safetensors"
TABLE = "model_embedding.weight"


def fresh_network(settings: Mapping[str, Any], n_models: int) -> LengthNetwork:
    """A network of these settings, from torch's generator."""
    return LengthNetwork(n_models=n_models, **settings)


class StoredLength:
    """Names of the LLMs, the network's settings and weights, and the two scales that it was trained on."""

    def __init__(
        self,
        names: Sequence[str],
        settings: Mapping[str, Any],
        scale: LengthScale,
        standardize: Standardizer,
        weights: Mapping[str, Any],
    ) -> None:
        self.names, self.settings = tuple(names), dict(settings)
        self.scale, self.standardize, self._weights = scale, standardize, dict(weights)

    @classmethod
    def read(cls, directory: Path) -> StoredLength:
        """What :meth:`write` wrote. Raises :class:`IntegrityError` for anything else."""
        try:
            document = json.loads((directory / MODEL).read_text("utf-8"))
            return cls(
                document["models"],
                document["network"],
                LengthScale.from_json(document["scale"]),
                Standardizer.from_json(document),
                read_tensors(directory / WEIGHTS),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _unreadable(directory, error) from error

    def write(self, directory: Path) -> None:
        """Names, settings and scales as JSON, weights as safetensors."""
        document = {
            "format": 1,
            "models": list(self.names),
            "network": self.settings,
            "scale": self.scale.as_json(),
        } | self.standardize.as_json()
        (directory / MODEL).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
        write_tensors(directory / WEIGHTS, self._weights)

    def network(self, device: str) -> LengthNetwork:
        """The network with its weights, in evaluation mode. Raises :class:`IntegrityError` where they do not fit."""
        try:
            network = fresh_network(self.settings, len(self.names))
            network.load_state_dict({name: torch.from_numpy(value) for name, value in self._weights.items()})
        except (RuntimeError, TypeError) as error:
            raise _unreadable(WEIGHTS, error) from error
        return network.to(device).eval()

    def copy_into(self, network: LengthNetwork, names: Sequence[str]) -> None:
        """Continue from the stored weights; an LLM that they do not know keeps its learned vector of zeros."""
        index = {name: at for at, name in enumerate(self.names)}
        new = [at for at, name in enumerate(names) if name in index]
        old = [index[names[at]] for at in new]
        weights: dict[str, np.ndarray] = self._weights
        try:
            network.load_state_dict(continued(network.state_dict(), weights, {TABLE: (new, old)}))
        except (KeyError, RuntimeError) as error:
            raise _unreadable(WEIGHTS, error) from error


def _unreadable(where: object, why: object) -> IntegrityError:
    return IntegrityError(f"the stored model cannot be read: {why}", where=str(where), hint="train it again")
