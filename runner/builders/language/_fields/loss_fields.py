"""Losses that add up, as a spec says them: ``losses``, each with its weight."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from runner.builders.language._fields.clip_fields import clip_high_option, clip_option
from runner.contract import Section, invalid, option


class Loss(Section):
    """One loss."""

    weight: Annotated[float, Field(gt=0, le=1000)] = option(1.0, description="What it counts in the sum.")


class CrossEntropy(Loss):
    """The negative log-likelihood of the token that is there."""


class LabelSmoothing(Loss):
    """The same of a target that is spread over the vocabulary (Szegedy et al., 2016)."""

    smoothing: Annotated[float, Field(gt=0, lt=1)] = option(
        0.1, description="The share of the target that is spread over all tokens."
    )


class Focal(Loss):
    """Tokens that are foretold well count less (Lin et al., "Focal Loss", 2017, without its balance)."""

    gamma: Annotated[float, Field(ge=0, le=20)] = option(
        2.0, description="The loss of a token of probability p is -(1 - p)^gamma log p."
    )


class KlToReference(Loss):
    """How far the model is from what it began as: KL(model || reference), over the whole vocabulary."""

    weight: Annotated[float, Field(gt=0, le=1000)] = option(0.1, description="What it counts in the sum.")


class Contrastive(Loss):
    """Tokens of a row are to be told apart by what the last layer reads (Su et al., "SimCTG", 2022, equation 2)."""

    margin: Annotated[float, Field(ge=-1, le=1)] = option(
        0.5, description="How far the cosine of two tokens' vectors is to lie below that of a token with itself."
    )


class ImportanceSampling(Loss):
    """The advantage of an answer, by how far its odds have moved from those of the model that training began with."""


class Clipped(Loss):
    """The same, of odds that are not followed any further once they have moved so far."""

    clip_range: Annotated[float, Field(gt=0, lt=1)] = clip_option()
    clip_range_high: Annotated[float, Field(gt=0, le=100)] | None = clip_high_option()


#: Those that learn from how much better than expected an answer is, which the data says.
POLICY = ("importance_sampling", "ppo", "cispo")
#: Those that learn the tokens that the data has.
LIKELIHOOD = ("cross_entropy", "label_smoothing", "focal")


class Losses(Section):
    """The loss of a token is the sum of those that are named, each times its weight."""

    cross_entropy: CrossEntropy | None = option(None, description="-log p of the token that is there.")
    label_smoothing: LabelSmoothing | None = option(None, description="The same, its target spread a little.")
    focal: Focal | None = option(None, description="The same, less of tokens that are foretold well.")
    kl_to_reference: KlToReference | None = option(
        None, description="The divergence from the model that training began with, which lies beside it in memory."
    )
    contrastive: Contrastive | None = option(None, description="The likeness of what tokens of a row are read as.")

    def named(self) -> dict[str, Loss]:
        """Those that count, by name."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}

    def policy(self) -> list[str]:
        """The names of those that learn from advantages."""
        return [name for name in POLICY if name in self.named()]

    def by_advantages_alone(self) -> bool:
        """Whether nothing is learned of an answer without an advantage."""
        return not self.named().keys() & {*LIKELIHOOD, "contrastive"}

    def beside_reference(self) -> bool:
        """Whether the model that training began with lies beside the one that is trained."""
        return self.kl_to_reference is not None or bool(self.policy())

    @model_validator(mode="after")
    def _something(self) -> Self:
        learning = [name for name in (*LIKELIHOOD, *POLICY) if name in type(self).model_fields]
        if not self.named().keys() & {*learning}:
            raise invalid(
                ("cross_entropy",),
                "nothing_learned",
                f"nothing would be learned of the data: name one of {', '.join(learning)}",
            )
        return self


class JudgedLosses(Losses):
    """The same, and those that learn from advantages of the data."""

    importance_sampling: ImportanceSampling | None = option(
        None, description="-r A: the ratio r of a token's odds to those at the beginning, times its answer's advantage."
    )
    ppo: Clipped | None = option(None, description="The same, without a gradient where r has moved too far already.")
    cispo: Clipped | None = option(None, description="-clip(r) A log p, without a gradient through r.")
