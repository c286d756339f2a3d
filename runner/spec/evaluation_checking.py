"""From a task file's bytes to a checked task: every fault at once, each at its place in the text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runner.errors import SpecError
from runner.spec.findings import in_order
from runner.spec.reader import Document, read, read_file
from runner.tasks.generation.evaluation_sections import EvaluationTask


@dataclass(frozen=True)
class LoadedTask:
    """A valid task and the document it was read from."""

    task: EvaluationTask
    document: Document

    @property
    def source(self) -> str:
        return self.document.source


def load_task(data: bytes | str, source: str = "<task>") -> LoadedTask:
    """Read and check a task. Raises :class:`SpecError` with every fault, in the order of the text."""
    return load_task_document(read(data, source))


def load_task_document(document: Document, value: Any = None) -> LoadedTask:
    """The same of a document that was read; ``value`` is its value where something was put in."""
    value = document.value if value is None else value
    try:
        return LoadedTask(EvaluationTask.model_validate_json(json.dumps(value)), document)
    except ValidationError as error:
        # Imported here: the schema and jsonschema are for what is wrong alone.
        from runner.spec.json_schemas import evaluation_task
        from runner.spec.pydantic_errors import faults_of

        faults = faults_of(error, document, value, evaluation_task())
        raise SpecError([finding.fault for finding in in_order(faults)], source=document.source) from None


def load_task_file(path: Path | str) -> LoadedTask:
    """The same of a file. Raises SpecError; NotFoundError or EnvironmentProblem if it cannot be read."""
    return load_task(read_file(Path(path)), str(path))
