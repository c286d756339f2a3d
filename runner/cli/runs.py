"""``runner runs list | show | logs | stop``"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from runner.cli import streams
from runner.cli.output import show, table
from runner.cli.parameters import Json
from runner.errors import ConflictError, EnvironmentProblem, RunnerError
from runner.execution.plan_document import PlanDocument
from runner.runs.events import EventReader
from runner.runs.history import history
from runner.runs.run_documents import EarlyStop, RunResult
from runner.runs.run_folder import Run, State, all_runs, find_run
from runner.runs.run_state import worth_resuming
from runner.workspace import Workspace


def list_runs(*, state: State | None = None, limit: int = 20, json: Json = False) -> None:
    """List runs, newest first.

    Example: runner runs list --state failed

    Parameters
    ----------
    state
        Only runs in this state.
    limit
        At most this many; 0 is all of them.
    """
    from runner.tracking.headline_column import headline_column

    rows: list[dict[str, Any]] = []
    more = False
    for run in all_runs(Workspace.current().runs):
        try:
            row = summary(run)
        except RunnerError as error:
            # One damaged run must not hide the others; `runs show` says what is wrong with it.
            word = "unreadable" if isinstance(error, EnvironmentProblem) else "damaged"
            row = dict.fromkeys(SUMMARY) | {"run": run.id, "state": word, "error": error.as_dict()}
        if state is not None and row["state"] != state:
            continue
        if limit and len(rows) == limit:
            more = True
            break
        rows.append(row)

    def human() -> str:
        if not rows:
            return "no runs here yet: `runner train --spec-file ...` makes one"
        heading, figures = headline_column([row.get("headline") for row in rows])
        cells = [
            (
                row["run"],
                row["state"],
                row["model"],
                figure,
                _clock(row["created"]),
                _span(row["seconds"]),
            )
            for row, figure in zip(rows, figures, strict=True)
        ]
        listed = table(("RUN", "STATE", "MODEL", heading, "CREATED", "TOOK"), cells, right=(3, 5))
        return f"{listed}\n... and older ones: --limit 0 lists all" if more else listed

    show(rows, human, as_json=json)


def show_run(
    run: str,
    *,
    html: Annotated[bool, Parameter(negative="")] = False,
    output: Path | None = None,
    tables: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> None:
    """Show one run: its state, what it measured epoch by epoch, how it failed and what to do about it.

    With --json the whole history is there, every epoch and step with its metrics. With --tables every table that the
    run recorded, such as a leaderboard or what each input is worth.

    Example: runner runs show last --html

    Parameters
    ----------
    run
        The run's id, a part of it, or "last".
    html
        Write one self-contained page: curves, leaderboard, calibration, spec, lock.
    output
        Where the page goes. Default: report.html in the run's directory.
    tables
        Print the run's tables too; with --json they are in the document.
    """
    found = find_run(Workspace.current().runs, run)
    found.state()
    if html:
        from runner.tracking.run_page import write_report

        page = write_report(found.path, output or found.path / "report.html")
        show({"run": found.id, "report": str(page)}, str(page), as_json=json, kept=f"the page is {page}")
        return
    document = detail(found)
    state = found.state()
    goes_on = worth_resuming(state.state, state.failure)
    recorded = (found.document("tables") or {}) if tables else {}
    if tables:
        document["tables"] = recorded

    def human() -> str:
        from runner.cli.run_history import history_text, tables_text

        parts = (_text(document, goes_on), history_text(document["history"]), tables_text(document["model"], recorded))
        return "\n\n".join(part for part in parts if part)

    show(document, human, as_json=json)


def logs(
    run: str,
    *,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"), negative="")] = False,
    json: Json = False,
) -> None:
    """Print what a run said: its events, then the worker's own output.

    Example: runner runs logs last --follow

    Parameters
    ----------
    run
        The run's id, a part of it, or "last".
    follow
        Stay until the run ends.
    """
    from runner.tracking.terminal import TerminalListener

    found = find_run(Workspace.current().runs, run)
    if json:
        while (state := found.state().state) == State.RUNNING and follow:
            time.sleep(0.2)
        said = (found.path / "log.txt").read_text(errors="replace") if (found.path / "log.txt").exists() else ""
        document = {"run": found.id, "state": state, "events": list(EventReader(found.path).documents()), "log": said}
        show(document, "", as_json=True)
        return
    listener = TerminalListener(sys.stdout, terminal=False)
    events = EventReader(found.path)
    log = found.path / "log.txt"
    offset = 0
    while True:
        over = found.state().state != State.RUNNING
        for event in events.new():
            listener.handle(event)
        if log.exists():
            with log.open("rb") as file:
                file.seek(offset)
                text = file.read()
            offset += len(text)
            sys.stdout.write(text.decode(errors="replace"))
        sys.stdout.flush()
        if over or not follow or streams.lost() is not None:
            break
        time.sleep(0.2)
    listener.close()


def stop(
    run: str,
    *,
    cancel: Annotated[bool, Parameter(negative="")] = False,
    wait: float = 90,
    json: Json = False,
) -> None:
    """Ask a run to save a checkpoint and stop; `runner train --resume` goes on with it.

    Example: runner runs stop last

    Parameters
    ----------
    run
        The run's id, a part of it, or "last".
    cancel
        Close the run for good: it cannot be resumed.
    wait
        How long to wait for it to end, seconds.
    """
    found = find_run(Workspace.current().runs, run)
    state = found.state()
    if state.state == State.RUNNING:
        try:
            if state.supervisor is None:
                raise ProcessLookupError(errno.ESRCH, "nobody says which it is")
            os.kill(state.supervisor, signal.SIGTERM)
        except (ProcessLookupError, PermissionError) as error:
            raise ConflictError(
                f"cannot signal the process that supervises the run ({state.supervisor}): {error.strerror}",
                where=found.id,
                hint="it may run on another machine, in a container, or as another user: stop it there",
            ) from error
        until = time.monotonic() + wait
        while (state := found.state()).state == State.RUNNING and time.monotonic() < until:
            time.sleep(0.1)
        if state.state == State.RUNNING:
            raise ConflictError(f"the run did not end within {wait:g} s", where=found.id)
    elif not cancel:
        open_still = state.state in (State.INTERRUPTED, State.FAILED, State.PENDING)
        raise ConflictError(
            f"the run is not running: it is {state.state}",
            where=found.id,
            hint="--cancel closes it for good; runner train --resume goes on with it" if open_still else None,
        )
    if cancel:
        with found.lock():
            state = found.transition(State.CANCELLED)
    document = {"run": found.id, "state": state.state}
    show(document, f"{found.id} {state.state}", as_json=json, kept=f"{found.id} {state.state}")


SUMMARY = (
    "run", "state", "model", "headline", "accuracy", "relative_accuracy", "executor", "created", "seconds", "exit_code",
)  # fmt: skip


def summary(run: Run) -> dict[str, Any]:
    """One row of the listing. ``headline`` is what its task goes by; two accuracies are there for older scripts."""
    from runner.tracking.headline_column import headline

    state = run.state()
    plan = run.read("plan", PlanDocument)
    metrics = (run.read("result", RunResult) or RunResult()).metrics
    running = state.state == State.RUNNING
    until = time.time() if running else state.ended or state.started
    return {
        "run": run.id,
        "state": state.state,
        "model": state.model or (f"{plan.model_type}/{plan.name}" if plan else None),
        "headline": headline(plan and plan.model_type, metrics, plan and plan.headline) if metrics else None,
        "accuracy": metrics.get("accuracy"),
        "relative_accuracy": metrics.get("relative_accuracy"),
        "executor": state.executor,
        "created": state.created,
        "seconds": round(until - state.started, 1) if state.started and until else None,
        "exit_code": state.exit_code,
    }


def detail(run: Run) -> dict[str, Any]:
    """Everything that ``show`` knows of a run."""
    state = run.state()
    return summary(run) | {
        "directory": str(run.path),
        "failure": state.failure.to_document() if state.failure else None,
        "note": state.note,
        "result": run.document("result"),
        "history": history(EventReader(run.path).new()).to_document(),
        "lock": run.document("lock"),
        "spec": run.document("spec"),
    }


def _text(document: dict[str, Any], goes_on: bool) -> str:
    from runner.pages.numbers import told
    from runner.tracking.event_words import early_text

    lines = [
        f"{document['run']}  {document['state']}",
        f"  model      {document['model']}",
        f"  executor   {document['executor'] or '-'}",
        f"  took       {_span(document['seconds'])}",
        f"  directory  {document['directory']}",
    ]
    failure = document["failure"]
    if failure:
        place = f"{failure['where']}: " if failure.get("where") else ""
        lines += [f"  failed     {place}{failure['message']} (exit {failure['exit_code']})"]
        if failure.get("hint"):
            lines += [f"             {failure['hint']}"]
    if document["note"]:
        lines += [f"  note       {document['note']}"]
    if goes_on:
        lines += [f"  go on      runner train --resume {document['run']}"]
    metrics = (document["result"] or {}).get("metrics") or {}
    if metrics:
        width = max(map(len, metrics))
        lines += ["", *(f"  {name.ljust(width)}  {_number(value)}" for name, value in metrics.items())]
    if early := (document["result"] or {}).get("stopped_early"):
        lines += ["", *(f"  {early_text(EarlyStop.from_document(each, lenient=True))}" for each in early)]
    parameters = (document["result"] or {}).get("parameters")
    if isinstance(parameters, dict) and parameters:
        width = max(map(len, parameters))
        lines += ["", "  calibrated", *(f"  {name.ljust(width)}  {told(value)}" for name, value in parameters.items())]
    return "\n".join(lines)


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:z.4f}"
    return "-" if value is None else str(value)


def _clock(stamp: float | None) -> str:
    return datetime.fromtimestamp(stamp).strftime("%Y-%m-%d %H:%M") if stamp else "-"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s" if minutes else f"{seconds:.1f}s"
