"""``runner sweep run | show | best | add | export | array | list``"""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from runner.cli.output import fault_text, say, show, table
from runner.cli.parameters import Dash, Json
from runner.errors import ExitCode, NotFoundError, UsageError
from runner.workspace import Workspace

if TYPE_CHECKING:
    from runner.sweeps.journal import Record, Trial
    from runner.sweeps.sweep_checking import CheckedSweep
    from runner.sweeps.sweep_folder import SweepFolder

#: Trials that a terminal is shown unless more are asked for.
SHOWN = 100

Name_ = Annotated[str, Parameter(help="The sweep's name.")]


def run(
    file: Annotated[Path, Dash, Parameter(help="The sweep: a file, or - for standard input.")],
    *,
    executor: Literal["auto", "local", "docker", "slurm", "ray", "kubernetes"] | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    retry_failed: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Run a sweep, or go on with it where it was stopped: many specs of one, and a journal of what became of them.

    Example: runner sweep run specs/sweeps/elo_scoring.json

    Parameters
    ----------
    executor
        Where every trial runs; overrides the base spec's run.executor.
    dry_run
        Check everything, print the specs that would be trained, as far as they can be told, and start nothing.
    retry_failed
        Train failed trials again, before new ones.
    """
    checked = checked_sweep(file)
    workspace = Workspace.current()
    sweep = checked.loaded.sweep
    from runner.sweeps import best_model, running, sweep_tables, trial_gpus

    if dry_run:
        running.plan_each(checked, workspace, executor)
        trial_gpus.dealer(checked, executor)
        _explain(checked, json)
        return ExitCode.DONE

    said: list[str] = []

    def told(trial: Trial, record: Record) -> None:
        say(sweep_tables.line(trial, record, checked.trials))

    ended = running.run_sweep(
        checked, workspace, executor=executor, retry_failed=retry_failed, told=told, said=lambda text: say(text)
    )
    record = ended.record
    promoted = best_model.promote_best(record, checked.loaded.base.spec.model.name, workspace)
    if sweep.keep_models == "best":
        said += best_model.remove_others(record, workspace)
    page = _write_page(ended.folder, record, checked)
    for text in said:
        say(text)
    document = sweep_tables.document(record, sweep.name) | {
        "stored_as": promoted.reference if promoted else None,
        "page": str(page),
        "notes": [*ended.notes, *said],
    }
    show(document, lambda: _ending(record, sweep.name, document), as_json=json)
    return ExitCode.DONE


def show_sweep(
    name: Name_,
    *,
    limit: int = SHOWN,
    html: Annotated[Path | None, Parameter(help="Write its page into this file.")] = None,
    json: Json = False,
) -> None:
    """A sweep's trials: what was tried, what became of it, what it came to.

    Example: runner sweep show elo-ratings

    Parameters
    ----------
    limit
        At most this many, the newest; 0 is all of them.
    """
    from runner.pages.table_text import as_text
    from runner.store.files import write_atomic
    from runner.sweeps import sweep_page, sweep_tables

    if limit < 0:
        raise UsageError(f"{limit} is no number of trials", where="--limit", hint="0 is all of them")
    folder = _found(name)
    record = folder.seen(None if html is not None or limit == 0 else limit)
    if html is not None:
        write_atomic(html, sweep_page.page(record, name, _importance(folder, record)).encode())
        say(f"written: {html}")

    def human() -> str:
        tables = [sweep_tables.trials_table(record, limit), sweep_tables.states_table(record)]
        if len(record.aims) > 1 and record.front():
            tables.insert(1, sweep_tables.front_table(record))
        return "\n\n".join(map(as_text, tables))

    show(sweep_tables.document(record, name, limit), human, as_json=json)


def best(name: Name_, *, json: Json = False) -> None:
    """The best trial: its values, its model, and the spec that trains it alone. Of two metrics, the front.

    Example: runner sweep best elo-ratings
    """
    from runner.pages.table_text import as_text
    from runner.sweeps import sweep_tables

    folder = _found(name)
    record = folder.seen(1)
    front = record.front()
    if len(record.aims) > 1 and front:
        trials = [sweep_tables.as_document(each) | {"spec": str(folder.spec(each.name or ""))} for each in front]
        metrics = [{"metric": aim.metric, "goal": aim.goal} for aim in record.aims]
        show({"metrics": metrics, "front": trials}, lambda: as_text(sweep_tables.front_table(record)), as_json=json)
        return
    found = record.best()
    if found is None:
        raise NotFoundError("no trial is complete", where=name, hint=f"look at them: runner sweep show {name}")
    spec = folder.spec(found.name or "")
    document = sweep_tables.as_document(found) | {"spec": str(spec), "metric": record.metric}
    facts = [
        ("trial", found.number),
        (record.metric or "value", sweep_tables.short(found.value)),
        *((pointer, sweep_tables.shown(value)) for pointer, value in found.values.items()),
        ("model", found.model),
        ("spec", spec),
    ]
    wide = max(len(str(name)) for name, _ in facts)
    show(document, lambda: "\n".join(f"{name!s:<{wide}}  {value}" for name, value in facts), as_json=json)


def add(
    name: Name_,
    *,
    set_: Annotated[list[str], Parameter(name="--set", help="PLACE=VALUE, once for each place that is varied.")],
    json: Json = False,
) -> None:
    """Ask for a trial of your own: it is trained next, before what the method would draw.

    Example: runner sweep add elo-ratings --set model.spec.k_factor=24 --set epochs=5
    """
    from runner.sweeps import sweep_checking, sweep_reading
    from runner.sweeps.search_space import pointer_of

    folder = _found(name)
    checked = sweep_checking.check(sweep_reading.load_sweep(jsonlib.dumps(folder.document()), f"sweep {name}"))
    values: dict[str, Any] = {}
    for word in set_:
        place, equals, written = word.partition("=")
        pointer = pointer_of(place)
        if not equals:
            raise UsageError(f"{word!r} is not PLACE=VALUE", where="--set")
        if pointer not in checked.space.parameters:
            known = ", ".join(checked.space.parameters)
            raise UsageError(f"{place} is not varied in this sweep", where="--set", hint=f"varied are: {known}")
        try:
            values[pointer] = jsonlib.loads(written)
        except ValueError:
            values[pointer] = written
        if not checked.space.takes(pointer, values[pointer]):
            raise UsageError(f"{written} is no value of {place} in this sweep", where="--set")
    base = checked.loaded.base_value
    drawn: dict[str, Any] = {}
    for pointer in checked.space.parameters:
        active = checked.space.active(pointer, drawn, base)
        if active and pointer not in values:
            raise UsageError(f"{pointer} has no value", where="--set", hint=f"add --set {pointer}=VALUE")
        if not active and pointer in values:
            raise UsageError(f"{pointer} is not varied beside the others", where="--set")
        if active:
            drawn[pointer] = values[pointer]
    with folder.lock():
        folder.journal.add("added", values=drawn)
    show({"sweep": name, "added": drawn}, f"asked for; train it: runner sweep run {folder.path / 'sweep.json'}",
         as_json=json)  # fmt: skip


def export(
    name: Name_,
    *,
    to: Annotated[Path, Parameter(help="The file: its ending says which, .csv, .json or .jsonl.")],
    json: Json = False,
) -> None:
    """Write a sweep's trials as a table for other programs.

    Example: runner sweep export elo-ratings --to trials.csv
    """
    from runner.sweeps import exporting

    record = _found(name).seen()
    rows = exporting.write(record, to)
    show({"path": str(to), "trials": rows}, f"{rows} trials in {to}", as_json=json)


def array(
    file: Annotated[Path, Dash, Parameter(help="The sweep: a file, or - for standard input.")], *, json: Json = False
) -> None:
    """Write a sweep of method grid or random as a job array of Slurm: a spec for every trial, and the script.

    Example: runner sweep array specs/sweeps/elo_scoring.json
    """
    from runner.sweeps import job_array
    from runner.workspace import current_folder

    written = job_array.write_array(checked_sweep(file), Workspace.current(), current_folder())
    document = {"script": str(written.script), "specs": [str(spec) for spec in written.specs]}
    told = [f"{len(written.specs)} trials; train them: sbatch {written.script}"]
    text = "\n".join([*told, f"then take them over: runner sweep run {file}"])
    show(document, text, as_json=json)


def list_sweeps(*, json: Json = False) -> None:
    """List sweeps.

    Example: runner sweep list
    """
    from runner.sweeps import sweep_tables
    from runner.sweeps.sweep_folder import all_sweeps

    rows: list[dict[str, Any]] = []
    for folder in all_sweeps(Workspace.current()):
        record = folder.seen(1)
        found = record.best()
        rows.append(
            {
                "sweep": folder.name,
                "trials": record.counted(),
                "metric": ", ".join(aim.metric for aim in record.aims) or None,
                "best": found.value if found else None,
                "model": found.model if found else None,
            }
        )
    cells = [tuple((row | {"best": sweep_tables.short(row["best"])}).values()) for row in rows]
    show(rows, lambda: table(("SWEEP", "TRIALS", "METRIC", "BEST", "MODEL"), cells, right=(1, 3)), as_json=json)


def checked_sweep(file: Path) -> CheckedSweep:
    """Read and check a sweep, and say what is odd about it. Raises SpecError."""
    import sys

    from runner.cli.streams import standard_input
    from runner.spec.reader import read_piped
    from runner.sweeps import sweep_checking, sweep_reading

    if str(file) == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("no sweep is piped in", hint="runner sweep run FILE")
        loaded = sweep_reading.load_sweep(read_piped(standard_input(), "<stdin>"), "<stdin>")
    else:
        loaded = sweep_reading.load_sweep_file(file)
    for warning in (*loaded.warnings, *loaded.base.warnings):
        say(fault_text(warning, loaded.document.source, "warning: "))
    checked = sweep_checking.check(loaded)
    for warning in checked.warnings:
        say(fault_text(warning, loaded.document.source, "warning: "))
    return checked


def _explain(checked: CheckedSweep, as_json: bool) -> None:
    """What would be trained: all of a grid; of another method what is varied, and how."""
    from runner.contract.quantities import counted
    from runner.sweeps.sweep_tables import short_names, shown

    sweep = checked.loaded.sweep
    document: dict[str, Any] = {
        "sweep": sweep.name,
        "model_type": checked.kind,
        "metric": checked.metric,
        "goal": checked.goal,
        **({"second": asdict(checked.aims[1])} if len(checked.aims) > 1 else {}),
        "method": sweep.method,
        "trials": checked.trials,
        "space": {at: each.model_dump(exclude_defaults=True) for at, each in checked.space.parameters.items()},
        "children": [],
        "warnings": [fault.message for fault in checked.warnings],
    }
    if sweep.method == "grid":
        # As the sweep takes them: those that are not trained do not count.
        document["children"] = _grid(checked)
    unfit = sum(child["does_not_fit"] is not None for child in document["children"])
    document["trained"] = len(document["children"]) - unfit if sweep.method == "grid" else checked.trials
    names = short_names(checked.space.parameters)
    aims = " and ".join(f"{aim.goal} {aim.metric}" for aim in checked.aims)
    head = f"{counted(document['trained'], 'trials')} of {checked.kind}, to {aims}, " + (
        f"by {sweep.method}" + (f"; {unfit} more do not fit" if unfit else "")
    )
    rows = [
        (child["name"], ", ".join(f"{names[at]} {shown(each)}" for at, each in child["values"].items()),
         f"does not fit: {child['does_not_fit']}" if child["does_not_fit"] else "")
        for child in document["children"]
    ] or [
        (pointer, jsonlib.dumps({key: each for key, each in parameter.items() if key != "when"}, ensure_ascii=False),
         "")
        for pointer, parameter in document["space"].items()
    ]  # fmt: skip
    show(document, lambda: head + "\n\n" + table(("WHAT", "VALUES", ""), rows), as_json=as_json)


def _grid(checked: CheckedSweep) -> list[dict[str, Any]]:
    """The combinations of a grid that the sweep would take, each with the constraint that it does not fit."""
    from runner.sweeps.constraint_checking import feasible
    from runner.sweeps.trial_specs import child_of

    found: list[dict[str, Any]] = []
    fitting = 0
    for values in checked.space.combinations(checked.loaded.base_value):
        if fitting == checked.trials:
            break
        child = child_of(checked.loaded.base_value, checked.loaded.sweep.name, values)
        unfit = feasible(checked.loaded, child)
        fitting += unfit is None
        found.append({"name": child.name, "values": values, "does_not_fit": unfit})
    return found


def _found(name: str) -> SweepFolder:
    from runner.sweeps.sweep_folder import find_sweep

    return find_sweep(Workspace.current(), name)


def _importance(folder: SweepFolder, record: Record) -> list[dict[str, float]]:
    """What matters, by the sweep as it was run last; nothing where Optuna is not installed or cannot tell."""
    from runner.errors import RunnerError
    from runner.sweeps import sweep_checking, sweep_reading

    try:
        loaded = sweep_reading.load_sweep(jsonlib.dumps(folder.document()), folder.name)
        return _told(sweep_checking.check(loaded), record)
    except (RunnerError, ImportError):
        return []


def _told(checked: CheckedSweep, record: Record) -> list[dict[str, float]]:
    from runner.sweeps.optuna_study import Chooser

    goals = [aim.goal for aim in checked.aims]
    chooser = Chooser(checked.loaded.sweep, checked.space, checked.loaded.base_value, goals)
    chooser.before(record.trials.values())
    return [chooser.importance(at) for at in range(len(goals))]


def _write_page(folder: SweepFolder, record: Record, checked: CheckedSweep) -> Path:
    from runner.store.files import write_atomic
    from runner.sweeps.sweep_page import page

    path = folder.path / "sweep.html"
    write_atomic(path, page(record, folder.name, _told(checked, record)).encode())
    return path


def _ending(record: Record, name: str, document: dict[str, Any]) -> str:
    from runner.pages.table_text import as_text
    from runner.sweeps.sweep_tables import front_table, trials_table

    failed = document["states"]["failed"]
    last = f"stored as {document['stored_as']}; the page: {document['page']}"
    tables = [trials_table(record, SHOWN)]
    if len(record.aims) > 1:
        tables.append(front_table(record))
        last = (
            f"two metrics, so that none is stored as the best: runner sweep best {name}; the page: {document['page']}"
        )
    told = [f"{failed} trials failed: runner sweep run ... --retry-failed trains them again"] if failed else []
    return "\n\n".join([*map(as_text, tables), "\n".join([*told, last])])
