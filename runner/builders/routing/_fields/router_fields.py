"""Fields that many routers have in common, and what those do without epochs. Light: checking a spec loads it."""

from __future__ import annotations

from typing import Any, ClassVar

from runner.builders._finetuning._fields.stored_names import names_stored
from runner.contract import ModelSpec, Needed, option
from runner.data.comparisons import ComparisonsData


def encoder_option() -> Any:
    """``embedding_model_name``, a string."""
    return option(
        "all-MiniLM-L6-v2",
        min_length=1,
        pretrained=True,
        description="The sentence transformer that embeds prompts: a name, a folder, or a stored sentence encoder, "
        "TYPE/NAME.",
    )


class PromptEncoderSpec(ModelSpec):
    """A kind whose ``embedding_model_name`` may be a stored model's, TYPE/NAME."""

    ENCODER: ClassVar = "embedding_model_name"

    def stored_models(self) -> dict[str, str]:
        name = getattr(self, self.ENCODER)
        return super().stored_models() | ({self.ENCODER: name} if names_stored(name) else {})

    def needed(self, field: str) -> Needed:
        # A model that reads two texts together has no pooling, and no vectors.
        return Needed(task="embedding", folder="1_Pooling") if field == self.ENCODER else super().needed(field)


def least_comparisons_option() -> Any:
    """``min_model_comparisons``, a whole number, of a router that reads the prompt."""
    return option(20, ge=1, description="LLMs in fewer comparisons than this are dropped, with their comparisons.")


def least_occurrences_option() -> Any:
    """``min_model_occurrences``, a whole number, of a ranking that is blind to the prompt."""
    return option(1000, ge=0, description="LLMs with fewer comparisons than this are left out, with their comparisons.")


def summary_option() -> Any:
    """``print_summary``, true or false."""
    return option(True, resume="free", description="Whether the ranking is written to the run's log.")


class PromptBlindSpec(ModelSpec):
    """A kind that reads who met whom and who won, all at once; one that goes by epochs says so."""

    uses_epochs: ClassVar[bool] = False
    uses_batch_size: ClassVar[bool] = False
    data = ComparisonsData
    reads: ClassVar = frozenset[str]()
    row_filters: ClassVar = ("min_model_occurrences",)


class FixedEmbeddingSpec(PromptEncoderSpec):
    """A kind that is fitted at once to the prompts' embeddings."""

    uses_epochs: ClassVar[bool] = False
    uses_batch_size: ClassVar[bool] = False
    data = ComparisonsData
    reads: ClassVar = frozenset({"prompts"})
    row_filters: ClassVar = ("min_model_comparisons",)
