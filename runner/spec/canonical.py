"""The canonical form of a spec: every default that has an effect filled in."""

from __future__ import annotations

from typing import Any

from runner.contract import DataSection
from runner.spec.envelope import TrainingSpec


def canonical(spec: TrainingSpec) -> dict[str, Any]:
    """The spec as a document: every default that has an effect filled in, present spellings only, JSON values only."""
    document = spec.model_dump(mode="json", by_alias=True, exclude={"schema_uri", "jar_base_path"})
    if spec.hub is None:
        # Documents from before there was one stay what they were.
        del document["hub"]
    if isinstance(spec.data, DataSection):
        for name in spec.data.without_effect():
            del document["data"][name]
    if spec.model.start_state is not None and spec.model.spec is None:
        del document["model"]["spec"]
    return document
