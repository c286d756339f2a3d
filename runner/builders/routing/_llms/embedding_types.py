"""The three types side by side: making each one's network, reading pairs for it, and what it minimises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders.routing._fields.embedding_specs import Attention, Finetunable, Frozen
from runner.builders.routing._llms import attention, finetunable, frozen
from runner.builders.routing._llms.attention import AttentionNetwork
from runner.builders.routing._llms.embedding_training import Objective
from runner.builders.routing._llms.finetunable import FinetunableNetwork
from runner.builders.routing._llms.frozen import FrozenNetwork
from runner.builders.routing._llms.llm_holdout import HeldOut
from runner.builders.routing._llms.llm_pairs import Inputs, PairNetwork, Pairs
from runner.builders.routing._llms.pair_features import pair_features
from runner.store.tensors import read_tensors
from runner.training.sentence_encoder_settings import Settings

Spec = Frozen | Finetunable | Attention


def fresh(spec: Spec, folder: Path, device: str, emit: Callable[..., None]) -> PairNetwork:
    """A network on a pretrained encoder's folder, from torch's generator."""
    if isinstance(spec, Finetunable):
        return finetunable.fresh(spec, folder, device, emit)
    return _on_frozen(spec, folder).to(device)


def stored(spec: Spec, folder: Path, file: Path, device: str) -> PairNetwork:
    """The network in ``file`` on the artifact's encoder, for evaluation.

    Raises :class:`IntegrityError` for files that are no such things, RuntimeError where they do not fit the spec.
    """
    tensors = {name: torch.from_numpy(value) for name, value in read_tensors(file).items()}
    network: PairNetwork
    if isinstance(spec, Finetunable):
        network = trained = finetunable.stored(spec, folder, device)
        trained.load_own(tensors)
    else:
        network = _on_frozen(spec, folder)
        network.load_state_dict(tensors)
    return network.to(device).eval()


def _on_frozen(spec: Frozen | Attention, folder: Path) -> FrozenNetwork | AttentionNetwork:
    width = Settings.read(folder).width
    return AttentionNetwork(spec, width) if isinstance(spec, Attention) else FrozenNetwork(width, spec.hidden_dims)


def read(
    spec: Spec, network: PairNetwork, pairs: Pairs, vectors: Callable[[Sequence[str]], np.ndarray], device: str
) -> Inputs:
    """Pairs as the network reads them; ``vectors`` embeds texts, where a frozen encoder does."""
    return Inputs(
        prompt=torch.from_numpy(pairs.prompt).to(device),
        response=torch.from_numpy(pairs.response).to(device),
        vectors=None if isinstance(network, FinetunableNetwork) else torch.from_numpy(vectors(pairs.texts)).to(device),
        tokens=network.encoder.tokenize(pairs.texts) if isinstance(network, FinetunableNetwork) else None,
        scalars=_scalars(pairs).to(device) if isinstance(spec, Attention) else None,
    )


def _scalars(pairs: Pairs) -> torch.Tensor:
    return torch.from_numpy(pair_features(pairs.texts, pairs.prompt, pairs.response))


def objective(spec: Spec, network: Any, inputs: Inputs, pairs: Pairs, held: HeldOut) -> Objective:
    """What the type minimises on the training pairs."""
    if isinstance(spec, Attention):
        return attention.objective(spec, network, inputs, pairs, held)
    batch = finetunable.BATCH if isinstance(spec, Finetunable) else frozen.BATCH
    return frozen.objective(spec, network, inputs, pairs, held, batch)
