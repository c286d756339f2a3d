"""How likely a model makes the tokens of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from runner.builders.language._learning.chunked_log_probs import last_layer, odds, odds_of, passed_over
from runner.builders.language._rows.token_rows import Batch
from runner.training.precision import Precision, arithmetic


@dataclass
class Foretold:
    """What is made of every token of a batch but each row's first, ``[B, T - 1]`` each."""

    #: float32: the natural logarithm of the probability of the token that is there; 0 where it does not count.
    log_probs: torch.Tensor
    #: float32: the mean of the logarithms over all tokens of the vocabulary, where it was asked for.
    uniform: torch.Tensor | None
    #: float32: what the token counts.
    weights: torch.Tensor
    #: bool: whether the token counts and was the likeliest; None while gradients are computed.
    hits: torch.Tensor | None

    def sums(self) -> torch.Tensor:
        """The weighted sum of each row's logarithms, ``[B]``."""
        return (self.log_probs * self.weights).sum(dim=1)

    def counts(self) -> torch.Tensor:
        """The sum of each row's weights, ``[B]``."""
        return self.weights.sum(dim=1)

    def right(self) -> torch.Tensor:
        """The sum of each row's weights of the tokens that were the likeliest, ``[B]``, where hits are known."""
        assert self.hits is not None
        return (self.hits * self.weights).sum(dim=1)


def foretold(
    model: Any, batch: Batch, precision: Precision = "float32", *, uniform: bool = False, through: Any = None
) -> Foretold:
    """The model's foretelling of the tokens that count; the odds of others are not computed.

    ``uniform`` asks for what label smoothing needs. ``through`` is called in the model's place, where it lies within.
    """
    weights, tokens = batch.weights[:, 1:], batch.tokens
    head = last_layer(model)
    with arithmetic(batch.ids.device.type, precision):
        out = at_places(through or model, head, batch)
        found = odds(out, tokens, uniform=uniform) if head is None else odds_of(head, out, tokens, uniform=uniform)

    def spread(values: torch.Tensor) -> torch.Tensor:
        return values.new_zeros(weights.numel()).index_copy(0, batch.places, values).view(weights.shape)

    log_probs, means, hits = (None if values is None else spread(values) for values in found)
    assert log_probs is not None
    return Foretold(log_probs, means, weights, hits)


def foretold_ends(
    model: Any, batch: Batch, lines: Sequence[int], tokens: Sequence[int]
) -> tuple[list[float], list[bool]]:
    """The logarithm of the probability of each of ``tokens`` at the one place that counts of its line of the batch, and
    whether it is the likeliest there. Without gradients, in float32."""
    head = last_layer(model)
    with arithmetic(batch.ids.device.type, "float32"):
        read = at_places(model, head, batch)[torch.tensor(lines, device=batch.ids.device)]
        wanted = torch.tensor(tokens, device=batch.ids.device)
        found = odds(read, wanted, uniform=False) if head is None else odds_of(head, read, wanted, uniform=False)
    log_probs, _, hits = found
    assert hits is not None
    return log_probs.double().tolist(), hits.tolist()


def at_places(model: Any, head: Any, batch: Batch) -> torch.Tensor:
    """What ``head``, the model's last layer, reads where a token counts that it foretells: ``[N, width]``.

    Of a head that is None the logits, ``[N, V]``.
    """
    with passed_over(head):
        out = model(
            input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False
        ).logits
    # The output at place t foretells the token at t + 1.
    found: torch.Tensor = out[:, :-1].flatten(0, 1)[batch.places]
    return found


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
