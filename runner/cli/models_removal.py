"""``runner models remove | prune``"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from runner.cli.parameters import Json
from runner.cli.removal_report import Yes, age, carry_out, check_rule, refuse
from runner.errors import NotFoundError, UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.execution.removal_rules import Removals
    from runner.store.model_lookup import StoredModel


def remove(*model: str, yes: Yes = False, json: Json = False) -> None:
    """Remove stored models. What another model, an open run or a queued upload needs is refused.

    Example: runner models remove elo_scoring/elo/v1

    Parameters
    ----------
    model
        The models: TYPE/NAME is every version, TYPE/NAME/vN one.
    """
    from runner.execution import removal_rules

    workspace = Workspace.current()
    if not model:
        raise UsageError("which models?", hint="runner models remove TYPE/NAME, or TYPE/NAME/vN")
    wanted = {found.reference: found for reference in model for found in _named(workspace, reference)}
    decided = removal_rules.of_models(workspace, list(wanted.values()))
    refuse(decided.kept, "runner models show TYPE/NAME tells what a model was made from")
    _carry_out(decided, yes, json)


def prune(
    *,
    older_than: str | None = None,
    keep: int | None = None,
    type_: Annotated[str | None, Parameter(name="--type")] = None,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Remove old versions of stored models, but for what another model, an open run or a queued upload needs.

    Example: runner models prune --older-than 30d --keep 2

    Parameters
    ----------
    older_than
        Only those that were stored longer ago than that: 12h, 30d, 4w.
    keep
        So many of the newest versions of each model stay.
    type_
        Only models of this type.
    """
    from runner import registry
    from runner.execution import removal_rules

    workspace = Workspace.current()
    check_rule(older_than, keep, "models")
    rule = removal_rules.Rule(age(older_than), keep, type_)
    if type_ is not None and not (workspace.store / type_).is_dir():
        # That there is no such type is a better message than that nothing is stored of it.
        registry.load(type_)
    _carry_out(removal_rules.pruned_models(workspace, rule), yes, json)


def _carry_out(decided: Removals, yes: bool, as_json: bool) -> None:
    from runner.store import version_deletion

    store = Workspace.current().store
    carry_out(
        decided,
        partial(version_deletion.remove, store),
        version_deletion.clear,
        what="models",
        yes=yes,
        as_json=as_json,
    )


def _named(workspace: Workspace, text: str) -> list[StoredModel]:
    """The versions that a reference names; of a bare name all. Raises :class:`UsageError` for a path,
    :class:`NotFoundError` with the nearest name."""
    from runner.store.model_lookup import find, named_by_path, versions
    from runner.store.names import parse_reference

    try:
        wanted = parse_reference(text)
        found = find(workspace.store, wanted)
    except (UsageError, NotFoundError) as error:
        if (model := named_by_path(workspace.store, text)) is not None:
            raise UsageError(f"{text!r} is a folder, and a model is named", hint=f"its name is {model}") from None
        raise error
    if wanted.version is not None:
        return [found]
    return versions(workspace.store, found.model_type, found.name)
