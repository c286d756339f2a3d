"""The fields of both tabular kinds. Light: checking a spec loads it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from runner.contract import ModelSpec, option

Number = Annotated[float, Field(ge=-1e30, le=1e30)]


class TabularSpec(ModelSpec):
    """A learner of a table's columns."""

    uses_epochs: ClassVar[bool] = False
    uses_batch_size: ClassVar[bool] = False

    imputation: Literal["none", "median", "mean", "most_frequent"] | Number = option(
        "none",
        description="What stands for a missing number: none leaves it to the learner (trees have a branch for it, the "
        "others a mean and a column that says so); median, mean and most_frequent are of the training rows; a number "
        "stands for itself.",
    )
    scaling: Literal["none", "standard", "minmax", "robust"] = option(
        "none",
        description="How numbers are scaled by the training rows: standard (mean 0, deviation 1), minmax (0 to 1), "
        "robust (median 0, quartiles 1 apart). Trees do not mind; linear and mlp scale by themselves.",
    )
    unseen_categories: Literal["missing", "error"] = option(
        "missing",
        description="What a category is at inference that training did not have: missing, and counted, or an error.",
    )
    folds: Literal[0] | Annotated[int, Field(ge=2, le=20)] = option(
        0,
        description="Fit so many times on all but one part of the training rows, and report the scores on the part "
        "left out; 0 does not (auto and a threshold of f1 then take 5 for themselves). The held-out rows stay apart.",
    )
    importance_repeats: int = option(
        5, ge=0, le=100, description="How often each column is shuffled to see what it is worth; 0 does not."
    )
    seed: int = option(42, ge=0, le=2**32 - 1, description="Seed of the training.")

    def wants_torch(self) -> bool:
        learner: Any = getattr(self, "learner", None)
        return learner is not None and "mlp" in (learner.learner_type, *getattr(learner, "candidates", ()))
