"""How a run's events read: the words that the terminal, the log and the report page share."""

from __future__ import annotations

from collections.abc import Mapping

from runner.pages.harmless_text import clean
from runner.pages.numbers import finite, number
from runner.runs.event_kinds import (
    CheckpointEvent,
    DataEvent,
    EndedEvent,
    EpochEvent,
    Event,
    FitEvent,
    MetricsEvent,
    ProgressEvent,
    StageEpochEvent,
    StampEvent,
    StartedEvent,
    StepEvent,
    StoppedEarlyEvent,
    TensorboardEvent,
    WarningEvent,
)
from runner.runs.run_documents import EarlyStop, Failure

#: What a unit of progress is called while it is being worked off, where the event itself does not say.
PHASES = {
    "texts": "encoding prompts",
    "responses": "counting tokens",
    "rows": "reading data",
    "comparisons": "reading comparisons",
    "files": "copying",
}


def phase(event: ProgressEvent) -> str:
    """The name of the work that progress is part of: its ``phase``, or a name for its unit."""
    unit = clean(event.unit or "steps")
    return clean(event.phase or PHASES.get(unit, unit))


#: What a loss on held-out rows is called where it stands beside that of training.
HELD_OUT_LOSS = "held-out loss"


def metrics_text(metrics: object) -> str:
    """``loss 0.0912  accuracy 0.713  log_loss 0.5412``: the loss and the accuracy first, then the rest.

    Beside the loss of training, one on held-out rows is called so.
    """
    if not isinstance(metrics, Mapping):
        return ""
    known = {str(name): value for name, value in metrics.items() if finite(value) is not None}
    loss = next((name for name in ("train_loss", "loss") if name in known), None)
    parts = [f"loss {number(known.pop(loss))}"] if loss else []
    if loss == "train_loss" and "loss" in known:
        parts.append(f"{HELD_OUT_LOSS} {number(known.pop('loss'))}")
    if "accuracy" in known:
        parts.append(f"accuracy {number(known.pop('accuracy'), 3)}")
    return "  ".join([*parts, *(f"{clean(name)} {number(value)}" for name, value in known.items())])


def counts_text(record: object) -> str:
    """The scalar counts of a data record on one line, and how many rows were skipped for which reason; no zeros."""
    if not isinstance(record, Mapping):
        return ""
    parts = []
    for name, value in record.items():
        label = clean(name).replace("_", " ")
        if value == 0:
            continue
        if finite(value) is not None:
            parts.append(f"{label} {number(value)}")
        elif isinstance(value, Mapping) and value:
            inner = [f"{clean(key)} {number(count)}" for key, count in value.items() if finite(count)]
            if inner:
                parts.append(f"{label} ({', '.join(inner)})")
    return ", ".join(parts)


def backend_matters(event: StampEvent) -> bool:
    """Whether a stamp has to be said aloud: where something other than the plain road trains, or was asked after."""
    return bool(event.why) or (event.stamp or {}).get("backend") not in (None, "plain")


def warning_text(event: WarningEvent) -> str:
    """A warning's place and message."""
    pointer, message = clean(event.pointer or ""), clean(event.message or "")
    return f"{pointer}: {message}" if pointer else message


def early_text(early: EarlyStop) -> str:
    """``stopped early at epoch 12 of 100: no improvement for 10 epochs``, with the phase that it ended before it."""
    unit = clean(early.unit or "steps")
    one = unit.removesuffix("s")
    patience, least = finite(early.patience), finite(early.min_delta)
    # A step is not measured each, an epoch is.
    waits = "measurements" if unit == "steps" else unit
    waited = (
        f" for {number(early.patience)} {waits.removesuffix('s') if patience == 1 else waits}"
        if patience is not None
        else ""
    )
    enough = f" of more than {number(least)}" if least else ""
    of = f" of {number(early.total)}" if finite(early.total) is not None else ""
    within = f"{clean(early.phase)}: " if early.phase else ""
    return f"{within}stopped early at {one} {number(early.done)}{of}: no improvement{enough}{waited}"


def sentence(event: Event) -> str:
    """One event as one line of text, without its time."""
    match event:
        case StartedEvent():
            named = " ".join(clean(word) for word in (event.model_type, event.name) if word)
            device = f" on {clean(event.device)}" if event.device else ""
            together = f" in {event.processes} processes" if event.processes else ""
            seed = f", seed {clean(event.seed)}" if event.seed is not None else ""
            return f"training {named}{device}{together}{seed}"
        case DataEvent():
            return f"data: {counts_text(event.record)}"
        case FitEvent():
            return f"{clean(event.label or 'unknown')}: {clean(event.sentence or '')}"
        case StampEvent():
            backend = clean((event.stamp or {}).get("backend") or "plain")
            return f"backend {backend}" + (f": {clean(event.why)}" if event.why else "")
        case TensorboardEvent():
            ends = f"stop it with: {clean(event.stop)}" if event.stop else "it ends with the run"
            return f"TensorBoard: {clean(event.url or '')} ({ends})"
        case ProgressEvent():
            return _progress(event)
        case EpochEvent():
            told = f"epoch {number(event.epoch)}{_of(event.epochs)}  {metrics_text(event.metrics)}"
            return told + _best(event.best)
        case StepEvent():
            return _step(event)
        case StageEpochEvent():
            figures = metrics_text(event.metrics)
            return f"{clean(event.stage or 'stage')} epoch {number(event.epoch)}{_of(event.epochs)}  {figures}"
        case WarningEvent():
            return f"warning: {warning_text(event)}"
        case StoppedEarlyEvent():
            return early_text(event)
        case CheckpointEvent():
            return f"checkpoint at step {number(event.step)}"
        case MetricsEvent():
            return f"metrics: {metrics_text(event.metrics)}"
        case EndedEvent(event="failed"):
            message = event.error.message if isinstance(event.error, Failure) else event.error
            return f"failed: {clean(message)}" if message else "failed"
    return clean(event.event or "?")


def _progress(event: ProgressEvent) -> str:
    label = f"epoch {number(event.epoch)}" if finite(event.epoch) is not None else phase(event)
    unit = clean(event.unit or "steps")
    unit = "" if unit == label else f" {unit}"
    metrics = metrics_text(event.metrics)
    return f"{label}: {number(event.done)}{_of(event.total)}{unit}" + (f"  {metrics}" if metrics else "")


def _step(event: StepEvent) -> str:
    epoch = f"  epoch {number(event.epoch, 2)}" if finite(event.epoch) is not None else ""
    tokens = f"  {number(int(known))} tokens" if (known := finite(event.tokens)) is not None else ""
    figures = metrics_text(event.metrics)
    told = f"step {number(event.step)}{_of(event.steps)}{epoch}{tokens}" + (f"  {figures}" if figures else "")
    return told + _best(event.best)


def _of(whole: float | None) -> str:
    return f"/{number(whole)}" if finite(whole) is not None else ""


def _best(best: bool | None) -> str:
    return "  best so far" if best else ""
