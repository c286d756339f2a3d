"""What a server of others needs of a language model: folders and texts, in the forms that everybody reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServedParts:
    """A model's folder as transformers has it, and an adapter's beside it."""

    weights: Path
    #: A folder as PEFT has it; None of a whole model.
    adapter: Path | None = None
    #: The chat template, None of a model that does not converse.
    template: str | None = None
    #: Tokens of a prompt and its answer that the model has places for.
    longest: int | None = None
