"""What a model is made from, all the way down, and whether any of it may have seen what the model is measured on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from runner.errors import RunnerError
from runner.store.model_lookup import find
from runner.store.typed_documents import JsonObject


def other_data(own: JsonObject, references: Iterable[str | None], store: Path) -> list[str]:
    """Of the stored models named, and of those that they are made from: which were trained on other data than ``own``.

    ``own`` is the ``data`` section of a spec. The split is drawn from it, so a model with another section may have been
    trained on prompts that this one holds out.
    """
    told: list[str] = []
    seen: set[str] = set()
    ahead = [reference for reference in references if reference is not None]
    while ahead:
        reference = ahead.pop(0)
        if reference in seen:
            continue
        seen.add(reference)
        try:
            facts = find(store, reference).manifest()
        except RunnerError:
            told.append(f"made from {reference}, which is gone and may have seen the held-out prompts")
            continue
        if facts.spec.get("data") != own:
            told.append(f"made from {reference}, which has other data and may have seen the held-out prompts")
        ahead += facts.made_from
    return told
