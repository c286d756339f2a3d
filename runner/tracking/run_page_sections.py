"""The sections of a run's page: each takes what was recorded and gives HTML, empty where there is nothing to show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from runner.pages import plots
from runner.pages.html import Markup, block, join, pairs, table, tag, tree
from runner.pages.numbers import clean, duration, finite, number
from runner.tracking.after_training import best_baseline, rows
from runner.tracking.event_words import sentence
from runner.tracking.measures import LENGTH, measure_of
from runner.tracking.recorded_run import Recorded

#: Rows of a timeline that a page shows.
LONGEST_TIMELINE = 200
#: Curves that come first, what they are called, and those that a baseline has a value for.
FIRST = ("train_loss", "loss", "accuracy", "relative_accuracy", "mae_tokens", "log_r2", "log_loss")
LABELS = {
    "train_loss": "Training loss",
    "accuracy": "Validation accuracy",
    "relative_accuracy": "Relative accuracy",
    "mae_tokens": "Mean error in tokens",
    "log_r2": "Explained variance of log lengths",
}
COMPARED = {"accuracy", "relative_accuracy", "mae_tokens", "log_r2"}


def headline(run: Recorded) -> Markup:
    """The final scalars: those that every model of its task has as cards, the rest as a table."""
    metrics = run.metrics
    if not metrics:
        return Markup()
    measure = measure_of(metrics, run.tables)
    cards, shown = _length_cards(run) if measure is LENGTH else _ranking_cards(run)
    held_out = _card(f"Held-out {measure.held_out}", number(metrics.get("n_validation")), "measured on these")
    if finite(metrics.get(measure.metric)) is None:
        cards = [held_out] if finite(metrics.get("n_validation")) is not None else []
    else:
        cards.append(held_out)
    shown |= {measure.metric, measure.low, measure.high, "n_validation"}
    others = [(clean(name).replace("_", " "), number(value)) for name, value in metrics.items() if name not in shown]
    parts: list[object] = [tag("div", join(cards), "cards")] if cards else []
    if others:
        parts += [tag("h3", "Other metrics"), pairs(others)]
    return join(parts)


def _ranking_cards(run: Recorded) -> tuple[list[Markup], set[str]]:
    metrics, best = run.metrics, best_baseline(run.tables)
    beside = f"best prompt-agnostic: {number(best['accuracy'], 3)}" if best else ""
    cards = [
        _card("Pairwise accuracy", number(metrics.get("accuracy"), 3), _spread(metrics, "accuracy", 3), beside),
        _card("Log loss", number(metrics.get("log_loss"), 3), "of P(A is preferred); 0.693 is guessing"),
        _card("Calibration error", number(metrics.get("calibration_error"), 3), "expected; 0 is perfect"),
    ]
    return cards, {"log_loss", "calibration_error"}


def _length_cards(run: Recorded) -> tuple[list[Markup], set[str]]:
    metrics, best = run.metrics, best_baseline(run.tables) or {}
    known = finite(best.get("relative_accuracy")) is not None
    beside, away = (
        (f"without the prompt: {number(best.get(name), decimals)}" if known else "")
        for name, decimals in (("relative_accuracy", 3), ("mae_tokens", 2))
    )
    value, mae = number(metrics.get("relative_accuracy"), 3), number(metrics.get("mae_tokens"), 2)
    cards = [
        _card("Relative accuracy", value, _spread(metrics, "relative_accuracy", 3), beside),
        _card("Mean error in tokens", mae, _spread(metrics, "mae_tokens", 2), away),
        _card("Predicted of all tokens", number(metrics.get("total_ratio"), 3), "for a total, divide by it"),
    ]
    return cards, {"mae_tokens", "mae_tokens_low", "mae_tokens_high", "total_ratio"}


def _spread(metrics: Mapping[str, Any], name: str, decimals: int) -> str:
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    if finite(low) is None or finite(high) is None:
        return ""
    return f"95 % interval {number(low, decimals)} to {number(high, decimals)}"


def curves(run: Recorded) -> Markup:
    """One plot a metric over the epochs, the loss and the main metric first, the best epoch marked."""
    if not run.epochs:
        return Markup()
    names = list(dict.fromkeys(name for metrics in run.epochs.values() for name in metrics))
    first = [name for name in FIRST if name in names]
    order = [*first, *(name for name in names if name not in first)][:8]
    epochs = np.array(sorted(run.epochs), dtype=float)
    best = best_baseline(run.tables)
    figures = []
    for name in order:
        values = np.array([run.epochs[int(epoch)].get(name, np.nan) for epoch in epochs])
        label = LABELS.get(name, clean(name).replace("_", " "))
        reference = finite(best.get(name)) if name in COMPARED and best else None
        plot = plots.curve(
            epochs, values, f"{label} over {len(epochs)} epochs", "epoch", run.best_epoch, reference,
            "two" if name in {"train_loss", "loss"} else "one",
        )  # fmt: skip
        notes = []
        if run.best_epoch in run.epochs and name in run.epochs[run.best_epoch]:
            kept = "the one kept" if run.state.get("state") == "succeeded" else "the best so far"
            notes.append(f"epoch {run.best_epoch}, {kept}: {number(run.epochs[run.best_epoch][name])}")
        if reference is not None and best is not None:
            notes.append(f"dashed: {clean(best.get('model_type'))}, the best prompt-agnostic model ({reference:.3f})")
        caption = tag("figcaption", "; ".join(notes))
        figures.append(tag("figure", join([tag("h3", label), Markup(plot), caption])))
    rows_ = [(int(epoch), *(number(run.epochs[int(epoch)].get(name)) for name in names)) for epoch in epochs]
    own = next((i for i, row in enumerate(rows_) if row[0] == run.best_epoch), None)
    numbers = table(("epoch", *names), rows_, ["n"] * (len(names) + 1), own)
    folded = tag("details", join([tag("summary", "The numbers, epoch by epoch"), numbers]))
    return join([tag("div", join(figures), "plots"), folded])


def baselines(run: Recorded) -> Markup:
    """This run beside the prompt-agnostic models on the same split."""
    others = rows(run.tables, "baselines")
    if not others:
        return Markup()
    own = {"model_type": f"{model_type(run)} (this run)"} | run.metrics
    measure = measure_of(run.metrics, run.tables)
    value, low, high = measure.metric, measure.low, measure.high
    ranked = sorted(
        [own, *others], key=lambda row: -(known if (known := finite(row.get(value))) is not None else -np.inf)
    )
    domain = _domain(ranked, value, low, high)
    body = [
        (
            row.get("model_type"),
            number(row.get(value), 3),
            _interval(row, value, low, high, domain, "two" if row is own else "one"),
            _range(row.get(low), row.get(high)),
            *measure.figures(row)[2:],
        )
        for row in ranked
    ]
    shown = measure.headings
    header = ("model", shown[0], Markup(plots.axis(domain)), *shown[1:])
    place = next(i for i, row in enumerate(ranked) if row is own)
    intro = tag("p", f"Every model is measured on the same held-out {measure.held_out}, by the same protocol.", "soft")
    return join([intro, table(header, body, ("who", "n", "plotted", "n", "n", "n"), place)])


def leaderboard(run: Recorded) -> Markup:
    """The LLMs by score with their intervals."""
    board = rows(run.tables, "leaderboard")
    if not board:
        return Markup()
    board = sorted(board, key=lambda row: -(s if (s := finite(row.get("score"))) is not None else -np.inf))
    domain = _domain(board, "score", "low", "high")
    body = [
        (
            place,
            row.get("model"),
            number(row.get("score")),
            _interval(row, "score", "low", "high", domain, "one"),
            *(number(row.get(name)) for name in ("comparisons", "wins", "losses", "ties")),
        )
        for place, row in enumerate(board, 1)
    ]
    header = ("#", "LLM", "score", Markup(plots.axis(domain)), "comparisons", "wins", "losses", "ties")
    scrolls = "; the list scrolls" if len(board) > 20 else ""
    said = f"{len(board)} LLMs{scrolls}. The bar is the 95 % bootstrap interval of the score."
    intro = tag("p", said, "soft")
    return join([intro, table(header, body, ("n", "who", "n", "plotted", "n", "n", "n", "n"))])


def calibration(run: Recorded) -> Markup:
    """How far predicted chances came true."""
    names = ("predicted", "low", "high", "observed", "count")
    bins = [[finite(row.get(name)) for name in names] for row in rows(run.tables, "calibration")]
    known = np.array([row for row in bins if None not in row and row[-1]], dtype=float).reshape(-1, len(names))
    if not len(known):
        return Markup()
    predicted, low, high, observed, count = known.T
    plot = plots.reliability(predicted, low, high, observed, count, f"Reliability diagram over {len(known)} bins")
    error = finite(run.metrics.get("calibration_error"))
    said = f"Expected calibration error {error:.3f}. " if error is not None else ""
    caption = tag(
        "figcaption",
        f"{said}The chance that A is preferred, and how often it was; on the dashed line the two are equal. "
        "Whiskers: 95 % Wilson interval of the observed share; bars: comparisons in the bin.",
    )
    body = [
        (f"{row[1]:.2f} to {row[2]:.2f}", number(row[0], 3), number(row[3], 3), number(int(row[4]))) for row in known
    ]
    numbers = table(("bin", "predicted", "observed", "comparisons"), body, ("", "n", "n", "n"))
    return tag("div", join([tag("figure", join([Markup(plot), caption])), tag("div", numbers)]), "plots")


def lengths(run: Recorded) -> Markup:
    """How long the LLMs' responses are, and how long they were predicted to be."""
    listed = rows(run.tables, "lengths")
    if not listed:
        return Markup()
    domain = _domain(listed, "mean_actual", "mean_predicted")
    body = []
    for row in listed:
        actual, predicted = finite(row.get("mean_actual")), finite(row.get("mean_predicted"))
        ends = (actual, predicted) if actual is not None and predicted is not None else ()
        low, high = (min(ends), max(ends)) if ends else (None, None)
        title = f"actual {number(actual)}, predicted {number(predicted)}"
        figures = (row.get("mean_actual"), row.get("mean_predicted"), row.get("mae_tokens"))
        cells = [number(row.get("responses")), *(number(figure, 1) for figure in figures)]
        plot = Markup(plots.interval(predicted, low, high, domain, title, "one"))
        body.append((row.get("model"), *cells[:3], plot, cells[3], number(row.get("relative_accuracy"), 3)))
    header = ("LLM", "responses", "actual", "predicted", Markup(plots.axis(domain)), "error", "rel. accuracy")
    said = (
        "Held-out responses in tokens, means of each LLM. The dot is the prediction, the bar reaches to what it was. "
        "The error is the mean of |predicted - actual|."
    )
    intro = tag("p", said, "soft")
    return join([intro, table(header, body, ("who", "n", "n", "n", "plotted", "n", "n"))])


