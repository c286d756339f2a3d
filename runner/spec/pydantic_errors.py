"""pydantic's errors as findings: what a schema cannot say (and what it said already, to be left out)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from runner.spec.findings import Finding, find, written
from runner.spec.old_names import Older, as_written
from runner.spec.pointers import Path
from runner.spec.reader import Document
from runner.spec.schema_validation import MOST_FAULTS, check
from runner.spec.schema_walk import Schema


def from_pydantic(error: ValidationError, document: Document, modern: Any, older: list[Older]) -> list[Finding]:
    """One finding an error, at its place in the document as written. ``modern`` is the value that pydantic read."""
    findings = []
    for details in error.errors(include_url=False, include_input=False)[:MOST_FAULTS]:
        path = _path(details["loc"], modern)
        cause = details.get("ctx", {}).get("error")
        message = str(cause) if isinstance(cause, ValueError) else details["msg"]
        at = as_written(path, older)
        if details["type"] == "missing":
            name = details["loc"][-1]
            findings.append(find(document, (*at, name), "missing", f"`{name}` is missing", shown=at))
        else:
            found = written(document, at) if at else None
            findings.append(find(document, at, details["type"], message, found=found))
    return [finding for finding in findings if not (_of_shape(finding) and _better_told(finding, findings))]


def faults_of(
    error: ValidationError | None,
    document: Document,
    value: Any,
    schema: Schema,
    modern: Any = None,
    older: Sequence[Older] = (),
    known: Sequence[Finding] = (),
) -> list[Finding]:
    """Everything wrong with a value, each fault once: what its schema says, and what a schema cannot say.

    ``error`` is that of a class that did not take it, None where it did. ``modern`` is the value that pydantic read,
    where older spellings were put into present ones; ``known`` are faults that were found before, and come first."""
    faults = [*known, *check(document, value, schema)]
    if error is not None:
        beyond = from_pydantic(error, document, value if modern is None else modern, list(older))
        faults += [fault for fault in beyond if not told(fault, faults)]
    # A misspelt key is one fault, not two: the key it was meant to be is not missing as well.
    meant = {(*finding.at[:-1], finding.meant) for finding in faults if finding.sort == "unknown"}
    return [finding for finding in faults if finding.sort != "missing" or finding.at not in meant]


def _of_shape(finding: Finding) -> bool:
    """Whether the value is another kind of thing than is asked for: a schema tells that too."""
    return finding.sort == "literal_error" or finding.sort.endswith("_type")


def _better_told(finding: Finding, others: list[Finding]) -> bool:
    """Whether the value is of the shape of another branch of a union, where the fault within it is told."""
    return any(other.at[: len(finding.at)] == finding.at and not _of_shape(other) for other in others)


def told(finding: Finding, others: list[Finding]) -> bool:
    """Whether a fault at this place, inside it or around it, is told already."""
    return any(other.at[: len(finding.at)] == finding.at[: len(other.at)] for other in others)


def _path(location: tuple[int | str, ...], value: Any) -> Path:
    """pydantic's location as a path of the document: without the names of a union's branches."""
    path: Path = ()
    for part in location:
        within = part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
        if within:
            value, path = value[part], (*path, part)
    return path
