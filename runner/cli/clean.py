"""``runner clean``: what can be made again, taken away. Raw data never, and models only where they are named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from runner.cli.output import show, table
from runner.cli.parameters import Json
from runner.cli.removal_report import Yes
from runner.workspace import Workspace

What = Literal["steps", "outputs", "datasets", "runs", "models"]


@dataclass(frozen=True)
class _Going:
    name: str
    what: str
    path: Path
    remove: Callable[[], None]


@dataclass(frozen=True)
class _Kept:
    name: str
    why: str


def clean(*what: What, yes: Yes = False, json: Json = False) -> None:
    """Remove what the steps of data made in folders below this one, and what steps that were killed have left.

    Named beside it: steps, outputs (of `runner infer`), datasets (stored ones), runs and models. Raw data is never
    touched, nor is anything that no step made.

    Example: runner clean

    Example: runner clean steps outputs --yes
    """
    workspace = Workspace.current()
    going: list[_Going] = []
    kept: list[_Kept] = []
    for each in dict.fromkeys(what or ("steps",)):
        _FOUND[each](workspace, going, kept)
    from runner.store.version_deletion import bytes_freed

    freed = bytes_freed([each.path for each in going])
    if yes:
        for one in going:
            one.remove()
    document: dict[str, Any] = {
        "done": yes,
        "removed" if yes else "would_remove": [
            {"name": each.name, "what": each.what, "path": str(each.path)} for each in going
        ],
        "kept": [{"name": each.name, "why": each.why} for each in kept],
        "bytes": freed,
    }
    show(
        document, lambda: _text(going, kept, freed, yes), as_json=json,
        kept=f"{len(going)} removed" if yes else None,
    )  # fmt: skip


def _text(going: list[_Going], kept: list[_Kept], freed: int, done: bool) -> str:
    from runner.tasks.compared import size

    parts = []
    if going:
        parts.append(table(("REMOVED" if done else "WOULD BE REMOVED", "WHAT"), [(g.name, g.what) for g in going]))
    if kept:
        parts.append(table(("KEPT", "WHY"), [(each.name, each.why) for each in kept]))
    if not going:
        parts.append("there is nothing to remove")
    elif done:
        parts.append(f"{len(going)} removed, {size(freed)} free again")
    else:
        parts.append(f"nothing is removed yet; --yes removes {len(going)}: {size(freed)} are free then")
    return "\n\n".join(parts)


def _steps(workspace: Workspace, going: list[_Going], kept: list[_Kept]) -> None:
    from runner.pipeline.steps.cleaning import made_below

    for each in made_below(workspace):
        name = _shown(each.path)
        if each.why is not None:
            kept.append(_Kept(name, each.why))
        else:
            what = "left by a step that was killed" if each.left else f"made by {each.step}"
            going.append(_Going(name, what, each.path, _away(each.path)))


def _outputs(workspace: Workspace, going: list[_Going], kept: list[_Kept]) -> None:
    folder = workspace.outputs
    for each in sorted(folder.iterdir()) if folder.is_dir() else ():
        going.append(_Going(_shown(each), "output of infer", each, _away(each)))


def _datasets(workspace: Workspace, going: list[_Going], kept: list[_Kept]) -> None:
    from functools import partial

    from runner.errors import ConflictError
    from runner.execution.prepared_references import need_unread
    from runner.store import prepared_data

    for each in prepared_data.listing(workspace.store):
        try:
            need_unread(workspace, [each])
        except ConflictError as error:
            kept.append(_Kept(each.reference, error.message))
            continue
        going.append(_Going(each.reference, "stored data", each.path, partial(prepared_data.remove, each)))


def _runs(workspace: Workspace, going: list[_Going], kept: list[_Kept]) -> None:
    from functools import partial

    from runner.execution.removal_rules import Rule, pruned_runs
    from runner.runs import run_removal

    removed: Callable[[Any], None] = run_removal.remove_run
    decided = pruned_runs(workspace, Rule(keep=0), [])
    kept += [_Kept(each.name, each.why) for each in decided.kept]
    going += [_Going(each.name, "run", each.path, partial(removed, each.item)) for each in decided.going]


def _models(workspace: Workspace, going: list[_Going], kept: list[_Kept]) -> None:
    from functools import partial

    from runner.execution.removal_rules import Rule, pruned_models
    from runner.store import version_deletion

    removed: Callable[[Path, Any], None] = version_deletion.remove
    decided = pruned_models(workspace, Rule(keep=0))
    kept += [_Kept(each.name, each.why) for each in decided.kept]
    going += [
        _Going(each.name, "model", each.path, partial(removed, workspace.store, each.item)) for each in decided.going
    ]


def _away(path: Path) -> Callable[[], None]:
    def away() -> None:
        from runner.store.files import cannot_write
        from runner.store.version_deletion import take_away

        try:
            if path.is_dir() or path.is_symlink():
                take_away(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(path, error) from error

    return away


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


_FOUND: dict[str, Callable[[Workspace, list[_Going], list[_Kept]], None]] = {
    "steps": _steps, "outputs": _outputs, "datasets": _datasets, "runs": _runs, "models": _models,
}  # fmt: skip
