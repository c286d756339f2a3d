"""``runner runs remove | prune``"""

from __future__ import annotations

from runner.cli.parameters import Json
from runner.cli.removal_report import Yes, age, carry_out, check_rule, refuse
from runner.execution import removal_rules
from runner.runs.run_folder import find_run
from runner.runs.run_removal import clear, leftovers, remove_run
from runner.workspace import Workspace


def remove(*run: str, yes: Yes = False, json: Json = False) -> None:
    """Remove runs, resumable ones too. The models that they stored stay. One that is at work, or whose upload waits,
    is refused.

    Example: runner runs remove 20260131-120000-elo-1a2b

    Parameters
    ----------
    run
        The runs: the id, or a part of it that fits no other.
    """
    from runner.errors import UsageError

    workspace = Workspace.current()
    if not run:
        raise UsageError("which runs?", hint="runner runs remove RUN; `runner runs list` lists them")
    found = {each.id: each for each in (find_run(workspace.runs, reference) for reference in run)}
    decided = removal_rules.Removals([], [])
    for each in found.values():
        told = removal_rules.of_run(workspace, each)
        if isinstance(told, removal_rules.Going):
            decided.going.append(told)
        else:
            decided.kept.append(told)
    refuse(decided.kept)
    carry_out(decided, remove_run, clear, what="runs", yes=yes, as_json=json)


def prune(*, older_than: str | None = None, keep: int | None = None, yes: Yes = False, json: Json = False) -> None:
    """Remove runs that are over, but for what a queued upload needs. Those that can be resumed stay.

    Example: runner runs prune --older-than 30d

    Parameters
    ----------
    older_than
        Only those that ended longer ago than that: 12h, 30d, 4w.
    keep
        So many of the newest runs stay.
    """
    workspace = Workspace.current()
    check_rule(older_than, keep, "runs")
    rule = removal_rules.Rule(age(older_than), keep)
    decided = removal_rules.pruned_runs(workspace, rule, leftovers(workspace.runs))
    carry_out(decided, remove_run, clear, what="runs", yes=yes, as_json=json)
