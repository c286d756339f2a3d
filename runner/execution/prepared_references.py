"""Prepared data that a spec names: ``dataset/NAME`` becomes the files of its parts, and how they were made is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.data.holdout import Holdout
from runner.errors import ConflictError, DataError, RunnerError
from runner.execution.plan_document import PlanDocument
from runner.runs.run_folder import State, all_runs
from runner.spec.envelope import TrainingSpec
from runner.store import prepared_data
from runner.store.model_lookup import listing
from runner.store.prepared_data import PreparedData
from runner.store.typed_documents import JsonObject
from runner.workspace import Workspace

#: The parts that a field takes of prepared data, the first that is there.
PARTS = {"dataset": ("train", "data"), "validation_data": ("validation", "test", "data")}
#: Layouts that write rows in a chat template.
IN_TURNS = ("conversations", "preferences", "labelled_answers", "rewarded_prompts", "pictured_dialogues")


@dataclass
class Resolved:
    """A ``data`` section whose names of prepared data are files, and what is to be said of them."""

    section: Any
    #: The section's field -> how what it reads was made (:meth:`PreparedData.lineage`).
    lineage: dict[str, JsonObject] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def with_prepared(spec: TrainingSpec, workspace: Workspace, cwd: Path) -> tuple[TrainingSpec, Resolved]:
    """The spec with the files of the prepared data that it names. Raises :class:`~runner.errors.NotFoundError` for a
    name of nothing, :class:`~runner.errors.IntegrityError` for files that were changed, at the field that names them.
    """
    resolved = resolve_section(spec.data, workspace.store, cwd)
    if resolved.section is spec.data:
        return spec, resolved
    return spec.model_copy(update={"data": resolved.section}), resolved


def resolve_section(section: Any, store: Path, cwd: Path) -> Resolved:
    """The same of a ``data`` section.

    Of prepared data with several parts, ``train`` is learned, and ``validation`` is measured on where the section says
    nothing of what is held out.
    """
    found = Resolved(section)
    changes: dict[str, str] = {}
    for name in PARTS:
        value = getattr(section, name, None)
        if not isinstance(value, str):
            continue
        try:
            _resolve(found, changes, name, value, store, cwd)
        except RunnerError as error:
            pointer = f"/data/{name}"
            error.where = f"{pointer} ({error.where})" if error.where else pointer
            raise
    if changes:
        found.section = section.model_copy(update=changes)
    return found


def _resolve(found: Resolved, changes: dict[str, str], name: str, value: str, store: Path, cwd: Path) -> None:
    prepared = prepared_data.named(store, value, cwd)
    path = None
    if prepared is None:
        try:
            path = cwd / Path(value).expanduser()
        except RuntimeError:
            # A home that is not there: told with all that is wrong with paths.
            return
        whole = path.is_dir()
        prepared = prepared_data.in_folder(path if whole else path.parent)
        if prepared is None:
            return
        # What else the user has put into the folder is no step's.
        if not whole and path not in prepared.parts.values():
            return
    prepared.verify()
    _refuse_rendered(found.section, prepared)
    found.lineage[name] = _told(found, prepared)
    if path is not None and not path.is_dir():
        return
    chosen = _part(prepared, name)
    changes[name] = str(prepared.parts[chosen].absolute())
    told = f"{value} is {prepared.reference}" if prepared.name is not None else value
    found.notes.append(f"{told}: {chosen}, {prepared.rows[chosen]:,} rows")
    if name == "dataset" and _says_no_holdout(found.section) and "validation" in prepared.parts:
        changes["validation_data"] = str(prepared.parts["validation"].absolute())
        found.lineage["validation_data"] = _told(found, prepared)
        found.notes.append(f"held out: validation of {prepared.reference}, {prepared.rows['validation']:,} rows")


def _told(found: Resolved, prepared: PreparedData) -> JsonObject:
    """How it was made; of what another field names too, only which it is."""
    lineage = prepared.lineage()
    if any(each["reference"] == prepared.reference for each in found.lineage.values()):
        return {key: lineage[key] for key in ("reference", "sha256")}
    return lineage


def _part(prepared: PreparedData, name: str) -> str:
    parts = prepared.parts
    if len(parts) == 1:
        return next(iter(parts))
    for each in PARTS[name]:
        if each in parts:
            return each
    raise DataError(
        f"the parts are {', '.join(parts)}, and none is {PARTS[name][0]}",
        where=prepared.reference,
        hint=f"name the file of one: {prepared.parts[next(iter(parts))]}",
    )


def _says_no_holdout(section: Any) -> bool:
    return isinstance(section, Holdout) and not section.model_fields_set & {"validation_split", *section.WAYS}


def _refuse_rendered(section: Any, prepared: PreparedData) -> None:
    """Raise :class:`DataError` for rows that are rendered already, where training renders them."""
    if section.layout in IN_TURNS and any(each["step"] == "render" for each in prepared.steps):
        raise DataError(
            "the rows are rendered, and training would put the chat template's marks around them a second time",
            where=prepared.reference,
            hint="train on the rows before `render`: training renders them itself",
        )


def need_unread(workspace: Workspace, wanted: Sequence[PreparedData]) -> None:
    """Raise :class:`ConflictError` for stored data that a run which is not over reads."""
    names = {each.reference for each in wanted}
    for run in all_runs(workspace.runs):
        try:
            if run.state().state in (State.SUCCEEDED, State.CANCELLED):
                continue
            plan = run.read("plan", PlanDocument)
        except RunnerError:
            continue
        for read in plan.prepared.values() if plan is not None else ():
            if read["reference"] in names:
                raise ConflictError(
                    f"the run {run.id} reads it, and is not over",
                    where=read["reference"],
                    hint=f"let it end, or remove it: runner runs remove {run.id} --yes",
                )


def trained_on(store: Path, references: set[str]) -> list[tuple[str, str]]:
    """The stored models that were trained on some stored data, each with the data's name, as their locks say."""
    found = []
    for model in listing(store):
        try:
            prepared = model.manifest().lock.prepared
        except RunnerError:
            continue
        named = {each["reference"] for each in prepared.values()} & references
        found += [(model.reference, name) for name in sorted(named)]
    return found
