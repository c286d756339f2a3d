"""From text to a spec: the one road that every document takes.

Envelope, then kind, then the kind's own Spec. jsonschema checks the document against the kind's published schema,
pydantic builds the object and adds what a schema cannot say; the two lists of faults are merged by place, each told
once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from runner import registry
from runner.contract import ModelSpec
from runner.errors import Fault, SpecError
from runner.spec import messages, near_names, pointers
from runner.spec.envelope import TrainingSpec
from runner.spec.findings import Finding, find, in_order, written
from runner.spec.kinds import document_class
from runner.spec.old_names import Older, modernise
from runner.spec.pointers import Path
from runner.spec.publishing import envelope, schema_for
from runner.spec.pydantic_errors import from_pydantic, told
from runner.spec.reader import Document, read, read_file
from runner.spec.schema_check import check, not_described


@dataclass(frozen=True)
class LoadedSpec:
    """A valid spec, the document it was read from, and what is odd about it without being wrong."""

    spec: TrainingSpec
    document: Document
    warnings: list[Fault]
    #: None in a spec that starts from a stored model: its kind is known once the store was asked.
    kind: str | None
    #: What was checked: the document's value, with the command line's flags in it.
    value: dict[str, Any] = field(repr=False, default_factory=dict)
    older: list[Older] = field(default_factory=list)


@dataclass(frozen=True)
class Examined:
    """Everything found in a document: its faults, its warnings, and the spec if there is no fault."""

    faults: list[Finding]
    warnings: list[Finding]
    spec: TrainingSpec | None
    kind: str | None
    older: list[Older]


def load(data: bytes | str, source: str = "<spec>") -> LoadedSpec:
    """Read and check a spec. Raises :class:`SpecError` with every fault, in the order of the text."""
    return load_document(read(data, source))


def load_file(path: FilePath | str) -> LoadedSpec:
    """Read and check a spec file. Raises SpecError; NotFoundError or EnvironmentProblem if it cannot be read."""
    return load(read_file(FilePath(path)), str(path))


def load_object(value: dict[str, Any], source: str = "<spec>") -> LoadedSpec:
    """Check a spec that a program made. It goes through text, as every other one does."""
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise SpecError([Fault(f"this is not a JSON document: {error}")], source=source) from error
    return load(text, source)


def load_document(document: Document, value: dict[str, Any] | None = None, kind: str | None = None) -> LoadedSpec:
    """Check a document that was read: ``value`` is its value where flags changed it, ``kind`` its kind if known."""
    value = document.value if value is None else value
    examined = examine(document, value, kind)
    if examined.spec is None:
        faults = [_placed(finding.fault, document, value) for finding in examined.faults]
        raise SpecError(faults, source=document.source)
    warnings = [finding.fault for finding in examined.warnings]
    return LoadedSpec(examined.spec, document, warnings, examined.kind, value, examined.older)


def for_kind(loaded: LoadedSpec, kind: str) -> LoadedSpec:
    """Check a spec that starts from a stored model again, now that its kind is known: ``data``, ``epochs``, ..."""
    return load_document(loaded.document, loaded.value, kind)


def with_flags(loaded: LoadedSpec, flags: dict[str, Any]) -> LoadedSpec:
    """The spec with values from the command line, by pointer, in place of the document's; checked again."""
    from runner.spec.origins import overridden

    return load_document(loaded.document, overridden(loaded.value, flags))


def examine(document: Document, value: dict[str, Any], kind: str | None = None) -> Examined:
    """Everything right and wrong with a document; raises nothing for what is wrong."""
    started = isinstance(pointers.get(value, "/model/start_state"), str)
    faults: list[Finding] = []
    if kind is None and not started:
        kind, faults = _find_kind(document, value)
    schema = envelope() if kind is None else schema_for(kind)
    faults += check(document, value, schema)
    modern, older = modernise(value, schema)
    if started and isinstance(modern.get("model"), dict):
        # What is ignored is not checked, and not kept either.
        modern = modern | {"model": {key: item for key, item in modern["model"].items() if key != "spec"}}
    spec = None
    model = TrainingSpec if kind is None else document_class(kind)
    try:
        spec = model.model_validate_json(json.dumps(modern))
    except ValidationError as error:
        faults += [f for f in from_pydantic(error, document, modern, older) if not told(f, faults)]
    warnings = _warnings(document, value, older, started, spec)
    # A misspelt key is one fault, not two: the key it was meant to be is not missing as well.
    meant = {(*finding.at[:-1], finding.meant) for finding in faults if finding.sort == "unknown"}
    faults = in_order([finding for finding in faults if finding.sort != "missing" or finding.at not in meant])
    return Examined(faults, warnings, None if faults else spec, kind, older)


def _placed(fault: Fault, document: Document, value: dict[str, Any]) -> Fault:
    """A fault of a value that a flag put in has no place in the text, and nothing is written there."""
    given = pointers.get(value, fault.pointer)
    if value is document.value or given == pointers.get(document.value, fault.pointer):
        return fault
    return replace(fault, line=None, column=None, found=messages.as_json(given) if fault.found else None)


def _find_kind(document: Document, value: dict[str, Any]) -> tuple[str | None, list[Finding]]:
    """The kind that a document names, or what is wrong with how it does."""
    model = value.get("model")
    if not isinstance(model, dict):
        return None, []  # the envelope says what is wrong with that
    at: Path = ("model", "spec", "model_type")
    spec = model.get("spec")
    if "spec" not in model:
        return None, [not_described(document)]
    if not isinstance(spec, dict):
        found = written(document, at[:-1])
        return None, [
            find(document, at[:-1], "type", "wrong type", expected="an object with a model_type", found=found)
        ]
    name = spec.get("model_type")
    if isinstance(name, str) and registry.find(name):
        return name, []
    names = list(registry.kinds())
    expected = messages.choice(map(messages.as_json, names))
    if "model_type" not in spec:
        return None, [find(document, at, "missing", "`model_type` is missing", shown=at[:-1], expected=expected)]
    near, sure, message = None, False, "wrong type"
    if isinstance(name, str):
        near, message = near_names.nearest(name, names), "unknown model type"
        sure = near is not None and near_names.unmistakable(name, names)
    found = written(document, at)
    return None, [find(document, at, "choice", message, expected=expected, found=found, meant=near, sure=sure)]


def _warnings(
    document: Document, value: Any, older: list[Older], started: bool, spec: TrainingSpec | None
) -> list[Finding]:
    found = []
    for spelling in older:
        if not spelling.meant:
            continue  # its value is a fault, and without it the name says nothing
        value = f": {spelling.literal}" if spelling.literal else ""
        hint = f'write "{spelling.present}"{value}, or run `runner spec fix`'
        message = f"an older spelling of `{spelling.present}`"
        finding = find(document, spelling.at, "older", message, on_key=True, meant=spelling.present, hint=hint)
        found.append(replace(finding, literal=spelling.literal))
    if started and pointers.get(value, "/model/spec") is not None:
        message = "ignored: the stored model that `start_state` names has its own spec"
        hint = "take it out, or run `runner spec fix`"
        found.append(find(document, ("model", "spec"), "ignored", message, on_key=True, hint=hint))
    own = spec.model.spec if spec is not None else None
    if spec is not None and isinstance(own, ModelSpec) and not own.uses_epochs and spec.epochs > 0:
        message = f"ignored: {own.model_type} does not go over the data in epochs"
        found.append(find(document, ("epochs",), "ignored", message, found=written(document, ("epochs",))))
    return in_order(found)
