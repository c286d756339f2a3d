"""The ``finetunable`` embedding: a transformer that is itself trained, and a projection of [prompt; response]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from runner.builders.routing._fields.embedding_specs import Finetunable
from runner.builders.routing._llms.llm_pairs import Inputs
from runner.builders.routing._llms.triplets import TripletNetwork
from runner.training.text_encoder import TrainableEncoder
from runner.training.tokens import Tokens

#: Anchors in a batch: three times as many pairs, six times as many texts, less those that are the same.
BATCH = 16
#: Texts that are encoded at once.
READ = 32


class FinetunableNetwork(TripletNetwork):
    """The transformer's vectors of a prompt and of a response, side by side, through one linear layer."""

    def __init__(self, encoder: TrainableEncoder, width: int) -> None:
        super().__init__(width)
        self.encoder = encoder
        self.projection = nn.Linear(2 * encoder.width, width)

    def pairs(self, inputs: Inputs, rows: torch.Tensor) -> torch.Tensor:
        assert inputs.tokens is not None
        # Each distinct text of the batch goes through the transformer once.
        texts, place = torch.cat([inputs.prompt[rows], inputs.response[rows]]).unique(return_inverse=True)
        prompt, response = self._read(inputs.tokens, texts.cpu().numpy())[place].chunk(2)
        vectors: torch.Tensor = self.projection(torch.cat([prompt, response], dim=1))
        return vectors

    def _read(self, tokens: Tokens, texts: np.ndarray) -> torch.Tensor:
        """``[len(texts), width]``: in small batches of texts of similar length, so that little is padded."""
        order = np.argsort(-tokens.lengths[texts], kind="stable")
        parts = [self.encoder.batch(tokens, texts[order[at : at + READ]]) for at in range(0, len(order), READ)]
        read = torch.cat([self.encoder(*part) for part in parts])
        return read[torch.from_numpy(np.argsort(order)).to(read.device)]

    def own(self) -> dict[str, torch.Tensor]:
        """What is not the transformer's."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("encoder.")}

    def load_own(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take back what :meth:`own` gave. Raises RuntimeError for anything else."""
        if tensors.keys() != self.own().keys():
            raise RuntimeError(f"it holds {', '.join(sorted(tensors))}")
        self.load_state_dict(tensors, strict=False)


def fresh(spec: Finetunable, folder: Path, device: str, emit: Callable[..., None]) -> FinetunableNetwork:
    """On a pretrained encoder's folder, from torch's generator."""
    encoder = TrainableEncoder.load(
        folder, spec.finetuning_spec, device, spec.max_length, where="/model/spec/embedding_spec", emit=emit
    )
    return FinetunableNetwork(encoder, spec.projection_dim).to(device)


def stored(spec: Finetunable, folder: Path, device: str) -> FinetunableNetwork:
    """On what :meth:`TrainableEncoder.save` wrote; the projection is still to be read."""
    return FinetunableNetwork(TrainableEncoder.stored(folder, device), spec.projection_dim).to(device)
