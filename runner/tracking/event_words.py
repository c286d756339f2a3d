"""How a run's events read: the words that the terminal, the log and the report page share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.pages.numbers import clean, finite, number

#: What a unit of progress is called while it is being worked off, where the event itself does not say.
PHASES = {
    "texts": "encoding prompts",
    "responses": "counting tokens",
    "rows": "reading data",
    "comparisons": "reading comparisons",
    "files": "copying",
}


def phase(event: Mapping[str, Any]) -> str:
    """The name of the work that a ``progress`` event is part of: its ``phase``, or a name for its unit."""
    unit = clean(event.get("unit") or "steps")
    return clean(event.get("phase") or PHASES.get(unit, unit))


def metrics_text(metrics: object) -> str:
    """``loss 0.0912  accuracy 0.713  log_loss 0.5412``: the loss and the accuracy first, then the rest."""
    if not isinstance(metrics, Mapping):
        return ""
    known = {str(name): value for name, value in metrics.items() if finite(value) is not None}
    loss = next((name for name in ("train_loss", "loss") if name in known), None)
    parts = [f"loss {number(known.pop(loss))}"] if loss else []
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


def warning_text(event: Mapping[str, Any]) -> str:
    """A ``warning`` event's place and message."""
    pointer = clean(event.get("pointer") or "")
    message = clean(event.get("message") or "")
    return f"{pointer}: {message}" if pointer else message


def sentence(event: Mapping[str, Any]) -> str:
    """One event as one line of text, without its time."""
    kind = clean(event.get("event") or "?")
    if kind == "started":
        named = " ".join(clean(event[key]) for key in ("model_type", "name") if event.get(key))
        device = f" on {clean(event['device'])}" if event.get("device") else ""
        seed = f", seed {clean(event['seed'])}" if event.get("seed") is not None else ""
        return f"training {named}{device}{seed}"
    if kind == "data":
        return f"data: {counts_text(event.get('record'))}"
    if kind == "progress":
        unit = clean(event.get("unit") or "steps")
        total = f"/{number(event['total'])}" if finite(event.get("total")) is not None else ""
        within = finite(event.get("epoch"))
        label = f"epoch {number(event['epoch'])}" if within is not None else phase(event)
        unit = "" if unit == label else f" {unit}"
        metrics = metrics_text(event.get("metrics"))
        return f"{label}: {number(event.get('done'))}{total}{unit}" + (f"  {metrics}" if metrics else "")
    if kind == "epoch":
        of = f"/{number(event['epochs'])}" if finite(event.get("epochs")) is not None else ""
        best = "  best so far" if event.get("best") is True else ""
        return f"epoch {number(event.get('epoch'))}{of}  {metrics_text(event.get('metrics'))}{best}"
    if kind == "step":
        of = f"/{number(event['steps'])}" if finite(event.get("steps")) is not None else ""
        epoch = f"  epoch {number(event['epoch'], 2)}" if finite(event.get("epoch")) is not None else ""
        tokens = f"  {number(int(known))} tokens" if (known := finite(event.get("tokens"))) is not None else ""
        figures = metrics_text(event.get("metrics"))
        best = "  best so far" if event.get("best") is True else ""
        return f"step {number(event.get('step'))}{of}{epoch}{tokens}" + (f"  {figures}" if figures else "") + best
    if kind == "stage_epoch":
        of = f"/{number(event['epochs'])}" if finite(event.get("epochs")) is not None else ""
        figures = metrics_text(event.get("metrics"))
        return f"{clean(event.get('stage') or 'stage')} epoch {number(event.get('epoch'))}{of}  {figures}"
    if kind == "warning":
        return f"warning: {warning_text(event)}"
    if kind == "checkpoint":
        return f"checkpoint at step {number(event.get('step'))}"
    if kind == "metrics":
        return f"metrics: {metrics_text(event.get('metrics'))}"
    if kind == "failed":
        error = event.get("error")
        message = error.get("message") if isinstance(error, Mapping) else error
        return f"failed: {clean(message)}" if message else "failed"
    return kind
