"""What is compared: specs with the command line's changes in them, of one data section, in the order to train them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner import registry
from runner.contract import DataSection, Task
from runner.errors import RunnerError, UsageError
from runner.execution.chain import Link, SpecsError, order
from runner.spec.canonical import canonical
from runner.spec.checking import LoadedSpec, for_kind, load_document
from runner.spec.origins import overridden
from runner.store.model_lookup import find
from runner.workspace import Workspace


@dataclass(frozen=True)
class Changes:
    """What the command line puts in place of the specs' own values; None leaves them."""

    dataset: str | None = None
    max_samples: int | None = None
    validation_split: float | None = None
    seed: int | None = None
    epochs: int | None = None
    min_model_rows: int | None = None

    def data(self, own: dict[str, Any], section: type[DataSection]) -> dict[str, Any]:
        """The data section: a data set that is named takes the place of the whole, its details have their defaults.

        What is predicted stays, such as the target of a table.
        """
        given = {name: getattr(self, name) for name in ("max_samples", "validation_split", "seed")}
        told = {name: value for name, value in given.items() if value is not None}
        if self.dataset is None:
            return own | told
        kept = {name: value for name, value in own.items() if name in section.kept}
        return kept | {"dataset": self.dataset} | told


@dataclass(frozen=True)
class Candidate:
    """One model of a comparison, before it is trained."""

    label: str
    kind: str
    loaded: LoadedSpec
    source: str

    @property
    def task(self) -> Task:
        """What its models answer."""
        return registry.task(self.kind)


def candidates(specs: Sequence[LoadedSpec], changes: Changes, workspace: Workspace) -> list[Candidate]:
    """Every spec as it will be trained, those after others that name them.

    Raises :class:`~runner.execution.chain.SpecsError` for specs that the changes make invalid or that start from a
    model that is nowhere, and :class:`UsageError` where their data sections differ.
    """
    chain = order(specs, repeated=True)
    kinds: list[tuple[Link, str]] = []
    changed, errors = [], []
    for link in chain:
        try:
            kinds.append((link, _kind(link, workspace)))
        except RunnerError as error:
            errors.append((link.source, error))
    _refuse_other_layouts(kinds)
    for link, kind in kinds:
        try:
            changed.append((link, kind, _change(link.loaded, kind, changes)))
        except RunnerError as error:
            errors.append((link.source, error))
    if errors:
        raise SpecsError(errors, len(chain))
    labels = _labels([(link, kind) for link, kind, _ in changed])
    found = [
        Candidate(label, kind, loaded, _source(link))
        for label, (link, kind, loaded) in zip(labels, changed, strict=True)
    ]
    _refuse_other_data(found)
    return found


def _kind(link: Link, workspace: Workspace) -> str:
    if link.kind is not None:
        registry.load(link.kind)
        return link.kind
    try:
        return find(workspace.store, link.loaded.spec.model.start_state or "").model_type
    except RunnerError as error:
        error.where = f"/model/start_state ({error.where})" if error.where else "/model/start_state"
        raise


def _change(loaded: LoadedSpec, kind: str, changes: Changes) -> LoadedSpec:
    started = loaded.spec.model.start_state is not None
    loaded = for_kind(loaded, kind) if started else loaded
    section = registry.load(kind).Spec
    flags: dict[str, Any] = {"/data": changes.data(canonical(loaded.spec)["data"], section.data)}
    if changes.epochs is not None and section.uses_epochs:
        flags["/epochs"] = changes.epochs
    # A model that starts from a stored one has that one's spec, filter and all.
    if changes.min_model_rows is not None and not started:
        flags |= {f"/model/spec/{name}": changes.min_model_rows for name in section.row_filters}
    return load_document(loaded.document, overridden(loaded.value, flags), kind if started else None)


def _labels(models: Sequence[tuple[Link, str]]) -> list[str]:
    """``type/name``, with the file's name, or a number, where that is not enough to tell them apart."""
    names = [f"{kind}/{link.loaded.spec.model.name}" for link, kind in models]
    longer = [
        f"{name} ({_source(link)})" if names.count(name) > 1 else name
        for name, (link, _) in zip(names, models, strict=True)
    ]
    return [
        f"{name} #{longer[: at + 1].count(name)}" if longer.count(name) > 1 else name for at, name in enumerate(longer)
    ]


def _source(link: Link) -> str:
    """The file's name as text: its bytes may be none."""
    return link.source.encode(errors="backslashreplace").decode()


def _refuse_other_layouts(kinds: Sequence[tuple[Link, str]]) -> None:
    """No change of the command line makes one data set of comparisons and of a table's rows."""
    layouts: dict[str, list[str]] = {}
    for link, kind in kinds:
        told = f"{_source(link)} ({kind}, {registry.task(kind).name})"
        layouts.setdefault(registry.load(kind).Spec.data.layout, []).append(told)
    if len(layouts) > 1:
        raise UsageError(
            "the specs read different kinds of data: "
            + "; ".join(f"{layout.replace('_', ' ')} in {', '.join(told)}" for layout, told in layouts.items()),
            hint="compare those of one kind of data at a time",
        )


def _refuse_other_data(found: Sequence[Candidate]) -> None:
    sections = [canonical(candidate.loaded.spec)["data"] for candidate in found]
    different = []
    for name in dict.fromkeys(name for section in sections for name in section):
        values: dict[str, list[str]] = {}
        for candidate, section in zip(found, sections, strict=True):
            values.setdefault(_shown(section.get(name)), []).append(candidate.source)
        if len(values) > 1:
            told = "; ".join(f"{value} in {', '.join(sources)}" for value, sources in values.items())
            different.append(f"/data/{name}: {told}")
    tasks = {candidate.source: candidate.task.name for candidate in found}
    if different and len(set(tasks.values())) > 1:
        different.append("and their tasks differ: " + ", ".join(f"{task} in {name}" for name, task in tasks.items()))
    if different:
        raise UsageError(
            "the specs do not have the same data: " + "\n  ".join(["", *different]).lstrip("\n"),
            hint="--data sample (or a file, or a data set's name) gives all of them one; so do --max-samples, "
            "--validation-split and --seed for one field",
        )


def _shown(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
