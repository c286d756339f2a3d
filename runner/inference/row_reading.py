"""Which reader reads the rows that a stored model is asked, and what it is told of how they are written."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from runner import registry
from runner.errors import UsageError
from runner.store.model_lookup import StoredModel


@dataclass(frozen=True)
class RowReading:
    """The reader of a stored model's layout."""

    #: Its module: it has ``from_words``, ``from_file`` and ``from_pipe``.
    layout: str
    #: What all three are told beside the rows: how the rows of the training were written.
    told: dict[str, Any]

    @property
    def reader(self) -> Any:
        """The module itself."""
        return importlib.import_module(self.layout)


def reading_of(model: StoredModel, *, words: bool = False, **said: str | None) -> RowReading:
    """How rows of a model are read: as those of its training were, under what is ``said`` of a text file.

    ``words``: rows are given one by one. Raises :class:`UsageError` for something said that means nothing then, or to
    this layout.
    """
    section = registry.load(model.model_type).Spec.data
    stored = model.manifest().spec.get("data")
    given = {name: value for name, value in said.items() if value is not None}
    told = section.asked_words({**(stored if isinstance(stored, dict) else {}), **given})
    for name in given:
        if words:
            raise UsageError(f"--{name} and --prompts do not go together", where=f"--{name}", hint="leave one out")
        if name not in told:
            raise UsageError(
                "is of a table's text file, and this model reads none", where=f"--{name}", hint="leave it out"
            )
    return RowReading(section.asked_rows, told | ({"said": tuple(given)} if given else {}))
