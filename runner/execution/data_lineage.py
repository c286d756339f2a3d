"""What a model is made from, all the way down, and whether any of it may have seen what the model is measured on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runner.errors import RunnerError
from runner.store.stored_models import find


def other_data(own: dict[str, Any], references: Iterable[str | None], store: Path) -> list[str]:
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
        if facts["spec"]["data"] != own:
            told.append(f"made from {reference}, which has other data and may have seen the held-out prompts")
        ahead += [made for made in made_from(facts) if made is not None]
    return told


def made_from(manifest: dict[str, Any]) -> list[str | None]:
    """The stored models that a manifest names: what it started from, and what its spec's fields refer to."""
    return [manifest.get("parent"), *(manifest.get("references") or {}).values()]
