"""The odds of the tokens that are there, from what the last layer reads, without those of all others kept for long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

#: Numbers that the odds of the whole vocabulary may take: more are computed in parts, and anew for the gradients
#: (512 MiB of float32).
MOST = 2**27
#: Fields of a configuration which say that what the last layer gives is changed.
CHANGED = ("final_logit_softcapping", "logit_scale", "logits_scaling", "output_multiplier", "lm_head_multiplier")
#: Logarithms of probabilities, their means over the vocabulary, and whether each token was the likeliest.
Odds = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]


def last_layer(model: Any) -> Any:
    """The layer whose output is the model's; None where the model changes that output, so that only it can tell."""
    config = model.config.get_text_config()
    if any(getattr(config, field, None) not in (None, 1.0) for field in CHANGED):
        return None
    return model.get_output_embeddings()


@contextmanager
def passed_over(head: Any) -> Iterator[None]:
    """The model gives what its last layer reads; of a layer that is None, what it always gives."""
    if head is None:
        yield
        return
    own = vars(head).get("forward")
    head.forward = _same
    try:
        yield
    finally:
        del head.forward
        if own is not None:
            head.forward = own


def _same(hidden: torch.Tensor) -> torch.Tensor:
    return hidden


def odds_of(head: Any, hidden: torch.Tensor, tokens: torch.Tensor, *, uniform: bool, most: int = MOST) -> Odds:
    """The odds of ``tokens`` (int64 ``[N]``) given what the last layer reads, ``[N, width]``.

    float32 ``[N]`` each; the means only where ``uniform`` asks for them, and the likeliest only without gradients.
    More than ``most`` numbers are not in memory at a time.
    """

    def part(hidden: torch.Tensor, tokens: torch.Tensor) -> Odds:
        return odds(head(hidden), tokens, uniform=uniform)

    size = max(1, most // int(head.weight.shape[0]))
    if len(tokens) <= size:
        return part(hidden, tokens)
    parts = []
    for at in range(0, len(tokens), size):
        some = hidden[at : at + size], tokens[at : at + size]
        parts.append(checkpoint(part, *some, use_reentrant=False) if torch.is_grad_enabled() else part(*some))
    log_probs, means, hits = zip(*parts, strict=True)
    return (
        torch.cat(log_probs),
        None if means[0] is None else torch.cat(means),
        None if hits[0] is None else torch.cat(hits),
    )


def odds(logits: torch.Tensor, tokens: torch.Tensor, *, uniform: bool) -> Odds:
    """The same from the logits, ``[N, V]``. Their memory is the gradient's: they are of no use afterwards."""
    hits = None if torch.is_grad_enabled() else logits.argmax(dim=-1) == tokens
    log_probs, means = _Odds.apply(logits, tokens, uniform)
    return log_probs, means if uniform else None, hits


class _Odds(torch.autograd.Function):
    """``log softmax`` at one place a row, and its mean, keeping nothing but the logits.

    The gradient of a row's logits is ``g (1[token] - p) + u (1 / V - p)`` for the gradients ``g`` and ``u`` of the two.
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, tokens: torch.Tensor, uniform: bool) -> tuple[torch.Tensor, Any]:
        whole = logits.float()
        normaliser = torch.logsumexp(whole, dim=-1)
        log_probs = whole.gather(1, tokens.unsqueeze(1)).squeeze(1) - normaliser
        ctx.save_for_backward(logits, tokens, normaliser)
        return log_probs, whole.mean(dim=-1) - normaliser if uniform else None

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[torch.Tensor, None, None]:
        logits, tokens, normaliser = ctx.saved_tensors
        own, mean = grads
        total = own if mean is None else own + mean
        # In the logits' own memory, where they are float32.
        found = logits.float().sub_(normaliser.unsqueeze(1)).exp_().mul_(-total.unsqueeze(1))
        if mean is not None:
            found.add_((mean / found.shape[1]).unsqueeze(1))
        found.scatter_add_(1, tokens.unsqueeze(1), own.unsqueeze(1))
        return found.to(logits.dtype), None, None
