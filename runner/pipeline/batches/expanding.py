"""A batch as ordinary pipelines: every fault of every one is told at its place in the batch's own document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from runner.errors import Fault, SpecError
from runner.pipeline import loading
from runner.pipeline.batches import batch_document
from runner.pipeline.document import REFERENCE
from runner.pipeline.loaded_pipeline import LoadedPipeline
from runner.pipeline.step_products import parts_of_step
from runner.pipeline.steps import STEPS
from runner.spec import pointers
from runner.spec.findings import Finding, find, in_order
from runner.spec.reader import Document, read, read_file


@dataclass(frozen=True)
class BatchMember:
    """One pipeline of a batch."""

    pipeline: LoadedPipeline
    dataset: str
    #: None where the batch has no styles.
    style: str | None
    experiment: str


@dataclass(frozen=True)
class LoadedBatch:
    """A valid batch."""

    name: str
    description: str | None
    parallel: int
    document: Document
    members: Sequence[BatchMember]


def load_batch(data: bytes | str, source: str = "<batch>") -> LoadedBatch:
    """Read, expand, and check every pipeline. Raises :class:`SpecError` with every fault, each once."""
    document = read(data, source)
    faults = _of_form(document)
    if faults:
        raise SpecError([finding.fault for finding in in_order(faults)], source=source)
    value = document.value
    members: list[BatchMember] = []
    found: dict[tuple[str, str], Fault] = {}
    for dataset in value["datasets"]:
        for style in value.get("styles") or [None]:
            for experiment in value["experiments"]:
                made, places = _pipeline(value, dataset, style, experiment)
                try:
                    loaded = loading.load_object(made, f"{source}: {made['pipeline']['name']}")
                except SpecError as error:
                    for fault in error.faults:
                        moved = _moved(fault, places, document)
                        found.setdefault((moved.pointer, moved.message), moved)
                    continue
                members.append(
                    BatchMember(loaded, dataset["name"], style["name"] if style else None, experiment["name"])
                )
    if found:
        raise SpecError(sorted(found.values(), key=lambda fault: (fault.line or 0, fault.column or 0)), source=source)
    head = value["batch"]
    return LoadedBatch(head["name"], head.get("description"), head.get("parallel", 1), document, members)


def load_batch_file(path: FilePath | str) -> LoadedBatch:
    """The same of a file."""
    return load_batch(read_file(FilePath(path)), str(path))


def _of_form(document: Document) -> list[Finding]:
    faults: list[Finding] = []
    try:
        batch_document.document_class().model_validate_json(json.dumps(document.value))
    except ValidationError as error:
        # Imported here: the schema and jsonschema are for what is wrong alone.
        from runner.spec.pydantic_errors import faults_of

        return faults_of(error, document, document.value, batch_document.schema())
    for group in ("datasets", "styles", "experiments"):
        names = [each["name"] for each in document.value.get(group) or ()]
        for at, name in enumerate(names):
            if name in names[:at]:
                message = f"two {group} are called {name!r}"
                faults.append(find(document, (group, at, "name"), "step", message, hint="name one otherwise"))
    return faults


def _pipeline(
    value: Mapping[str, Any], dataset: Mapping[str, Any], style: Mapping[str, Any] | None, experiment: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The document of one pipeline, and where each piece of it stands in the batch's: pointer -> pointer."""
    at = {group: value[group].index(each) for group, each in (("datasets", dataset), ("experiments", experiment))}
    names = [value["batch"]["name"], dataset["name"], *([style["name"]] if style else []), experiment["name"]]
    name = "-".join(names)
    steps: list[dict[str, Any]] = []
    places = {"": "/batch", "/pipeline": "/batch"}
    rows: Any = dataset["input"]
    parts: tuple[str, ...] = ()

    def add(verb: str, told: Mapping[str, Any], place: str) -> None:
        nonlocal rows
        own = f"/steps/{len(steps)}/{verb}"
        places[own] = place
        places[f"{own}/input"] = f"/datasets/{at['datasets']}/input"
        steps.append({"name": verb, verb: {"input": rows, **told}})
        rows = {REFERENCE: verb}

    for verb in batch_document.ORDER:
        if verb == "style":
            if style is not None and style.get("style") is not None:
                told = {key: each for key, each in style.items() if key != "name"}
                add(verb, told, f"/styles/{(value['styles']).index(style)}")
        elif value.get(verb) is not None:
            add(verb, value[verb], f"/{verb}")
            if verb == "split":
                parts = _split_parts(value[verb])
    changes = dict(experiment.get("with") or {}) | {"/model/name": name}
    last = rows[REFERENCE] if isinstance(rows, dict) else None
    if last is None:
        changes["/data/dataset"] = rows
    else:
        changes["/data/dataset"] = {REFERENCE: f"{last}.train" if "train" in parts else last}
        if "validation" in parts:
            changes["/data/validation_data"] = {REFERENCE: f"{last}.validation"}
    own = f"/steps/{len(steps)}"
    places[f"{own}/train"] = f"/experiments/{at['experiments']}/train"
    places[f"{own}/with"] = f"/experiments/{at['experiments']}/with"
    steps.append({"name": "train", "train": experiment["train"], "with": changes})
    if value.get("evaluate") is not None:
        told = dict(value["evaluate"])
        beside = told.pop("beside", [])
        places[f"/steps/{len(steps)}/evaluate"] = "/evaluate"
        steps.append({"name": "evaluate", "evaluate": {"models": [{REFERENCE: "train"}, *beside], **told}})
    return {"pipeline": {"name": name}, "steps": steps}, places


def _split_parts(options: Mapping[str, Any]) -> tuple[str, ...]:
    made = STEPS["split"].options.model_validate_json(json.dumps(options))
    return tuple(parts_of_step("split", made, ()))


def _moved(fault: Fault, places: Mapping[str, str], document: Document) -> Fault:
    """A fault of one pipeline at its place in the batch."""
    near = max((each for each in places if fault.pointer == each or fault.pointer.startswith(f"{each}/")), key=len)
    pointer = places[near] + fault.pointer[len(near) :]
    if pointers.get(document.value, pointer) is None:
        # What the batch put in itself: the experiment, or the whole, is as near as can be told.
        while pointer and pointers.get(document.value, pointer) is None:
            pointer = pointer.rpartition("/")[0]
    line, column = document.position(pointer)
    return replace(fault, pointer=pointer, line=line, column=column)
