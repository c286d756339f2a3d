"""How likely a model makes the tokens of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from runner.builders.language._rows.token_rows import Batch
from runner.training.precision import Precision, arithmetic


@dataclass
class Foretold:
    """Of the ``K`` places of a batch where any row has a token that counts, ``[B, K]`` each."""

    #: float32: the natural logarithm of the probability of the token that is there.
    log_probs: torch.Tensor
    #: float32: the mean of the logarithms over all tokens of the vocabulary, where it was asked for.
    uniform: torch.Tensor | None
    #: float32, 0 where the row has no token that counts.
    weights: torch.Tensor
    #: bool: whether the token was the likeliest.
    hits: torch.Tensor

    def sums(self) -> torch.Tensor:
        """The weighted sum of each row's logarithms, ``[B]``."""
        return (self.log_probs * self.weights).sum(dim=1)

    def counts(self) -> torch.Tensor:
        """The sum of each row's weights, ``[B]``."""
        return self.weights.sum(dim=1)


def foretold(model: Any, batch: Batch, precision: Precision = "float32", *, uniform: bool = False) -> Foretold:
    """The model's foretelling of the tokens that count; the odds of others are not computed.

    ``uniform`` asks for what label smoothing needs.
    """
    # The output at place t foretells the token at t + 1.
    wanted = batch.weights[:, 1:]
    places = (wanted > 0).any(dim=0).nonzero().squeeze(1)
    with arithmetic(batch.ids.device.type, precision):
        out = model(
            input_ids=batch.ids,
            attention_mask=batch.mask,
            position_ids=batch.positions,
            logits_to_keep=places,
            use_cache=False,
        )
    logits = out.logits.float()
    tokens = batch.ids[:, 1:][:, places]
    normaliser = torch.logsumexp(logits, dim=-1)
    log_probs = logits.gather(2, tokens.unsqueeze(2)).squeeze(2) - normaliser
    return Foretold(
        log_probs,
        logits.mean(dim=-1) - normaliser if uniform else None,
        wanted[:, places],
        logits.detach().argmax(dim=-1) == tokens,
    )


class Noise:
    """NEFTune: noise on the embeddings while training (Jain et al., "NEFTune", 2024).

    Uniform in ``[-a, a]`` with ``a = alpha / sqrt(tokens * width)``, drawn from torch's generator.
    """

    def __init__(self, model: nn.Module, alpha: float) -> None:
        self._alpha = alpha
        embeddings = model.get_input_embeddings()  # type: ignore[operator]
        embeddings.register_forward_hook(self._add)

    def _add(self, module: nn.Module, _: Any, output: torch.Tensor) -> torch.Tensor:
        if not module.training:
            return output
        bound = self._alpha / (output.shape[1] * output.shape[2]) ** 0.5
        return output + torch.empty_like(output).uniform_(-bound, bound)
