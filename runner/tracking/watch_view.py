"""The picture of a watched run, as wide and high as the terminal is. Loaded on a terminal alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from runner.pages.harmless_text import clean
from runner.pages.numbers import duration, number
from runner.tracking.braille import curve
from runner.tracking.watched_run import Watched

#: Columns that a curve takes at least, and lines of one.
CURVE_WIDTH, CURVE_HEIGHT = 36, 4
#: Figures that come first, where there are any.
FIRST = ("train_loss", "loss")
#: Those that are no curves: how fast it goes, and what it takes.
RATES = {"tokens_per_second": "tokens/s", "peak_memory": "peak memory", "tokens": "tokens"}
STYLES = {"running": "bold green", "succeeded": "bold green", "failed": "bold red"}


class WatchView:
    """Draws a :class:`Watched` anew each time that it is asked to. ``state`` is the run's, by its document."""

    def __init__(self, watched: Watched, name: str, model: str | None) -> None:
        self._watched, self._name, self._model = watched, clean(name), clean(model or "")
        self.state = "running"
        self.machine: Mapping[str, str] = {}
        #: Whether a key leaves: told at the bottom.
        self.leaves = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, options.height or console.size.height
        yield Group(*self._parts(max(20, width), max(8, height)))

    def _parts(self, width: int, height: int) -> list[RenderableType]:
        watched = self._watched
        parts: list[RenderableType] = [self._head(), self._bar(width), *self._rates(width)]
        used = len(parts) + (1 if self.leaves else 0)
        across = max(1, min(3, width // CURVE_WIDTH))
        names = self._names()
        # Two lines of the log at least, and its heading.
        rows = max(0, min(-(-len(names) // across), (height - used - 3) // (CURVE_HEIGHT + 1)))
        for row in range(rows):
            parts.append(self._curves(names[row * across : (row + 1) * across], width, across))
            used += CURVE_HEIGHT + 1
        lines = [*watched.log(max(0, height - used - 1))] or list(watched.said)
        room = max(0, height - used - 1)
        if room and lines:
            parts.append(Text("log" if watched.log(1) else "told", style="bold"))
            parts += [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in lines[-room:]]
        if self.leaves:
            parts.append(Text("q leaves; the run goes on", style="dim", no_wrap=True, overflow="ellipsis"))
        return parts

    def _head(self) -> Text:
        watched = self._watched
        style = STYLES.get(self.state, "bold yellow")
        until = watched.heard if watched.ended is not None else time.time()
        spent = duration(until - watched.began) if watched.began is not None and until is not None else "-"
        device = clean((watched.started and watched.started.device) or "")
        told = Text.assemble((self.state, style), "  ", (self._model or self._name, "bold"), "  ")
        told.append("  ".join(part for part in (device, spent, self._name if self._model else "") if part))
        told.no_wrap, told.overflow = True, "ellipsis"
        return told

    def _bar(self, width: int) -> RenderableType:
        watched = self._watched
        left = watched.left()
        words = [f"{watched.label} {watched.position}".strip()]
        if watched.total:
            words.append(f"{100 * min(1.0, watched.done / watched.total):.0f} %")
        if left is not None:
            words.append(f"{duration(left)} left, at {time.strftime('%H:%M', time.localtime(time.time() + left))}")
        line = Table.grid(padding=(0, 1))
        text = "  ".join(words)
        room = width - len(text) - 1
        if watched.total and room >= 10:
            line.add_row(ProgressBar(total=watched.total, completed=watched.done, width=min(room, 60)), text)
            return line
        return Text(text, no_wrap=True, overflow="ellipsis")

    def _rates(self, width: int) -> list[RenderableType]:
        figures = self._watched.figures
        words = [f"{label} {_rate(name, figures[name])}" for name, label in RATES.items() if name in figures]
        words += [f"{name} {value}" for name, value in self.machine.items()]
        lines, line = [], ""
        for word in words:
            if line and len(line) + 2 + len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line}  {word}" if line else word
        return [Text(each, no_wrap=True, overflow="ellipsis") for each in [*lines, line] if each]

    def _names(self) -> list[str]:
        known = self._watched.curves
        return [name for name in FIRST if name in known] + [name for name in known if name not in FIRST]

    def _curves(self, names: Sequence[str], width: int, across: int) -> RenderableType:
        # One column is left free between two.
        each = (width - (across - 1)) // across
        grid = Table.grid(padding=(0, 1, 0, 0), collapse_padding=True)
        for _ in names:
            grid.add_column(width=each, no_wrap=True)
        grid.add_row(*(self._curve(name, each) for name in names))
        return grid

    def _curve(self, name: str, width: int) -> RenderableType:
        values = [value for _, value in self._watched.curves[name]]
        head = Text.assemble((name, "bold"), f" {number(values[-1])}", no_wrap=True, overflow="ellipsis")
        spread = f"  {number(min(values))} to {number(max(values))}"
        if len(head.plain) + len(spread) <= width:
            head.append(spread, style="dim")
        lines = curve(values, max(1, width - 1), CURVE_HEIGHT)
        return Group(head, *(Text(line, style="cyan", no_wrap=True) for line in lines))


def _rate(name: str, value: float) -> str:
    return f"{value / 2**20:,.0f} MiB" if name.endswith("memory") else number(value)
