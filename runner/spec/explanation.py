"""What is wrong with a document that its class does not take, each fault at its place and told once.

jsonschema checks the document against the kind's published schema, pydantic adds what a schema cannot say, and older
spellings are put into present ones, in which the document may be right after all.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from runner import near_names, registry
from runner.spec import fault_messages
from runner.spec.envelope import TrainingSpec
from runner.spec.findings import Finding, find, in_order, written
from runner.spec.json_schemas import envelope, schema_for
from runner.spec.kinds import built
from runner.spec.old_names import Older, modernise
from runner.spec.pointers import Path
from runner.spec.pydantic_errors import faults_of
from runner.spec.reader import Document
from runner.spec.schema_validation import not_described


def explain(
    document: Document, value: dict[str, Any], kind: str | None, known: bool
) -> tuple[list[Finding], list[Older], TrainingSpec | None]:
    """The faults in the order of the text, the older spellings, and the object where there is no fault.

    ``known`` is False where the document has to name a kind and does not: ``kind`` is None then, as it is for one that
    starts from a stored model.
    """
    unnamed = [] if known else _unnamed_kind(document, value)
    schema = envelope() if kind is None else schema_for(kind)
    modern, older = modernise(value, schema)
    spec = refused = None
    try:
        spec = built(modern, kind)
    except ValidationError as error:
        refused = error
    faults = in_order(faults_of(refused, document, value, schema, modern, older, unnamed))
    return faults, older, None if faults else spec


def _unnamed_kind(document: Document, value: dict[str, Any]) -> list[Finding]:
    """What is wrong with how a document names its kind."""
    model = value.get("model")
    if not isinstance(model, dict):
        return []  # the envelope says what is wrong with that
    at: Path = ("model", "spec", "model_type")
    spec = model.get("spec")
    if "spec" not in model:
        return [not_described(document)]
    if not isinstance(spec, dict):
        found = written(document, at[:-1])
        return [find(document, at[:-1], "type", "wrong type", expected="an object with a model_type", found=found)]
    name = spec.get("model_type")
    names = list(registry.kinds())
    expected = fault_messages.choice(map(fault_messages.as_json, names))
    if "model_type" not in spec:
        return [find(document, at, "missing", "`model_type` is missing", shown=at[:-1], expected=expected)]
    near, sure, message = None, False, "wrong type"
    if isinstance(name, str):
        near, message = near_names.nearest(name, names), "unknown model type"
        sure = near is not None and near_names.unmistakable(name, names)
        if (other := registry.called(name)) is not None:
            means, fields = other
            hint = f'here it is "{means}"' + (f" with {fields}" if fields else "")
            return [find(document, at, "choice", message, expected=expected, found=written(document, at), hint=hint)]
    found = written(document, at)
    return [find(document, at, "choice", message, expected=expected, found=found, meant=near, sure=sure)]