def length_calibration(run: Recorded) -> Markup:
    """Predicted and actual lengths by tenth of the predictions."""
    names = ("predicted", "actual", "actual_low", "actual_high", "count")
    groups = [[finite(row.get(name)) for name in names] for row in rows(run.tables, "length_calibration")]
    known = np.array([row for row in groups if None not in row and row[-1]], dtype=float).reshape(-1, len(names))
    if not len(known):
        return Markup()
    predicted, actual, low, high, count = known.T
    plot = plots.agreement(predicted, actual, low, high, count, f"Predicted and actual lengths in {len(known)} groups")
    caption = tag(
        "figcaption",
        "Responses in groups of equal size by predicted length: the median prediction and the median length in tokens; "
        "on the dashed line the two are equal. Whiskers: the middle half of the lengths.",
    )
    body = [
        (number(row[0], 1), number(row[1], 1), f"{row[2]:,.1f} to {row[3]:,.1f}", number(int(row[4]))) for row in known
    ]
    numbers = table(("predicted", "actual", "middle half", "responses"), body, ("n",) * 4)
    return tag("div", join([tag("figure", join([Markup(plot), caption])), tag("div", numbers)]), "plots")


def data(run: Recorded) -> Markup:
    """What was read, kept and skipped."""
    return tree(run.data, counts=True) if run.data else Markup()


