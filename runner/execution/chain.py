"""Several specs as one chain: those that name another's model come after it, and each goes down the one road."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner import registry
from runner.contract import DataSection
from runner.errors import ConflictError, ExitCode, RunnerError
from runner.execution.failure_classes import RESUMABLE
from runner.execution.plan import Plan, check_requirements, make_plan
from runner.execution.prepared_references import resolve_section
from runner.execution.train_and_resume import Finished, train
from runner.runs.run_folder import Run
from runner.spec.checking import LoadedSpec, for_kind
from runner.store.model_lookup import find
from runner.store.names import ModelReference, parse_reference
from runner.tracking.run_listeners import Listener
from runner.workspace import Workspace, current_folder


class SpecsError(RunnerError):
    """Some of several specs cannot be used: every error of every one. Nothing was started."""

    code = ExitCode.SPEC_INVALID
    kind = "spec"

    def __init__(self, errors: Sequence[tuple[str, RunnerError]], among: int) -> None:
        count = len({source for source, _ in errors})
        super().__init__(f"{count} of {among} specs cannot be used; nothing was started")
        self.errors = list(errors)
        # One code where all errors have it; an invalid document is the plainest of several.
        codes = {error.code for _, error in errors}
        if ExitCode.SPEC_INVALID not in codes:
            self.code = errors[0][1].code  # type: ignore[misc]

    def as_dict(self) -> dict[str, Any]:
        told = [{"source": source} | error.as_dict() for source, error in self.errors]
        return super().as_dict() | {"specs": told}


@dataclass(frozen=True)
class Link:
    """One spec of a chain."""

    loaded: LoadedSpec
    #: The kind that it trains; None where that is known only from a stored model that is not there.
    kind: str | None
    #: The field that names a model of another spec in the chain -> that spec's place in the list that was given.
    needs: dict[str, int] = field(default_factory=dict)
    #: Its own place in that list.
    place: int = 0

    @property
    def source(self) -> str:
        """The file that it was read from."""
        return self.loaded.document.source

    @property
    def model(self) -> str:
        """``type/name``, as far as it is known."""
        name = self.loaded.spec.model.name
        return f"{self.kind}/{name}" if self.kind else name


@dataclass(frozen=True)
class Done:
    """What became of one spec of a chain."""

    link: Link
    #: One of the two, or neither where it was not started.
    finished: Finished | None = None
    error: RunnerError | None = None

    def as_dict(self) -> dict[str, Any]:
        """Its entry in the ``--json`` list."""
        head = {"source": self.link.source, "name": self.link.loaded.spec.model.name}
        if self.finished is not None:
            return head | self.finished.as_dict()
        return head | ({"state": "not started"} if self.error is None else {"state": "failed"} | self.error.as_dict())


def load_all(sources: Sequence[Any], read: Callable[[Any], LoadedSpec]) -> list[LoadedSpec]:
    """Read and check every spec before anything is done with one. Raises :class:`SpecsError` with all that is wrong."""
    loaded, errors = [], []
    for source in sources:
        try:
            loaded.append(read(source))
        except RunnerError as error:
            errors.append((str(source), error))
    if errors:
        raise SpecsError(errors, len(sources))
    return loaded


def order(specs: Sequence[LoadedSpec], *, repeated: bool = False) -> list[Link]:
    """The specs as a chain: each after those whose models it names, else as they were given.

    A reference without a version means a spec of the list before a stored model; one to its own name means the stored
    one. Raises :class:`ConflictError` for a cycle, for a name that fits several specs, and, unless ``repeated``, for
    two specs that store under one name.
    """
    kinds = _kinds(specs)
    if not repeated:
        _refuse_repeated(specs, kinds)
    links = []
    for at, spec in enumerate(specs):
        needs = {}
        for pointer, reference in references(spec):
            named = [other for other in _named(specs, kinds, reference) if other != at]
            if len(named) > 1:
                raise ConflictError(
                    f"{reference!r} fits {len(named)} specs: {_sources(specs, named)}",
                    where=f"{spec.document.source}: {pointer}",
                    hint="write TYPE/NAME, or give the models names of their own",
                )
            if named:
                needs[pointer] = named[0]
        links.append(Link(spec, kinds[at], needs, at))
    return [links[at] for at in _sorted([set(link.needs.values()) for link in links], links)]


def references(loaded: LoadedSpec) -> Iterator[tuple[str, str]]:
    """The models that a spec names: JSON pointer and reference."""
    if loaded.spec.model.start_state is not None:
        yield "/model/start_state", loaded.spec.model.start_state
    elif loaded.spec.model.spec is not None:
        for name, reference in loaded.spec.model.spec.stored_models().items():
            yield f"/model/spec/{name}", reference


def check(chain: Sequence[Link], workspace: Workspace, executor: str | None = None) -> None:
    """What can be told before anything is trained: a spec that waits for no other is planned whole; of the others,
    that every model they name is in the chain or stored, and is of the task that the field needs.

    Raises :class:`SpecsError` with everything that is wrong with any.
    """
    errors = []
    given = {link.model: link for link in chain}
    for link in chain:
        try:
            if not link.needs:
                check_requirements(make_plan(link.loaded, workspace, executor=executor))
                continue
        except RunnerError as error:
            errors.append((link.source, error))
            continue
        errors += [(link.source, error) for error in _check_waiting(link, given, workspace)]
    if errors:
        raise SpecsError(errors, len(chain))


def _check_waiting(link: Link, given: dict[str, Link], workspace: Workspace) -> list[RunnerError]:
    errors: list[RunnerError] = []
    section = link.loaded.spec.model.spec
    for pointer, reference in references(link.loaded):
        try:
            if pointer not in link.needs:
                kind: str | None = find(workspace.store, reference).model_type
            else:
                kind = next(other.kind for other in given.values() if _fits(reference, other))
            needed = (
                section.references[pointer.removeprefix("/model/spec/")] if section and "/spec/" in pointer else None
            )
            if needed and needed.task and kind and (task := registry.task(kind).name) != needed.task:
                raise ConflictError(f"{reference} is a model of {task}, and a model of {needed.task} is needed")
        except RunnerError as error:
            error.where = f"{pointer} ({error.where})" if error.where else pointer
            errors.append(error)
    try:
        loaded = for_kind(link.loaded, link.kind) if section is None and link.kind else link.loaded
        if isinstance(loaded.spec.data, DataSection):
            data: DataSection = resolve_section(loaded.spec.data, workspace.store, current_folder()).section
            data.check(current_folder())
            if loaded.spec.model.spec is not None:
                data.suits(loaded.spec.model.spec, current_folder())
    except RunnerError as error:
        errors.append(error)
    return errors


def train_all(
    chain: Sequence[Link],
    workspace: Workspace,
    *,
    executor: str | None = None,
    anyway: bool = False,
    listeners: Callable[[Link], Sequence[Listener]] = lambda link: (),
    announce: Callable[[Run, Plan], None] = lambda run, plan: None,
    ended: Callable[[Done], None] = lambda done: None,
) -> list[Done]:
    """Train the chain in order, down the road of every run, and stop at the first failure.

    Returns one entry a spec, in the chain's order; the failed one's error says how to go on, and those after it were
    not started.
    """
    done: list[Done] = []
    for at, link in enumerate(chain):
        try:
            finished = train(
                link.loaded,
                workspace,
                executor=executor,
                anyway=anyway,
                listeners=listeners(link),
                announce=announce,
            )
            done.append(Done(link, finished))
            ended(done[-1])
        except RunnerError as error:
            left = [other.source for other in chain[at + 1 :]]
            again = left if isinstance(error, RESUMABLE) else [link.source, *left]
            if again:
                error.hint = "\n  ".join(part for part in (error.hint, _go_on(again, error)) if part)
            done.append(Done(link, error=error))
            ended(done[-1])
            break
    return done + [Done(link) for link in chain[len(done) :]]


def _go_on(sources: Sequence[str], error: RunnerError) -> str:
    import shlex

    first = "then" if isinstance(error, RESUMABLE) else "once that is mended"
    return f"{first}: runner train --spec-file {shlex.join(sources)}"


def _kinds(specs: Sequence[LoadedSpec]) -> list[str | None]:
    """Every spec's kind. One that starts from another model has that model's, in the list or as its reference says."""
    kinds: list[str | None] = [spec.kind for spec in specs]
    for _ in specs:
        for at, spec in enumerate(specs):
            if kinds[at] is None and spec.spec.model.start_state is not None:
                reference = parse_reference(spec.spec.model.start_state)
                named = [other for other in _named(specs, kinds, str(reference)) if other != at]
                kinds[at] = reference.model_type or (kinds[named[0]] if len(named) == 1 else None)
    return kinds


def _refuse_repeated(specs: Sequence[LoadedSpec], kinds: Sequence[str | None]) -> None:
    places: dict[tuple[str | None, str], list[int]] = {}
    for at, spec in enumerate(specs):
        places.setdefault((kinds[at], spec.spec.model.name), []).append(at)
    for (kind, name), same in places.items():
        if len(same) > 1:
            raise ConflictError(
                f"{len(same)} specs store {kind or 'a model'}/{name}: {_sources(specs, same)}",
                where="/model/name",
                hint="give each model of a chain a name of its own",
            )


def _named(specs: Sequence[LoadedSpec], kinds: Sequence[str | None], reference: str) -> list[int]:
    wanted = parse_reference(reference)
    return [at for at, spec in enumerate(specs) if _means(wanted, kinds[at], spec.spec.model.name)]


def _fits(reference: str, link: Link) -> bool:
    return _means(parse_reference(reference), link.kind, link.loaded.spec.model.name)


def _means(wanted: ModelReference, kind: str | None, name: str) -> bool:
    # A version is one that is stored: what a chain will store has none yet.
    return wanted.version is None and wanted.name == name and wanted.model_type in (None, kind)


def _sorted(needs: Sequence[set[int]], links: Sequence[Link]) -> list[int]:
    """A stable topological order: again and again the first that waits for nothing."""
    left, placed = list(range(len(needs))), list[int]()
    while left:
        ready = next((at for at in left if needs[at] <= set(placed)), None)
        if ready is None:
            names = [f"{links[at].source} ({links[at].model})" for at in _cycle(needs, set(left))]
            raise ConflictError(
                f"the specs wait for one another: {' -> '.join(names)}",
                hint="a model is trained before what refers to it; take one of the references out",
            )
        left.remove(ready)
        placed.append(ready)
    return placed


def _cycle(needs: Sequence[set[int]], left: set[int]) -> list[int]:
    """Specs of which each waits for the next, the first and the last the same; everyone ``left`` waits for one left."""
    path = [min(left)]
    while True:
        ahead = min(needs[path[-1]] & left)
        if ahead in path:
            return [*path[path.index(ahead) :], ahead]
        path.append(ahead)


def _sources(specs: Sequence[LoadedSpec], places: Sequence[int]) -> str:
    return ", ".join(specs[at].document.source for at in places)
