"""Which stored models and which runs may go, which stay, and why."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from runner.errors import EnvironmentProblem, RunnerError
from runner.execution.model_needs import Need, needs, upload_of
from runner.runs.liveness import is_held
from runner.runs.run_folder import WORKER_LOCK, Run, State, all_runs
from runner.store.manifest import NAME
from runner.store.model_lookup import StoredModel, listing
from runner.store.version_deletion import bytes_freed, leftovers
from runner.workspace import Workspace

#: States that a run can be gone on with from, and what is said of one whose state cannot be read.
RESUMABLE = (State.FAILED, State.INTERRUPTED)
DAMAGED, UNREADABLE = "damaged", "unreadable"


@dataclass(frozen=True)
class Rule:
    """What is pruned. All that is said has to hold."""

    #: Seconds.
    older_than: float | None = None
    #: So many of the newest stay: versions of each model, or runs.
    keep: int | None = None
    model_type: str | None = None

    def spares(self, age: float, newer: int) -> str | None:
        """Why the rule leaves one that is so old, and of which so many are newer; None where it takes it."""
        if self.older_than is not None and age < self.older_than:
            return "not old enough"
        if self.keep is not None and newer < self.keep:
            return f"among the newest {self.keep}" if self.keep > 1 else "the newest"
        return None


@dataclass(frozen=True)
class Going:
    """One that goes."""

    name: str
    path: Path
    #: Seconds since 1970.
    made: float
    #: What the disk has more if this goes alone.
    bytes: int
    item: StoredModel | Run
    state: str | None = None


@dataclass(frozen=True)
class Kept:
    """One that stays."""

    name: str
    why: str
    #: What ends that; None where the rule simply does not take it.
    hint: str | None = None


@dataclass(frozen=True)
class Removals:
    """What goes, in the order in which it may, and what stays."""

    going: list[Going]
    kept: list[Kept]
    #: What is left of removals that were killed.
    leftovers: list[Path] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """What the disk has more when all of it is gone: files that several of them share count once, and those that
        others have too do not."""
        return bytes_freed([*(each.path for each in self.going), *self.leftovers])


def of_models(workspace: Workspace, wanted: Sequence[StoredModel]) -> Removals:
    """Which of the stored models may go, each before those that it was made from."""
    going, blocked = removable(wanted, needs(workspace))
    kept = [Kept(reference, need.why, need.hint) for reference, found in blocked.items() for need in found]
    return Removals([_model(model) for model in going], kept)


def pruned_models(workspace: Workspace, rule: Rule) -> Removals:
    """Which stored models the rule takes."""
    now = time.time()
    homes: dict[Path, list[StoredModel]] = {}
    for model in listing(workspace.store):
        if rule.model_type in (None, model.model_type):
            homes.setdefault(model.path.parent, []).append(model)
    wanted, spared = [], []
    for found in homes.values():
        for newer, model in enumerate(sorted(found, key=lambda each: -each.version)):
            why = rule.spares(now - made(model), newer)
            if why is None:
                wanted.append(model)
            else:
                spared.append(Kept(model.reference, why))
    decided = of_models(workspace, wanted)
    left = [path for home in workspace.store.glob("*/*") if home.is_dir() for path in leftovers(home)]
    return Removals(decided.going, [*decided.kept, *spared], left)


def removable(
    wanted: Iterable[StoredModel], needed: Mapping[str, Sequence[Need]]
) -> tuple[list[StoredModel], dict[str, list[Need]]]:
    """Those that nobody needs but others that go too, and for the others who needs them."""
    going = {model.reference: model for model in wanted}
    kept: dict[str, list[Need]] = {}
    while True:
        blocked = {each: [need for need in needed.get(each, ()) if need.model not in going] for each in going}
        blocked = {each: found for each, found in blocked.items() if found}
        if not blocked:
            break
        kept |= blocked
        going = {each: model for each, model in going.items() if each not in blocked}
    ordered: list[StoredModel] = []
    while going:
        # A cut in the middle must not leave a model whose origin is gone.
        last = {each for each in going if any(need.model in going for need in needed.get(each, ()))}
        free = [each for each in going if each not in last] or list(going)
        ordered += [going.pop(each) for each in free]
    return ordered, kept


def made(model: StoredModel) -> float:
    """When a model was stored, seconds since 1970; of one that does not say so, by its manifest's time."""
    try:
        created = model.manifest().created
        return datetime.strptime(created or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except (RunnerError, ValueError):
        return _changed(model.path / NAME)


def _changed(path: Path) -> float:
    """When a file or folder was changed last, seconds since 1970; now, where that cannot be told: it is not old."""
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


def _model(model: StoredModel) -> Going:
    return Going(model.reference, model.path, made(model), bytes_freed([model.path]), model)


def of_run(workspace: Workspace, run: Run) -> Going | Kept:
    """Whether a run that was asked for by its name may go: one that is open may, one that is at work may not."""
    state, ended = _state(run)
    if state in (State.RUNNING, State.PENDING):
        return Kept(run.id, f"it is {state}", f"stop it first: runner runs stop {run.id}")
    if run.supervised() is not False or is_held(run.path / WORKER_LOCK) is not False:
        return Kept(run.id, "a process holds it", f"runner runs logs {run.id} --follow")
    upload = upload_of(workspace, run.path)
    if upload is not None:
        return Kept(run.id, upload.why, upload.hint)
    return Going(run.id, run.path, ended, bytes_freed([run.path]), run, state)


def pruned_runs(workspace: Workspace, rule: Rule, left: Sequence[Path]) -> Removals:
    """Which runs the rule takes, of those that are over. ``left``: what removals that were killed have left."""
    now, removals = time.time(), Removals([], [], list(left))
    for newer, run in enumerate(all_runs(workspace.runs)):
        state, ended = _state(run)
        why = rule.spares(now - ended, newer)
        if why is not None:
            removals.kept.append(Kept(run.id, why))
        elif state in RESUMABLE:
            hint = f"runner train --resume {run.id}, or runner runs remove {run.id}"
            removals.kept.append(Kept(run.id, f"{state}: it can be resumed", hint))
        elif state in (DAMAGED, UNREADABLE):
            removals.kept.append(Kept(run.id, state, f"runner runs remove {run.id}"))
        elif isinstance(found := of_run(workspace, run), Going):
            removals.going.append(found)
        else:
            removals.kept.append(found)
    return removals


def _state(run: Run) -> tuple[str, float]:
    """A run's state, or what hinders to read it, and when it ended, else was made."""
    try:
        state = run.state()
    except EnvironmentProblem:
        return UNREADABLE, _changed(run.path)
    except RunnerError:
        return DAMAGED, _changed(run.path)
    return state.state, state.ended or state.created or _changed(run.path)
