"""The hash that says whether two specs train the same thing: what counts for it, and what does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from runner.contract import ModelSpec
from runner.spec.canonical import canonical
from runner.spec.envelope import TrainingSpec

#: Every text counts as it is.
NOTHING: Mapping[str, str] = {}


def spec_hash(spec: TrainingSpec, contents: Mapping[str, str] = NOTHING) -> str:
    """sha256 (hex) of what decides the training, as canonical JSON.

    That is ``model.spec`` and ``model.start_state``, ``data``, ``epochs`` and ``batch_size`` (the latter two only for
    a kind that uses them). How the run is executed, logged and named does not change what is learned, and is left out.
    ``contents`` are what counts for a text, such as a path, in its place.
    """
    document = _with(canonical(spec), contents)
    own = spec.model.spec if isinstance(spec.model.spec, ModelSpec) else None
    relevant: dict[str, Any] = {
        "spec_version": spec.spec_version,
        "spec": document["model"].get("spec"),
        "start_state": spec.model.start_state,
        "data": document["data"],
    }
    if own is None or own.uses_epochs:
        relevant["epochs"] = spec.epochs
    if own is None or own.uses_batch_size:
        relevant["batch_size"] = spec.batch_size
    text = json.dumps(relevant, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


def _with(value: Any, contents: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return contents.get(value, value)
    if isinstance(value, dict):
        return {name: _with(each, contents) for name, each in value.items()}
    return [_with(each, contents) for each in value] if isinstance(value, list) else value
