"""The losses that a spec names, as terms of a sum. A new one has its section in ``loss_fields``, and its line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from runner.builders.language._fields.clip_fields import high
from runner.builders.language._learning import policy_losses, token_losses
from runner.builders.language._learning.chunked_log_probs import last_layer
from runner.builders.language._learning.composed_losses import Composition, OfTokens, Term
from runner.builders.language._learning.divergences import divergence
from runner.builders.language._learning.frozen_models import Beside, Frozen
from runner.errors import DataError

LOSSES = "/model/spec/losses"
POLICY_LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "importance_sampling": policy_losses.importance_sampling,
    "ppo": policy_losses.ppo,
    "cispo": policy_losses.cispo,
}


def likelihood(share: float = 1.0) -> list[Term]:
    """The negative log-likelihood alone."""
    return [Term(share, lambda known: token_losses.cross_entropy(known.log_probs, known.tokens))]


def terms(losses: Any, share: float, reference: int) -> list[Term]:
    """Those of a :class:`~runner.builders.language._fields.loss_fields.Losses` that are of tokens, times ``share``.

    ``reference`` is the place of the reference among the models beside the one that is trained.
    """

    def smoothed(known: OfTokens) -> torch.Tensor:
        return token_losses.label_smoothing(known.log_probs, known.tokens, losses.label_smoothing.smoothing)

    def focal(known: OfTokens) -> torch.Tensor:
        return token_losses.focal(known.log_probs, known.tokens, losses.focal.gamma)

    def held(known: OfTokens) -> torch.Tensor:
        return divergence(known.logits, known.beside[reference], "reverse_kl")

    def policy(loss: Callable[..., torch.Tensor], section: Any) -> Callable[[OfTokens], torch.Tensor]:
        clips = (section.clip_range, high(section)) if hasattr(section, "clip_range") else ()

        def of(known: OfTokens) -> torch.Tensor:
            began = torch.log_softmax(known.beside[reference], dim=-1)
            now, old = (-token_losses.cross_entropy(each, known.tokens) for each in (known.log_probs, began))
            return loss(now, old, known.advantages, *clips)

        return of

    found = {"label_smoothing": smoothed, "focal": focal, "kl_to_reference": held}
    found |= {name: policy(POLICY_LOSSES[name], getattr(losses, name)) for name in losses.policy()}
    named = losses.named()
    made = likelihood(share * named["cross_entropy"].weight) if "cross_entropy" in named else []
    return made + [Term(share * loss.weight, found[name]) for name, loss in named.items() if name in found]


def composition(
    losses: Any, model: Any, reference: Frozen | None, *, share: float = 1.0, taught: tuple[Beside, Term] | None = None
) -> Composition:
    """The sum of the losses that a spec names, or of the likelihood alone where that is None, and of a teacher's.

    ``model`` is the one that is trained. Raises :class:`DataError` for a loss that it has nothing for.
    """
    models = [*([taught[0]] if taught else []), *([reference] if reference else [])]
    made = [taught[1]] if taught else []
    alike = None
    if losses is None:
        made += likelihood(share)
    else:
        made += terms(losses, share, len(models) - 1)
        if losses.contrastive is not None:
            if last_layer(model) is None:
                raise DataError(
                    f"a {model.config.model_type} model changes what its last layer gives: what it reads is not told",
                    where=f"{LOSSES}/contrastive",
                    hint="leave contrastive out",
                )
            alike = (share * losses.contrastive.weight, losses.contrastive.margin)
    return Composition(tuple(term for term in made if term.weight), tuple(models), alike)
