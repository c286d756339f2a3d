"""From text to a spec: the one road that every document takes.

Envelope, then kind, then the kind's own Spec. The class of the kind's documents decides: the published schema is made
from it, and what it takes the schema allows. Only for a document that it does not take is the schema made and asked
(:mod:`runner.spec.explanation`): most documents are right, and neither the schema nor jsonschema is loaded for them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from runner import registry
from runner.contract import DataSection, ModelSpec
from runner.errors import Fault, SpecError
from runner.spec import fault_messages, pointers
from runner.spec.envelope import TrainingSpec
from runner.spec.findings import Finding, find, in_order, written
from runner.spec.kinds import built
from runner.spec.old_names import Older, as_written
from runner.spec.reader import Document, read, read_file


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


@contextlib.contextmanager
def at_their_places(loaded: LoadedSpec) -> Iterator[None]:
    """Give the faults that are raised within, which have pointers alone, the lines and the file of the spec."""
    try:
        yield
    except SpecError as error:
        if error.source is None:
            document = loaded.document
            lines = [document.position(fault.pointer) for fault in error.faults]
            faults = [
                replace(fault, line=line, column=column)
                for fault, (line, column) in zip(error.faults, lines, strict=True)
            ]
            error.faults = [_placed(fault, document, loaded.value) for fault in faults]
            error.source = error.where = document.source
        raise


def examine(document: Document, value: dict[str, Any], kind: str | None = None) -> Examined:
    """Everything right and wrong with a document; raises nothing for what is wrong."""
    started = isinstance(pointers.get(value, "/model/start_state"), str)
    if kind is None and not started:
        kind = _named_kind(value)
    known = kind is not None or started
    faults: list[Finding] = []
    older: list[Older] = []
    spec: TrainingSpec | None = None
    if known:  # the envelope alone would take a document that names no kind
        with contextlib.suppress(ValidationError):
            spec = built(value, kind)
    if spec is None:
        # Imported here: it brings the schemas and jsonschema.
        from runner.spec.explanation import explain

        faults, older, spec = explain(document, value, kind, known)
    if spec is not None:
        faults += _without_effect(document, spec, older)
    warnings = _warnings(document, value, older, started, spec)
    return Examined(faults, warnings, None if faults else spec, kind, older)


def _placed(fault: Fault, document: Document, value: dict[str, Any]) -> Fault:
    """A fault of a value that a flag put in has no place in the text, and nothing is written there."""
    given = pointers.get(value, fault.pointer)
    if value is document.value or given == pointers.get(document.value, fault.pointer):
        return fault
    return replace(fault, line=None, column=None, found=fault_messages.as_json(given) if fault.found else None)


def _named_kind(value: dict[str, Any]) -> str | None:
    """The kind that a document names, or None where it names none that exists."""
    name = pointers.get(value, "/model/spec/model_type")
    return name if isinstance(name, str) and registry.find(name) else None


def _without_effect(document: Document, spec: TrainingSpec, older: list[Older]) -> list[Finding]:
    """The fields of ``data`` that the document gives and that others make void."""
    if not isinstance(spec.data, DataSection):
        return []
    found = []
    for name, why in spec.data.without_effect().items():
        if name in spec.data.model_fields_set:
            at = as_written(("data", name), older)
            message, hint = f"has no effect: {why}", "take it out"
            found.append(find(document, at, "void", message, on_key=True, found=written(document, at), hint=hint))
    return found


def _older_word(document: Document, word: Older) -> Finding:
    message = f'an older spelling of "{word.present}"'
    hint = f'write "{word.present}", or run `runner spec fix`'
    return find(document, word.at, "choice", message, found=written(document, word.at), meant=word.present,
                sure=True, hint=hint)  # fmt: skip


def _warnings(
    document: Document, value: dict[str, Any], older: list[Older], started: bool, spec: TrainingSpec | None
) -> list[Finding]:
    found = []
    for spelling in older:
        if not spelling.meant:
            continue  # its value is a fault, and without it the name says nothing
        if spelling.is_value:
            found.append(_older_word(document, spelling))
            continue
        literal = f": {spelling.literal}" if spelling.literal else ""
        hint = f'write "{spelling.present}"{literal}, or run `runner spec fix`'
        message = f"an older spelling of `{spelling.present}`"
        finding = find(document, spelling.at, "older", message, on_key=True, meant=spelling.present, hint=hint)
        found.append(replace(finding, literal=spelling.literal))
    if started and pointers.get(value, "/model/spec") is not None:
        message = "ignored: the stored model that `start_state` names has its own spec"
        hint = "take it out, or run `runner spec fix`"
        found.append(find(document, ("model", "spec"), "ignored", message, on_key=True, hint=hint))
    if value.get("jar_base_path") is not None:
        message = "ignored: models and caches lie in the workspace"
        hint = "set RUNNER_HOME to have it elsewhere, and take this out, or run `runner spec fix`"
        found.append(find(document, ("jar_base_path",), "ignored", message, on_key=True, hint=hint))
    own = spec.model.spec if spec is not None else None
    if spec is not None and isinstance(own, ModelSpec) and not own.uses_epochs and spec.epochs > 0:
        message = f"ignored: {own.model_type} does not go over the data in epochs"
        found.append(find(document, ("epochs",), "ignored", message, found=written(document, ("epochs",))))
    return in_order(found)
