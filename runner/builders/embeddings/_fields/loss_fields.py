"""The losses of an encoder as a spec says them: ``loss``, told apart by ``loss_type``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from runner.contract import Section, option

_SCALE = "What cosine similarities are times before the softmax: the inverse of a temperature."


class MultipleNegatives(Section):
    """The other rows' texts are the negatives (Henderson et al., 2017)."""

    forms: ClassVar[tuple[str, ...]] = ("pair", "triplet")

    loss_type: Literal["multiple_negatives_ranking"] = option(
        description="Of all positives of a batch, and its negatives, an anchor's own is to be the nearest."
    )
    scale: float = option(20.0, gt=0, description=_SCALE)


class CachedMultipleNegatives(Section):
    """The same in little memory, whatever the batch (Gao et al., 2021)."""

    forms: ClassVar[tuple[str, ...]] = ("pair", "triplet")

    loss_type: Literal["cached_multiple_negatives_ranking"] = option(
        description="multiple_negatives_ranking of a large batch that goes through the model a few rows at a time: the "
        "same gradients, less memory, a fifth more time."
    )
    scale: float = option(20.0, gt=0, description=_SCALE)
    rows_at_once: int = option(
        32, ge=1, resume="free", description="How many rows go through the model at a time; the result is the same."
    )


class CoSent(Section):
    """Pairs of pairs in the order of their scores (Su, 2022)."""

    forms: ClassVar[tuple[str, ...]] = ("pair_score", "pair_class")

    loss_type: Literal["cosent"] = option(
        description="Of two pairs the one with the greater score is to be more alike."
    )
    scale: float = option(20.0, gt=0, description=_SCALE)


class AnglE(Section):
    """The same by the angle of complex vectors (Li and Li, 2023)."""

    forms: ClassVar[tuple[str, ...]] = ("pair_score", "pair_class")

    loss_type: Literal["angle"] = option(
        description="As cosent, by an angle whose gradient does not vanish where the cosine is near 1 or -1."
    )
    scale: float = option(20.0, gt=0, description=_SCALE)


class CosineSimilarity(Section):
    """The squared error of the cosine (Reimers and Gurevych, 2019)."""

    forms: ClassVar[tuple[str, ...]] = ("pair_score", "pair_class")

    loss_type: Literal["cosine_similarity"] = option(description="The cosine of a pair is to be its score.")


class Softmax(Section):
    """A class of two vectors and their difference (Reimers and Gurevych, 2019)."""

    forms: ClassVar[tuple[str, ...]] = ("pair_class",)

    loss_type: Literal["softmax"] = option(
        description="A linear layer tells the class of a pair by both vectors and their difference; it is stored, and "
        "classifies pairs."
    )


class Triplet(Section):
    """The positive nearer than the negative by a margin (Schroff et al., 2015)."""

    forms: ClassVar[tuple[str, ...]] = ("triplet",)

    loss_type: Literal["triplet"] = option(
        description="The positive is to be nearer to the anchor than each negative, by a margin."
    )
    margin: float = option(0.5, gt=0, description="By how much less the cosine distance has to be.")


class OnlineContrastive(Section):
    """Only the hard pairs of a batch (Hadsell et al., 2006)."""

    forms: ClassVar[tuple[str, ...]] = ("pair_class", "pair_score")

    loss_type: Literal["online_contrastive"] = option(
        description="Pairs that belong together are drawn together and others pushed apart, the hard ones of a batch "
        "alone; of two classes, or of scores of 0 and 1."
    )
    margin: float = option(0.5, gt=0, description="The cosine distance beyond which a pair is apart enough.")


LossSpec = Annotated[
    MultipleNegatives
    | CachedMultipleNegatives
    | CoSent
    | AnglE
    | CosineSimilarity
    | Softmax
    | Triplet
    | OnlineContrastive,
    Field(discriminator="loss_type"),
]
#: Losses whose negatives are the other rows of a batch.
IN_BATCH = (MultipleNegatives, CachedMultipleNegatives)


def usual(form: str) -> LossSpec:
    """The loss of rows of a form where the spec names none."""
    if form == "pair_score":
        return CoSent(loss_type="cosent")
    if form == "pair_class":
        return Softmax(loss_type="softmax")
    return MultipleNegatives(loss_type="multiple_negatives_ranking")
