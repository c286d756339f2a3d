"""The curves of a run's page: every metric over the steps or the epochs in which it was told."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runner.contract import Task
from runner.pages import plots
from runner.pages.harmless_text import clean
from runner.pages.html import Markup, join, table, tag
from runner.pages.numbers import finite, number
from runner.tracking.recorded_run import Recorded
from runner.tracking.run_page_sections import model_type
from runner.tracking.run_task import baselines, best_baseline, recorded_tables, task_of

#: What training minimises, by the names that kinds give it, and how it is called.
LOSSES = {"train_loss": "Training loss", "loss": "Training loss"}
#: What ``loss`` is where that of training stands beside it.
HELD_OUT = "Loss on held-out rows"
MOST_CURVES = 8
MOST_ROWS = 500


def curves(run: Recorded) -> Markup:
    """One plot a metric, the loss and the task's measures first, the best point marked; then the numbers, folded.

    What is told by step is drawn over steps, else over epochs.
    """
    if not run.epochs and not run.steps:
        return Markup()
    task = task_of(model_type(run), run.metrics)
    best = best_baseline(task, baselines(recorded_tables(task, run.tables)))
    by_step = _in_order(run.steps, task)
    by_epoch = [name for name in _in_order(run.epochs, task) if name not in by_step]
    figures = [_figure(run, task, name, "step", run.steps, run.best_step, best) for name in by_step]
    figures += [_figure(run, task, name, "epoch", run.epochs, run.best_epoch, best) for name in by_epoch]
    parts = [tag("div", join(figures[:MOST_CURVES]), "plots")]
    if run.steps:
        parts.insert(0, tag("p", _reached(run), "soft"))
        parts.append(_numbers("step", run.steps, run.best_step))
    if run.epochs:
        parts.append(_numbers("epoch", run.epochs, run.best_epoch))
    return join(parts)


def _in_order(told: Mapping[int, Mapping[str, float]], task: Task) -> list[str]:
    names = list(dict.fromkeys(name for metrics in told.values() for name in metrics))
    first = [name for name in (*LOSSES, *(measure.metric for measure in task.measures)) if name in names]
    return [*first, *(name for name in names if name not in first)]


def _figure(
    run: Recorded,
    task: Task,
    name: str,
    unit: str,
    told: Mapping[int, Mapping[str, float]],
    kept: int | None,
    best: Mapping[str, object] | None,
) -> Markup:
    """One metric's plot with its caption; the best baseline's level is dashed where it has that measure."""
    places = sorted(place for place, metrics in told.items() if name in metrics)
    values = np.array([told[place][name] for place in places])
    measure = next((measure for measure in task.measures if measure.metric == name), None)
    told_at_all = (*run.steps.values(), *run.epochs.values())
    held_out = name == "loss" and any("train_loss" in metrics for metrics in told_at_all)
    of_training = name in LOSSES and not held_out
    label = LOSSES[name] if of_training else HELD_OUT if held_out else ""
    label = label or (measure.label if measure is not None else clean(name).replace("_", " "))
    reference = finite(best.get(name)) if best is not None and measure is not None else None
    counted = len(told) if unit == "epoch" else len(places)
    plot = plots.curve(
        np.array(places, float), values, f"{label} over {counted} {unit}s", unit, kept, reference,
        "two" if of_training else "one",
    )  # fmt: skip
    notes = []
    if kept is not None and name in told.get(kept, {}):
        said = "the one kept" if run.state.state == "succeeded" else "the best so far"
        notes.append(f"{unit} {kept:,}, {said}: {number(told[kept][name])}")
    if reference is not None and best is not None and measure is not None:
        level = number(reference, measure.decimals)
        notes.append(f"dashed: {clean(best.get('model'))}, {task.rival} ({level})")
    return tag("figure", join([tag("h3", label), Markup(plot), tag("figcaption", "; ".join(notes))]))


def _reached(run: Recorded) -> str:
    """``1,000 steps, 2.50 epochs, 1,204,000 tokens``"""
    said = [f"{number(max(run.steps))} steps"]
    if "epoch" in run.reached:
        said.append(f"{number(run.reached['epoch'], 2)} epochs")
    if "tokens" in run.reached:
        said.append(f"{number(int(run.reached['tokens']))} tokens")
    return ", ".join(said)


def _numbers(unit: str, told: Mapping[int, Mapping[str, float]], kept: int | None) -> Markup:
    names = list(dict.fromkeys(name for metrics in told.values() for name in metrics))
    places = sorted(told)
    # A long training has more steps than anybody reads; its events have all.
    every = -(-len(places) // MOST_ROWS)
    shown = [place for at, place in enumerate(places) if at % every == 0 or place in (kept, places[-1])]
    rows = [(place, *(number(told[place].get(name)) for name in names)) for place in shown]
    own = next((at for at, row in enumerate(rows) if row[0] == kept), None)
    listed = table((unit, *names), rows, ["n"] * (len(names) + 1), own)
    return tag("details", join([tag("summary", f"The numbers, {unit} by {unit}"), listed]))
