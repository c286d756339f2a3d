"""What a conversation knows besides its answers: the workspace, the schema, the data that was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import Fault, RunnerError, SpecError
from runner.workspace import Workspace, current_folder

if TYPE_CHECKING:
    from runner.wizard.proposals import Looked, Proposed

Schema = dict[str, Any]


@dataclass
class Session:
    """One per conversation. Nothing in it is written anywhere."""

    workspace: Workspace
    #: What was seen in each data set that was named, or None where it could not be looked at.
    looked: dict[str, Looked | None] = field(default_factory=dict)
    #: Why it could not.
    unseen: dict[str, str] = field(default_factory=dict)
    #: What the consequences were when they were last told.
    told: list[str] = field(default_factory=list)
    #: Whether a token was asked for in this process.
    token_asked: bool = False

    @cached_property
    def folder(self) -> Path:
        """The folder that relative paths count from."""
        return current_folder()

    def schema(self, kind: str) -> Schema:
        """The published schema of a kind. Raises the registry's errors."""
        from runner.spec.json_schemas import schema_for

        return schema_for(kind)

    def dataset_field(self, kind: str) -> Schema:
        """What ``data.dataset`` of a kind is, without the schema of all else. Raises the registry's errors."""
        from runner.spec.dataset_fields import dataset_field

        return dataset_field(kind)

    def look(self, path: str) -> Looked | None:
        """What is in a data set, looked at once; None where it cannot be: ``unseen`` says why."""
        if path not in self.looked:
            from runner.wizard import proposals

            self.looked[path] = None
            try:
                self.looked[path] = proposals.look(path, self.folder)
            except RunnerError as error:
                self.unseen[path] = _unseen(error, self.folder)
        return self.looked[path]

    def proposed(self, path: str, kind: str | None) -> Proposed | None:
        """What the data proposes for a kind."""
        looked = self.look(path)
        if looked is None or kind is None:
            return None
        return next((each for each in looked.families if each.kind == kind), None)

    def column_fields(self, kind: str, path: str) -> Mapping[str, Any]:
        """The fields of ``data`` that name columns, as the data proposes them for a kind."""
        from runner.wizard.field_groups import is_column

        found = self.proposed(path, kind)
        return {} if found is None else {name: value for name, value in found.data.items() if is_column(name)}

    def forget_unseen(self) -> None:
        """Look again at what could not be looked at."""
        self.looked = {path: found for path, found in self.looked.items() if found is not None}
        self.unseen.clear()

    def data_fault(self, kind: str | None, path: str) -> str | None:
        """Why a data set cannot be read: it is not there, of no container, empty. None where nothing speaks against it.

        What only its columns can tell is told later, at the columns.
        """
        if self.look(path) is not None:
            return None
        if kind is None:
            return self.unseen.get(path)
        from runner.execution.data_trial import data_section

        # What cannot be looked at as a table of rows may be what a layout reads: a packaged name, a folder of pictures.
        try:
            data_section(_layout(kind), path, None, kind).check(self.folder)
        except SpecError as error:
            return "; ".join(fault.message for fault in error.faults)
        except RunnerError as error:
            return error.message + (f"; {error.hint}" if error.hint else "")
        return None

    def hub_needed(self, kind: str | None, document: dict[str, Any]) -> bool:
        """Whether something that is named lies on the Hub and not on this machine, or goes there."""
        from runner.data import hub
        from runner.data.hub_files import is_hub_name
        from runner.spec import pointers
        from runner.training.pretrained import available_locally
        from runner.wizard.field_groups import MODEL_FIELDS

        if hub.token() is not None:
            return False
        dataset = pointers.get(document, "/data/dataset")
        if isinstance(dataset, str) and is_hub_name(dataset):
            return True
        if isinstance(pointers.get(document, "/hub"), dict):
            return True
        named = [pointers.get(document, f"/model/spec/{name}") for name in MODEL_FIELDS]
        return any(isinstance(name, str) and not available_locally(name) for name in named)

    def check(self, document: dict[str, Any]) -> None:
        """Check the spec, and what an instant tells of its data. Raises what a run would before it begins."""
        from runner.spec.checking import load_object

        loaded = load_object(document, "the answers")
        section: Any = loaded.spec.data
        section.check(self.folder)
        if loaded.spec.model.spec is not None and loaded.kind is not None:
            section.suits(loaded.spec.model.spec, self.folder)

    def faults(self, document: dict[str, Any]) -> list[Fault]:
        """Everything wrong with the spec as it is now, each with its place."""
        try:
            self.check(document)
        except SpecError as error:
            return error.faults
        except RunnerError as error:
            where = str(error.where or "").partition(":")[0]
            return [Fault(error.message, where if where.startswith("/") else "/data/dataset", hint=error.hint)]
        return []


def _unseen(error: RunnerError, folder: Path) -> str:
    """Why data cannot be looked at: the file's line where one is at fault, and what to do."""
    from runner.data.records.data_files import container_of

    # A place in a file here is told as somebody here would type it.
    place, hints = str(error.where or "").removeprefix(f"{folder}/"), [error.hint] if error.hint else []
    file, _, line = place.rpartition(":")
    if not line.isdecimal():
        place = ""
    elif container_of(file) == "jsonl":
        from runner.data.dialogues.collected import leaves_out

        hints.append(f"of conversations, {leaves_out('process', place)}")
    return (f"{place}: " if place else "") + error.message + (f" ({'; '.join(hints)})" if hints else "")


def _layout(kind: str) -> Any:
    from runner.spec.kinds import spec_class

    return spec_class(kind).data
