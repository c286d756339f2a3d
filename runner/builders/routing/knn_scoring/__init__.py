"""A score per prompt and LLM: how the LLM did on the most similar training prompts.

Prompts are compared by the cosine of their sentence embeddings. An LLM's score is its mean outcome on the `k` nearest
training prompts, less one half: a win counts 1, a loss 0, a tie `tie_outcome`, a both_bad `both_bad_outcome`. Each
neighbour counts by its `weighting`, and the LLM's mean over all its comparisons counts as `shrinkage` outcomes more, so
that an LLM that the neighbours say little of is near its mean. Nothing is trained: the prompts and the outcomes are the
model.

With a `guard` one LLM is the default, and another is put before it only where the neighbours are sure: where the
paired difference of the two LLMs' outcomes exceeds its standard error often enough, on enough neighbours that have
both, the nearest of which is near enough. An LLM whose lead is not sure is scored just below the default.

Use it when a router is begun: it takes seconds and needs few comparisons, and a router that does not beat it is not
worth its training. It knows nothing of an LLM but its outcomes, and of a prompt that is unlike all others only the
means.

Source: Cover and Hart, "Nearest neighbor pattern classification" (1967); as a router: Li, "Rethinking Predictive
Modeling for LLM Routing: When Simple kNN Beats Complex Learned Routers", arXiv:2505.12601 (2025).
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from runner.builders.routing._fields.importance_field import InputImportance
from runner.builders.routing._fields.router_fields import FixedEmbeddingSpec, encoder_option, least_comparisons_option
from runner.contract import Section, invalid, option
from runner.tasks import ranking

TASK = ranking.TASK
REQUIRES = ("torch", "transformers", "safetensors", "numpy")


class Softmax(Section):
    """Weights by a softmax over the cosines."""

    softmax: float = option(
        gt=0, le=1e6, description="Its temperature: the smaller it is, the more the nearest prompts count."
    )


class Guard(Section):
    """One LLM leads unless the neighbours are sure that another does better."""

    default_model: str = option(
        "best", min_length=1, description="The LLM that leads by default; best: the one of the highest mean outcome."
    )
    min_standard_errors: float = option(
        0.5,
        ge=0,
        description="How many of its standard errors the mean paired difference of outcomes has to be above 0.",
    )
    min_similarity: float = option(
        0.0, ge=-1, le=1, description="The least cosine of the nearest prompt; below it the default leads."
    )
    min_neighbors: int = option(
        5, ge=1, description="The least number of neighbours that have outcomes of both the LLM and the default."
    )


class Spec(InputImportance, FixedEmbeddingSpec):
    """Nearest prompts."""

    model_type: Literal["knn_scoring"] = option(
        description="An LLM's mean outcome on the most similar training prompts; nothing is trained."
    )
    embedding_model_name: str = encoder_option()
    k: Literal["auto"] | Annotated[int, Field(ge=1, le=100_000)] = option(
        20,
        description="How many of the nearest prompts are looked at; auto chooses among 5, 10, 20, 40, 80, 160 and 320 "
        "by how well training prompts are foretold from the others.",
    )
    weighting: Literal["uniform", "cosine"] | Softmax = option(
        "cosine",
        description="How much each of them counts: all the same; by its cosine, those below 0 not at all; or by a "
        'softmax over the cosines, in which the nearest counts 1, with its temperature: {"softmax": 0.05}.',
    )
    shrinkage: float = option(
        2.0, ge=0, description="How many outcomes the LLM's mean over all its comparisons counts for."
    )
    tie_outcome: float = option(0.5, ge=0, le=1, description="What a tie counts for both LLMs.")
    both_bad_outcome: float = option(0.0, ge=0, le=1, description="What a both_bad counts for both LLMs.")
    guard: Guard | None = option(
        None, description="Have one LLM lead unless the neighbours are sure that another does better."
    )
    exact_up_to: int = option(
        1_000_000,
        ge=1,
        description="With more distinct prompts than this they are put in cells, of which only the nearest are "
        "searched.",
    )
    probes: int = option(
        32, ge=1, description="How many cells are searched for a prompt, where there are cells: more finds more."
    )
    min_model_comparisons: int = least_comparisons_option()

    @model_validator(mode="after")
    def _guard_can_be_met(self) -> Self:
        if self.guard is not None and self.k != "auto" and self.guard.min_neighbors > self.k:
            raise invalid(
                ("guard", "min_neighbors"),
                "never_met",
                f"only {self.k} neighbours are looked at (k), so that the default would always lead: take at most "
                f"{self.k}, or a greater k",
            )
        return self
