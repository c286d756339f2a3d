"""What a run reads that is on this machine: its data, named files, stored models; by content, not by place.

Equal specs on equal data are one run on an engine, wherever they are submitted and however the files are called.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.contract import ModelSpec
from runner.data.records.data_files import data_files, is_pattern
from runner.engines.staged_inputs import Input, file_input, folder_input
from runner.errors import DataError
from runner.execution.plan_document import PlanDocument
from runner.execution.spec_names import file_names, model_names
from runner.spec.canonical import canonical
from runner.spec.envelope import TrainingSpec
from runner.spec.training_identity import spec_hash

#: How much of the hash is in a run's id: hex digits.
DIGITS = 12


def inputs_of(spec: TrainingSpec, plan: PlanDocument) -> dict[str, Input]:
    """The inputs of a spec whose paths are absolute, and of its plan, by what those documents say for them."""
    found: dict[str, Input] = {}
    local = list(spec.data.local_files())  # type: ignore[union-attr]
    for said in set(_strings(canonical(spec)["data"])):
        path = Path(said)
        if not path.is_absolute():
            continue
        if path in local:
            found[said] = _of(path)
        elif is_pattern(path):
            found[said] = _of_pattern(path)
        elif path.exists() and path.parent in local:
            # A table of pictures, which lie beside it.
            found[said] = folder_input(path.parent, path.name)
    found |= {name: _of(Path(name)) for _, name in file_names(spec)}
    found |= {
        name: _of(Path(name)) for name, _ in model_names(spec) if Path(name).is_absolute() and Path(name).exists()
    }
    for folder in [*([plan.start_from] if plan.start_from else []), *(entry.path for entry in plan.stored.values())]:
        found[folder] = folder_input(Path(folder))
    return found


def need_covered(read_only: Sequence[Path], inputs: Mapping[str, Input]) -> None:
    """Raise :class:`DataError` for a file that a run reads and that no path of its documents leads to: it could be
    copied, and nothing would find the copy."""
    covered = {path.absolute() for found in inputs.values() for path in found.files.values()}
    folders = {Path(said) for said in inputs}
    for path in read_only:
        if path not in covered and path not in folders and not any(each in folders for each in path.parents):
            inside = any(path in each.parents for each in covered)
            if not inside:
                raise DataError(
                    f"{path} is read by the run and is named by another file or model, so that it cannot be staged",
                    where="/run/engine/inputs",
                    hint='put it where all machines have it at this path, and set "inputs": "shared"',
                )


def run_id(spec: TrainingSpec, plan: PlanDocument, inputs: Mapping[str, Input], label: str | None) -> str:
    """``NAME-HASH[-LABEL]``: the same wherever the same spec is trained on the same content.

    The hash is the first :data:`DIGITS` hex digits of sha256 over what decides the training
    (:func:`~runner.spec.training_identity.spec_hash`), with the content of files and stored models for their paths.
    """
    contents = {said: found.content() for said, found in inputs.items()}
    for name, entry in plan.stored.items():
        contents[_reference(spec, name)] = contents[entry.path]
    told = {
        "spec": spec_hash(spec, contents),
        "parent": contents[plan.start_from] if plan.start_from else None,
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:DIGITS]
    return "-".join([spec.model.name, digest, *([label] if label else [])])


def _reference(spec: TrainingSpec, field: str) -> str:
    assert isinstance(spec.model.spec, ModelSpec)
    return spec.model.spec.stored_models()[field]


def _of(path: Path) -> Input:
    return folder_input(path) if path.is_dir() else file_input(path)


def _of_pattern(path: Path) -> Input:
    parts = path.parts
    first = next(at for at, part in enumerate(parts) if any(mark in part for mark in "*?["))
    folder = Path(*parts[:first])
    files = {each.relative_to(folder).as_posix(): each for each in data_files(path)[0]}
    return Input(files, Path(*parts[first:]).as_posix())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        inner: Iterable[Any] = value.values() if isinstance(value, dict) else value
        for each in inner:
            yield from _strings(each)
