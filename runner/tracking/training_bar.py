"""The live bar: one line that is redrawn, with warnings and facts above it. Loaded on a terminal alone."""

from __future__ import annotations

import time
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from runner.contract import Measure
from runner.pages.harmless_text import clean
from runner.pages.numbers import duration, finite, number
from runner.runs.event_kinds import (
    DataEvent,
    EndedEvent,
    EpochEvent,
    Event,
    FitEvent,
    Numbers,
    ProgressEvent,
    StageEpochEvent,
    StampEvent,
    StartedEvent,
    StepEvent,
    StoppedEarlyEvent,
    TensorboardEvent,
    WarningEvent,
)
from runner.tracking.event_words import HELD_OUT_LOSS, backend_matters, phase, sentence, warning_text
from runner.tracking.paces import Pace
from runner.tracking.run_task import task_of


class LiveView:
    """A bar that is redrawn four times a second on ``stream``. rich honours ``NO_COLOR``."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, force_terminal=True, markup=False, highlight=False, emoji=False)
        self._open = False
        self._started: float | None = None
        self._label, self._position = "starting", ""
        self._done = 0.0
        self._total: float | None = None
        self._figures: list[str] = []
        self._pace: Pace | None = None
        self._pace_of: str | None = None
        self._batches: Pace | None = None
        self._unit = ""
        self._headline: Measure | None = None
        self._heard = time.monotonic()
        self._best: str | None = None
        self._last: str | None = None
        # Standard output carries results: it is never taken over. Lines on standard error appear above the bar.
        self._live = Live(
            get_renderable=self._draw,
            console=self._console,
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,
            vertical_overflow="crop",
        )

    def handle(self, event: Event) -> None:
        now = finite(event.t) or time.time()
        self._heard = time.monotonic()
        if not self._open and not isinstance(event, EndedEvent):
            self._open = True
            self._live.start()
        match event:
            case StartedEvent():
                self._started = now
                self._headline = task_of(event.model_type).headline
                self._print(Text(sentence(event), style="bold"))
            case DataEvent() | StoppedEarlyEvent():
                self._print(Text(sentence(event), style="dim"))
            case TensorboardEvent():
                self._print(Text(sentence(event), style="bold"))
            case FitEvent():
                self._print(Text(sentence(event), style="dim" if event.label == "fits" else "yellow"))
            case StampEvent():
                if backend_matters(event):
                    self._print(Text(sentence(event), style="dim"))
            case WarningEvent():
                self._print(Text.assemble(("warning: ", "bold yellow"), warning_text(event)))
            case ProgressEvent():
                self._progress(event, now)
            case StageEpochEvent():
                epoch, epochs = finite(event.epoch) or 0.0, finite(event.epochs)
                position = f"epoch {number(event.epoch)}/{number(event.epochs)}"
                self._show(clean(event.stage or "stage"), position, epoch, epochs, now)
                if epoch == epochs:
                    self._print(Text(sentence(event), style="dim"))
            case EpochEvent():
                self._epoch(event, now)
            case StepEvent():
                self._step(event, now)
            case EndedEvent():
                self._end(event.event, now)

    def close(self) -> None:
        """Remove the bar and show the cursor again. A second call does nothing."""
        if self._open:
            self._open = False
            self._live.stop()

    def _progress(self, event: ProgressEvent, now: float) -> None:
        done, total = finite(event.done) or 0.0, finite(event.total)
        epoch, epochs = finite(event.epoch), finite(event.epochs)
        unit = clean(event.unit or "steps")
        if epoch is None:
            label = phase(event)
            self._show(label, f"{number(event.done)}/{number(event.total)} {unit}", done, total, now)
            self._figures, self._batches, self._unit = [], None, unit
            return
        share = done / total if total else 0.0
        self._show("training", f"epoch {number(event.epoch)}/{number(event.epochs)}", epoch - 1 + share, epochs, now)
        # Batches are counted over the whole training, so that the pace does not start anew with each epoch.
        counted = (epoch - 1) * (total or 0.0) + done
        self._unit = unit
        if self._batches is None:
            self._batches = Pace(now, counted)
        self._batches.update(now, counted)
        self._take_figures(event.metrics)

    def _epoch(self, event: EpochEvent, now: float) -> None:
        epoch, epochs = finite(event.epoch) or 0.0, finite(event.epochs)
        self._show("training", f"epoch {number(event.epoch)}/{number(event.epochs)}", epoch, epochs, now)
        self._take_figures(event.metrics)
        self._last = sentence(event)
        if event.best:
            self._best = self._last

    def _step(self, event: StepEvent, now: float) -> None:
        step, steps, tokens = (finite(value) for value in (event.step, event.steps, event.tokens))
        of = f"/{number(event.steps)}" if steps is not None else ""
        self._show("training", f"step {number(event.step)}{of}", step or 0.0, steps, now)
        self._unit, counted = ("steps", step or 0.0) if tokens is None else ("tokens", tokens)
        if self._batches is None:
            self._batches = Pace(now, counted)
        self._batches.update(now, counted)
        self._take_figures(event.metrics)
        if event.best is not None or step == steps:
            self._last = sentence(event)
        if event.best:
            self._best = self._last

    def _take_figures(self, metrics: Numbers) -> None:
        """Keep the newest values of the loss and of the task's headline. An event may have only one of them."""
        known = dict(figure.rsplit(" ", 1) for figure in self._figures)
        held_out = HELD_OUT_LOSS if "train_loss" in metrics else "loss"
        wanted: list[tuple[str, str, int | None]] = [("train_loss", "loss", None), ("loss", held_out, None)]
        if self._headline is not None and self._headline.metric != "loss":
            wanted.append((self._headline.metric, self._headline.column, self._headline.decimals))
        for name, label, decimals in wanted:
            if finite(metrics.get(name)) is not None:
                known[label] = number(metrics[name], decimals)
        self._figures = [f"{label} {value}" for label, value in known.items()]

    def _show(self, label: str, position: str, done: float, total: float | None, now: float) -> None:
        if self._pace is None or label != self._pace_of:
            self._pace, self._pace_of = Pace(now, done), label
        self._pace.update(now, done)
        self._label, self._position, self._done, self._total = label, position, done, total

    def _rate(self) -> str:
        if self._batches is not None and self._batches.rate:
            return f"{self._batches.rate:,.1f} {self._unit}/s"
        rate = self._pace.rate if self._pace else None
        if not rate:
            return ""
        if self._label != "training":
            return f"{rate:,.1f} {self._unit}/s"
        return f"{rate:.1f} epochs/s" if rate >= 1 else f"{1 / rate:.1f} s/epoch"

    def _left(self) -> str:
        left = self._pace.left(self._total) if self._pace and self._total else None
        if left is None:
            return ""
        return f"{duration(max(0.0, round(left - (time.monotonic() - self._heard))))} left".replace(".0 s", " s")

    def _draw(self) -> RenderableType:
        """The bar and its figures. Where the terminal is too narrow, the last figures are left out first."""
        width = self._console.width
        figures = [self._position, *self._figures, self._left(), self._rate()]
        figures = [figure for figure in figures if figure]
        while len(figures) > 1 and len(self._label) + sum(len(figure) + 2 for figure in figures) + 12 > width:
            figures.pop()
        room = width - len(self._label) - sum(len(figure) + 2 for figure in figures) - 3
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True)
        grid.add_column(width=max(8, min(24, room)))
        grid.add_column(no_wrap=True, overflow="ellipsis")
        bar = ProgressBar(
            total=self._total, completed=self._done, pulse=self._total is None, width=max(8, min(24, room))
        )
        grid.add_row(Text(self._label, style="bold"), bar, Text("  ".join(figures)))
        return Group(grid)

    def _end(self, kind: str, now: float) -> None:
        self.close()
        if self._best is not None and self._best != self._last:
            self._print(Text(self._best.replace("best so far", "the best")))
        if self._last is not None:
            self._print(Text(self._last.replace("best so far", "the best")))
        spent = f" after {duration(now - self._started)}" if self._started is not None else ""
        style = {"finished": "bold green", "stopped": "bold yellow"}.get(kind, "bold red")
        self._print(Text(f"{kind}{spent}", style=style))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)