def warnings(run: Recorded) -> Markup:
    """What was odd, and where in the spec."""
    if not run.warnings:
        return Markup()
    body = [(tag("code", event.get("pointer") or ""), event.get("message") or "") for event in run.warnings]
    return table(("place", "warning"), body, ("place",))


def spec(run: Recorded) -> Markup:
    """The resolved spec, as it can be run again."""
    if not run.spec:
        return Markup()
    return tag("pre", tag("code", block(json.dumps(run.spec, indent=2, ensure_ascii=False))))


def lock(run: Recorded) -> Markup:
    """What a replay needs."""
    return tree(run.lock, fold=("packages",)) if run.lock else Markup()


def timeline(run: Recorded) -> Markup:
    """What happened when; neighbouring events of one kind are one row."""
    known = [t for span in run.spans for t in (span.first, span.last) if t is not None]
    if not known:
        return Markup()
    start, total = min(known), max(known) - min(known)
    body = []
    for span in run.spans[:LONGEST_TIMELINE]:
        said = sentence(span.event) + (f"  ({span.count:,} events)" if span.count > 1 else "")
        if span.first is None or span.last is None:
            body.append(("-", "", said))
            continue
        bar = plots.stretch(span.first - start, span.last - start, total, f"from {duration(span.first - start)}")
        body.append((f"+ {duration(span.first - start)}", Markup(bar), said))
    left = len(run.spans) - len(body)
    parts: list[object] = [table(("time", "", "event"), body, ("n", "plotted"))]
    if left > 0:
        parts.append(tag("p", f"{left:,} later rows are in events.jsonl.", "soft"))
    return join(parts)


