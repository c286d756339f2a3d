"""A pipeline that was read and is valid: its steps, and what each is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.contract import Section
from runner.errors import Fault
from runner.pipeline.step_references import Made, Reference, filled
from runner.spec.checking import LoadedSpec
from runner.spec.evaluation_checking import LoadedTask, load_task_document, load_task_file
from runner.spec.origins import overridden
from runner.spec.pointers import Path
from runner.spec.reader import Document, read, read_file
from runner.workspace import absolute, current_folder

#: What gives the value for a reference: its place within what the step is told, and ``STEP`` or ``STEP.PART``.
Give = Callable[[Path, str], Any]


@dataclass(frozen=True)
class LoadedStep:
    """One step of a valid pipeline."""

    name: str
    verb: str
    #: Where what it is told stands in the document.
    place: Path
    #: That, as it was written: an object, or the path of a spec. References stand in it as they are.
    body: Any
    changes: Mapping[str, Any]
    references: Sequence[Reference]
    makes: Mapping[str, Made]
    #: What a verb that is told a section is told, references and all.
    section: Section | None = None
    #: The spec of a training, with names in the place of what is not made yet.
    spec: LoadedSpec | None = None
    #: The kinds of the models that it names of earlier steps, and the specs of those that are trained there, by place.
    kinds: Mapping[Path, str] = field(default_factory=dict)
    specs: Mapping[Path, LoadedSpec] = field(default_factory=dict)

    def told(self, give: Give) -> Any:
        """What the step is told, with what ``give`` says in the place of references; of a training the whole spec."""
        if self.verb == "train":
            return filled(whole_spec(self.body, self.changes), give)
        return filled(self.body, give)


@dataclass(frozen=True)
class LoadedPipeline:
    """A valid pipeline and the document it was read from."""

    name: str
    description: str | None
    document: Document
    steps: Sequence[LoadedStep]
    warnings: list[Fault] = field(default_factory=list)

    @property
    def source(self) -> str:
        return self.document.source


def task_of(value: Any, source: str) -> LoadedTask:
    """A task of an evaluation as it is carried out: the path of its file, or its document."""
    if isinstance(value, str):
        return load_task_file(absolute(value, current_folder()))
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return load_task_document(read(text, source), value)


def read_spec(path: str) -> Document:
    place = absolute(path, current_folder())
    return read(read_file(place), str(place))


def whole_spec(body: Any, changes: Mapping[str, Any]) -> Any:
    if isinstance(body, str):
        body = read_spec(body).value
    return overridden(body, dict(changes)) if changes else body
