"""A run's page: one self-contained HTML file that needs no network. The run may be in any state."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from runner.errors import ExitCode, NotFoundError
from runner.pages.harmless_text import clean
from runner.pages.html import Markup, join, table, tag
from runner.pages.numbers import duration, finite
from runner.pages.page import whole_page as whole_page
from runner.runs.run_documents import Failure
from runner.runs.run_state import worth_resuming
from runner.store.files import write_atomic
from runner.tracking import run_page_sections
from runner.tracking.recorded_run import Recorded, read
from runner.tracking.run_page_curves import curves
from runner.tracking.run_page_diagnostics import diagnostics

#: state -> (class of its badge, sign): colour is never the only difference.
BADGES = {
    "succeeded": ("good", "✓"), "failed": ("bad", "✗"), "interrupted": ("care", "‖"), "cancelled": ("care", "■"),
    "running": ("", "▶"), "pending": ("", "…"),
}  # fmt: skip


def write_report(run_dir: Path, destination: Path) -> Path:
    """Write the page of the run in ``run_dir`` to ``destination`` (a folder gets ``<run id>.html``), atomically.

    Files that are missing, torn or not of the expected shape leave their section out. Raises
    :class:`NotFoundError` where there is no such directory, :class:`EnvironmentProblem` where the page cannot be
    written. Returns the page's path.
    """
    if not run_dir.is_dir():
        raise NotFoundError("there is no such run directory", where=str(run_dir))
    if destination.is_dir():
        destination = destination / f"{run_dir.resolve().name}.html"
    # A spec may hold half of a surrogate pair, which JSON can write and UTF-8 cannot.
    write_atomic(destination, page(read(run_dir)).encode("utf-8", errors="replace"))
    return destination


def page(run: Recorded) -> str:
    """The whole page."""
    sections = [
        ("Results", run_page_sections.headline(run)),
        run_page_sections.beside(run),
        ("Curves", curves(run)),
        ("Diagnostics", diagnostics(run)),
        *run_page_sections.tables(run),
        ("Warnings", run_page_sections.warnings(run)),
        ("Data", run_page_sections.data(run)),
        ("Spec", run_page_sections.spec(run)),
        ("Lock", run_page_sections.lock(run)),
        ("Timeline", run_page_sections.timeline(run)),
        ("Log", run_page_sections.log(run)),
    ]
    title = f"{_title(run)}: {run.state.state or 'run'}"
    return whole_page(title, [header(run), failure(run)], sections, _moment(time.time()))


def header(run: Recorded) -> Markup:
    """The run's kind, name and state, and the facts below them."""
    state = clean(run.state.state or "unknown")
    css, sign = BADGES.get(state, ("", "?"))
    started, ended = finite(run.state.started), finite(run.state.ended)
    facts: list[tuple[str, object]] = [("started", _moment(started or finite(run.state.created)))]
    if started is not None and ended is not None:
        facts.append(("took", duration(ended - started)))
    code = run.state.exit_code
    if code is not None:
        facts.append(("exit code", _exit(code)))
    for name, value in (
        ("executor", run.state.executor),
        ("device", run.started.device or run.lock.get("device")),
        ("seed", run.lock.get("seed") if run.started.seed is None else run.started.seed),
        ("stored as", run.state.model),
    ):
        if value is not None:
            facts.append((name, value if isinstance(value, str | int) else "-"))
    listed = tag("dl", join(tag("div", join([tag("dt", name), tag("dd", value)])) for name, value in facts), "facts")
    kind = tag("p", join([run_page_sections.model_type(run), " · run ", tag("span", run.name, "code")]), "kind")
    badge = tag("span", f"{sign} {state}", f"badge {css}".strip())
    return tag("header", join([kind, tag("h1", _title(run)), badge, listed]))


def failure(run: Recorded) -> Markup:
    """Why a run failed or stopped, and what to do about it. Empty for a run that succeeded."""
    state, told = run.state.state, run.state.failure
    error = told if isinstance(told, Failure) else Failure()
    parts: list[object] = []
    if error.message:
        place = f"{clean(error.where)}: " if error.where else ""
        kind = clean(error.error or "failure")
        parts.append(tag("p", join([tag("strong", f"{kind}: "), place, error.message])))
    elif isinstance(told, str) and told:
        parts.append(tag("p", told))
    elif run.state.note:
        parts.append(tag("p", run.state.note))
    if error.faults:
        rows = [
            (tag("code", fault.get("pointer") or ""), fault.get("message") or "", fault.get("hint") or "")
            for fault in error.faults
        ]
        parts.append(table(("place", "fault", "way out"), rows, ("place",)))
    if error.hint:
        parts.append(tag("p", join([tag("strong", "What to do: "), error.hint])))
    if worth_resuming(state, told):
        resume = tag("code", f"runner train --resume {run.name}")
        parts.append(tag("p", join(["Go on from the last checkpoint: ", resume])))
    if not parts:
        return Markup()
    return tag("div", join(parts), f"panel {'bad' if state == 'failed' else 'care'}")


def _title(run: Recorded) -> str:
    model = run.spec.get("model")
    named = model.get("name") if isinstance(model, Mapping) else None
    return clean(named or run.started.name or run.name)


def _exit(code: object) -> str:
    try:
        meaning = ExitCode(int(code)).name.lower().replace("_", " ") if isinstance(code, int) else ""
    except ValueError:
        meaning = ""
    return f"{clean(code)} ({meaning})" if meaning else clean(code)


def _moment(seconds: float | None) -> str:
    """A point in time, in UTC."""
    if seconds is None:
        return "-"
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return "-"