def log(run: Recorded) -> Markup:
    """The end of the run's own output."""
    return tag("pre", block(run.log)) if run.log.strip() else Markup()


def model_type(run: Recorded) -> str:
    """The run's kind, from its first event, else from its spec."""
    model = run.spec.get("model")
    inner = model.get("spec") if isinstance(model, Mapping) else None
    named = inner.get("model_type") if isinstance(inner, Mapping) else None
    return clean(run.started.get("model_type") or named or "run")


def _card(name: str, value: str, *notes: object) -> Markup:
    lines = [
        tag("div", name, "name"),
        tag("div", value, "value"),
        *(tag("div", note, "soft") for note in notes if note),
    ]
    return tag("div", join(lines), "card")


def _domain(rows_: list[Any], *names: str) -> tuple[float, float]:
    """The range of these columns with a little air, never empty."""
    values = [value for row in rows_ for name in names if (value := finite(row.get(name))) is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    air = (high - low) * 0.05 or abs(low) * 0.1 or 1.0
    return low - air, high + air


def _interval(
    row: Mapping[str, Any], value: str, low: str, high: str, domain: tuple[float, float], colour: str
) -> Markup:
    a, b, c = (finite(row.get(name)) for name in (value, low, high))
    title = f"{number(a)}, {_range(b, c)}" if b is not None and c is not None else number(a)
    return Markup(plots.interval(a, b, c, domain, title, colour))


def _range(low: object, high: object) -> str:
    if finite(low) is None or finite(high) is None:
        return ""
    return f"{number(low, 3)} to {number(high, 3)}"
