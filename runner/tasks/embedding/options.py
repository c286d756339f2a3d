"""What may be asked of a model that compares texts."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from runner.contract import AskOptions, departs, option
from runner.errors import NotFoundError, UsageError


class EmbeddingOptions(AskOptions):
    """The options of ``infer`` for embeddings."""

    vectors: Literal["inline", "npy", "parquet"] = option(
        "inline",
        description="Where the vectors of a JSON document go: into it, or into a file beside it, which it names: "
        "float32, a row a text.",
    )
    dimensions: int | None = option(
        None,
        ge=1,
        description="Take this many of a vector's first numbers, as a Matryoshka model was trained to have, and make "
        "them of length 1 again where the whole is.",
    )
    side: Literal["anchor", "positive"] = option(
        "anchor",
        description="What a text is that gets a vector: an anchor, such as a question, or a positive, such as an "
        "answer. The model may have a prompt for each.",
    )
    corpus: str | None = option(
        None, min_length=1, description="A file of texts: for every row the texts of it that are nearest."
    )
    top_k: int = option(10, ge=1, le=1000, description="How many texts of the corpus are told for each row.")

    def check(self) -> None:
        if self.corpus is None and departs(self, "top_k"):
            raise UsageError("top_k has no effect without corpus", where="--set top_k", hint="--set corpus=FILE")
        if self.corpus is not None and not Path(self.corpus).exists():
            raise NotFoundError("there is no such file", where=f"--set corpus={self.corpus}")
        if self.corpus is not None and departs(self, "vectors"):
            raise UsageError("a search gives texts, and no vectors", where="--set vectors", hint="leave one out")

    def files(self) -> list[Path]:
        return [Path(self.corpus)] if self.corpus is not None else []
