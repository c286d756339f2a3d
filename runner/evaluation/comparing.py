"""The comparison itself: train every spec, ask every model about the same held-out prompts, measure, tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner import __version__
from runner.contract import DataSection
from runner.data.comparisons import Comparisons
from runner.errors import Interrupted, RunnerError, Stopped
from runner.evaluation.asking import Asked, ask, load
from runner.evaluation.candidates import Candidate
from runner.evaluation.compare_tables import reason
from runner.evaluation.entries import Entry, obtain
from runner.evaluation.shared_holdout import Split, common
from runner.execution.image_lookup import source_hash
from runner.execution.plan import Plan
from runner.runs.run import Run
from runner.spec.canonical import canonical
from runner.tasks.length import comparing as lengths
from runner.tasks.ranking import comparing as ranking
from runner.tasks.ranking import groups
from runner.tasks.ranking.ranks import side_by_side
from runner.tracking.audience import Listener
from runner.workspace import Workspace

#: Somebody asked for the end: the other models are not begun.
ENDS = (Interrupted, Stopped)


@dataclass(frozen=True)
class Watching:
    """How a comparison is followed: what is said, who listens to a training, what is told when it begins."""

    say: Callable[[str], None] = lambda text: None
    listeners: Callable[[Candidate], Sequence[Listener]] = lambda candidate: ()
    announce: Callable[[Run, Plan], None] = lambda run, plan: None
    ended: Callable[[], None] = lambda: None


def compare(
    wanted: Sequence[Candidate],
    workspace: Workspace,
    *,
    reuse: bool = False,
    executor: str | None = None,
    device: str = "cpu",
    watching: Watching = Watching(),
) -> dict[str, Any]:
    """Train and measure. Returns the document of ``comparison.json``.

    A model that cannot be trained or measured has the state ``failed`` and its error; the others go on. After Ctrl-C
    the document says ``interrupted`` and holds what was done. Raises what loading the data raises.
    """
    section = wanted[0].loaded.spec.data
    assert isinstance(section, DataSection)
    split = Split.load(section, workspace.cache)
    entries = [Entry(candidate) for candidate in wanted]
    interrupted = False
    try:
        for at, candidate in enumerate(wanted):
            watching.say(f"{at + 1} of {len(wanted)}: {candidate.label}")
            try:
                entries[at] = obtain(
                    candidate,
                    split,
                    workspace,
                    reuse=reuse,
                    executor=executor,
                    listeners=watching.listeners(candidate),
                    announce=watching.announce,
                    say=watching.say,
                )
            except ENDS as error:
                entries[at].error = error
                if error.hint:
                    watching.say(error.hint)
                raise
            except RunnerError as error:
                entries[at].fail(error)
            finally:
                watching.ended()
            _tell(entries[at], watching.say)
    except (KeyboardInterrupt, *ENDS):
        interrupted = True
    document: dict[str, Any] = {
        "comparison_version": 1,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "runner": __version__,
        "code": source_hash(),
        "interrupted": interrupted,
        "data": {"section": canonical(wanted[0].loaded.spec)["data"], "record": split.whole.record}
        | {"fingerprint": split.whole.fingerprint},
        "device": device,
    }
    try:
        return document | _measured(entries, split, device, watching.say)
    except KeyboardInterrupt:
        models = [entry.as_dict() for entry in entries]
        return document | {"interrupted": True, "tasks": {}, "models": models}


def _measured(entries: Sequence[Entry], split: Split, device: str, say: Callable[[str], None]) -> dict[str, Any]:
    """What was trained, measured task by task: ``tasks``, and ``models`` with every entry in the order of the specs."""
    tasks: dict[str, Any] = {}
    for task in ("ranking", "length"):
        of_task = [entry for entry in entries if entry.candidate.task == task and entry.measurable]
        known = {}
        for entry in list(of_task):
            try:
                assert entry.stored is not None
                known[entry.label] = tuple(load(entry.candidate.kind, entry.stored.path, device).models)
            except RunnerError as error:
                entry.fail(error)
                of_task.remove(entry)
        if of_task:
            tasks[task] = _task(task, of_task, known, split, device, say)
    measured = {row["label"]: row for found in tasks.values() for row in found["table"]}
    rest = [entry.as_dict() for entry in entries if entry.label not in measured]
    return {"tasks": tasks, "models": [*measured.values(), *rest]}


def _task(
    task: str,
    entries: list[Entry],
    known: dict[str, tuple[str, ...]],
    split: Split,
    device: str,
    say: Callable[[str], None],
) -> dict[str, Any]:
    rows, llms = common(split.held_out, [known[entry.label] for entry in entries])
    say(f"measuring {len(entries)} models of {task} on {len(rows)} held-out comparisons of {len(llms)} LLMs")
    asked: list[Asked] = []
    temperatures: list[float] = []
    for entry in list(entries):
        try:
            assert entry.stored is not None
            predictor = load(entry.candidate.kind, entry.stored.path, device)
            answer = ask(predictor, rows, llms)
            if task == "ranking":
                temperatures.append(ranking.temperature(entry, answer, predictor, split))
            asked.append(answer)
        except RunnerError as error:
            entry.fail(error)
            entries.remove(entry)
            _tell(entry, say)
    seed = int(getattr(split.section, "seed", 0))
    document: dict[str, Any] = {"held_out": _held_out(rows, llms, known, split.held_out), "table": []}
    if not entries:
        return document
    if task == "length":
        return document | {"table": lengths.measure(entries, asked, rows, seed)}
    table = ranking.measure(entries, asked, temperatures, rows, seed)
    labels = [entry.label for entry in entries]
    place = {row["label"]: at for at, row in enumerate(table)}
    boards = {row["label"]: row["leaderboard"] for row in table}
    grouped = None
    if rows.decided.any():
        grouped = groups.by_group(labels, asked, [place[label] for label in labels], rows, seed)
    return document | {
        "table": [{name: value for name, value in row.items() if name != "leaderboard"} for row in table],
        "leaderboards": side_by_side(boards, llms),
        "groups": grouped,
        "win_rates": groups.win_rates(_both(split), llms),
    }


def _held_out(
    rows: Comparisons, llms: Sequence[str], known: dict[str, tuple[str, ...]], all_rows: Comparisons
) -> dict[str, Any]:
    """What all models of a task are measured on, and what is left out because not all of them know it."""
    unknown = {
        name: [label for label, names in known.items() if name not in names]
        for name in all_rows.models
        if name not in llms
    }
    return {
        "comparisons": len(rows),
        "decided": int(rows.decided.sum()),
        "prompts": len(np.unique(rows.prompt)),
        "models": list(llms),
        "left_out": len(all_rows) - len(rows),
        "left_out_models": unknown,
    }


def _both(split: Split) -> Comparisons:
    """Training and held-out comparisons together, as far as pairs of LLMs and their outcomes go."""
    from dataclasses import replace

    train, held = split.whole.train, split.held_out
    columns = {
        name: np.concatenate([getattr(train, name), getattr(held, name)])
        for name in ("prompt", "model_a", "model_b", "winner")
    }
    texts = {name: getattr(train, name) + getattr(held, name) for name in ("responses_a", "responses_b")}
    return replace(train, **columns, **texts, tags={})


def _tell(entry: Entry, say: Callable[[str], None]) -> None:
    if entry.error is not None:
        hint = f"\n  {entry.error.hint}" if entry.error.hint else ""
        say(f"{entry.label} {reason(entry.as_dict())}; the others go on{hint}")
    elif entry.stored is not None:
        how = "taken from the store" if entry.state == "reused" else "stored"
        say(f"{entry.label}: {how} as {entry.stored.reference}")
    for warning in entry.warnings:
        say(f"warning: {entry.label}: {warning}")
