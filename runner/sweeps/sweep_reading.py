"""From a sweep file's bytes to a checked sweep and its base spec: every fault at once, each at its place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from runner import near_names
from runner.errors import Fault, SpecError
from runner.spec import checking, fault_messages, pointers
from runner.spec.checking import LoadedSpec
from runner.spec.findings import Finding, find, in_order
from runner.spec.old_names import modernise
from runner.spec.reader import Document, read, read_file
from runner.sweeps.foreign_words import in_our_words
from runner.sweeps.sweep_fields import Pruning, SweepDocument, SweepSection

#: What stops runs.
KINDS: tuple[str, ...] = get_args(Pruning.model_fields["kind"].annotation)


@dataclass(frozen=True)
class LoadedSweep:
    """A valid sweep, its valid base spec, and what is odd about either."""

    sweep: SweepSection
    base: LoadedSpec
    document: Document
    #: The base spec's value, as it was written.
    base_value: dict[str, Any] = field(repr=False)
    warnings: list[Fault] = field(default_factory=list)


def load_sweep(data: bytes | str, source: str = "<sweep>", folder: Path = Path()) -> LoadedSweep:
    """Read and check a sweep; ``folder`` is where the path of a base spec counts from.

    Raises :class:`SpecError` with every fault, in the order of the text; of the base spec alone, where the sweep
    itself is right. NotFoundError or EnvironmentProblem for a base spec that cannot be read.
    """
    from runner.spec.pydantic_errors import faults_of

    document = read(data, source)
    if isinstance(document.value, dict) and "model" in document.value and "sweep" not in document.value:
        hint = f"train it: runner train --spec-file {source}; or write it as `base` of a sweep"
        raise SpecError([Fault("this is the spec of one training, and no sweep", hint=hint)], source=source)
    schema = sweep_schema()
    value, foreign, odd, faults = in_our_words(document, document.value)
    modern, older = modernise(value, schema)
    older = [*foreign, *older]
    found: SweepDocument | None = None
    try:
        found = SweepDocument.model_validate_json(json.dumps(modern))
    except ValidationError as error:
        faults = faults_of(error, document, value, schema, modern, older, faults)
    if faults or found is None:
        raise SpecError([_with_form(finding.fault, value) for finding in in_order(faults)], source=source)
    warnings: list[Finding] = [*odd]
    for spelling in older:
        if spelling not in foreign:
            message = f"an older spelling of `{spelling.present}`"
            warnings.append(
                find(document, spelling.at, "older", message, on_key=True, hint=f'write "{spelling.present}"')
            )
    base, base_value = _base(found, document, folder)
    return LoadedSweep(found.sweep, base, document, base_value, [each.fault for each in in_order(warnings)])


def load_sweep_file(path: Path | str) -> LoadedSweep:
    """The same of a file. Raises SpecError; NotFoundError or EnvironmentProblem if it cannot be read."""
    return load_sweep(read_file(Path(path)), str(path), Path(path).parent)


def _with_form(fault: Fault, value: Any) -> Fault:
    """A fault of what is written as a word, or lacks its kind, with the form that is right."""
    given = pointers.get(value, fault.pointer, None)
    if fault.pointer == "/sweep/prune":
        if isinstance(given, str):
            kind = given if given in KINDS else near_names.nearest(given, KINDS) or KINDS[0]
            return replace(fault, hint=f'write {{"kind": "{kind}"}}')
        if isinstance(given, dict) and "kind" not in given and fault.expected is None:
            return replace(fault, expected=fault_messages.choice(map(fault_messages.as_json, KINDS)))
    if isinstance(given, str) and fault.pointer in ("/sweep/metric", "/sweep/metric/0", "/sweep/metric/1"):
        return replace(fault, hint=f'write {{"name": {fault_messages.as_json(given)}}}')
    return fault


def sweep_schema() -> dict[str, Any]:
    """The schema of a sweep, as ``schemas/sweep.json`` has it."""
    from runner.spec.json_schemas import of_document

    return of_document(SweepDocument, "sweep", "Sweep")


def _base(found: SweepDocument, document: Document, folder: Path) -> tuple[LoadedSpec, dict[str, Any]]:
    """The base spec, checked as any is. Faults of one that stands in the sweep's file are at their places there."""
    if isinstance(found.base, str):
        loaded = checking.load_file(folder / found.base)
        return loaded, loaded.document.value
    value = document.value["base"]
    try:
        return checking.load_object(value, f"{document.source}: /base"), value
    except SpecError as error:
        faults = []
        for fault in error.faults:
            pointer = f"/base{fault.pointer}"
            line, column = document.position(pointer)
            faults.append(Fault(fault.message, pointer, line, column, fault.expected, fault.found, fault.hint))
        raise SpecError(faults, source=document.source) from None
