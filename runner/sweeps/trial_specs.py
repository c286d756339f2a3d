"""The spec of one trial: the base with values put in, checked as every spec is, named by what it trains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from runner.spec import checking, pointers
from runner.spec.checking import LoadedSpec
from runner.spec.reader import read
from runner.spec.training_identity import spec_hash

#: What decides what is learned; a place elsewhere would train the same thing again.
VARIED = ("/model/spec", "/model/start_state", "/data", "/epochs", "/batch_size")


#: Letters of an identity in a model's name.
SHOWN = 8


@dataclass(frozen=True)
class Child:
    """An ordinary spec, and the identity by which it is never trained twice."""

    loaded: LoadedSpec
    #: sha256 (hex) of what decides its training: two trials of one identity are one run.
    identity: str
    #: What was put into the base, by pointer.
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its model's."""
        return self.loaded.spec.model.name


def child_of(base: Mapping[str, Any], sweep: str, values: Mapping[str, Any]) -> Child:
    """The child of values by pointer. Raises :class:`~runner.errors.SpecError` for a spec that is none."""
    document: dict[str, Any] = deepcopy(dict(base))
    document.pop("$schema", None)
    # An object before what is varied inside it; a copy, as what is put inside it is no part of the sweep's own value.
    for pointer in sorted(values, key=lambda place: place.count("/")):
        put(document, pointer, deepcopy(values[pointer]))
    if isinstance(document.get("wandb"), dict):
        # The runs of a sweep are one group there.
        document["wandb"].setdefault("experiment_name", sweep)
    source = f"{sweep}: " + (", ".join(f"{place} = {value!r}" for place, value in values.items()) or "the base spec")
    if isinstance(document.get("model"), dict):
        # As long as its own name, which says what is trained, and of that nothing is known yet.
        document["model"]["name"] = _named(sweep, "0" * SHOWN)
    trial = checking.load_object(document, source)
    identity = spec_hash(trial.spec)
    return Child(_renamed(trial, _named(sweep, identity)), identity, dict(values))


def _named(sweep: str, identity: str) -> str:
    return f"{sweep}-{identity[:SHOWN]}"


def _renamed(loaded: LoadedSpec, name: str) -> LoadedSpec:
    """The same spec with another name of its model, which was checked to be one: nothing is checked again."""
    value = deepcopy(loaded.document.value)
    value["model"]["name"] = name
    document = read(json.dumps(value, indent=2, ensure_ascii=False), loaded.document.source)
    spec = loaded.spec.model_copy(update={"model": loaded.spec.model.model_copy(update={"name": name})})
    return replace(loaded, spec=spec, document=document, value=value)


def put(document: dict[str, Any], pointer: str, value: Any) -> None:
    """Put a value at a place of a document, whose objects on the way there are made where they are not.

    Raises KeyError for a place inside something that is no object.
    """
    *path, last = pointers.split(pointer)
    inside: Any = document
    for part in path:
        if not isinstance(inside, dict):
            raise KeyError(pointer)
        inside = inside.setdefault(part, {})
        if inside is None:
            raise KeyError(pointer)
    if not isinstance(inside, dict):
        raise KeyError(pointer)
    inside[last] = value
