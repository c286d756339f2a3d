"""What became of a sweep's trials: a file to which lines are added and in which none is changed. It is the truth."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from runner.errors import IntegrityError
from runner.store.files import cannot_read, cannot_write
from runner.sweeps.sweep_fields import Goal

NAME = "journal.jsonl"
#: Bytes that are read at once: what they say is small enough to stay near the processor.
AT_ONCE = 2**16


class TrialState(StrEnum):
    """What became of a trial. None of them is a number."""

    #: Asked for, and not over: it is being trained, or was when the sweep was interrupted.
    RUNNING = "running"
    #: The same, where no process runs the sweep: it is gone on with when the sweep is. In no journal.
    INTERRUPTED = "interrupted"
    COMPLETE = "complete"
    #: Stopped, as it would not have been the best.
    PRUNED = "pruned"
    FAILED = "failed"
    #: Trained whole, and the run has no such metric.
    MISSING_METRIC = "missing metric"
    #: Not trained: a constraint does not hold, or the spec is none.
    INFEASIBLE = "infeasible"
    #: Not trained again: another trial trains the same.
    DUPLICATE = "duplicate"


#: By what the journal says; the enumeration itself takes five times as long to ask.
STATES = {str(state): state for state in TrialState}
#: Those that count against the sweep's ``trials``: a run was begun for them.
COUNTED = (
    TrialState.RUNNING,
    TrialState.INTERRUPTED,
    TrialState.COMPLETE,
    TrialState.PRUNED,
    TrialState.FAILED,
    TrialState.MISSING_METRIC,
)


@dataclass(frozen=True)
class Aim:
    """A metric, and which way is better: maximize or minimize."""

    metric: str
    goal: Goal

    def cost(self, value: float) -> float:
        """The value, so that less is better."""
        return -value if self.goal == "maximize" else value


@dataclass(slots=True)
class Trial:
    """One trial, as the journal has it."""

    number: int
    values: dict[str, Any]
    state: TrialState = TrialState.RUNNING
    #: Its model's name, and what it is never trained twice by.
    name: str | None = None
    identity: str | None = None
    run: str | None = None
    #: The stored model, TYPE/NAME/vN.
    model: str | None = None
    #: What it is judged by; None where it has none.
    value: float | None = None
    #: The same of the second metric, where the sweep has two.
    second: float | None = None
    #: All that its run was measured with.
    metrics: dict[str, Any] = field(default_factory=dict)
    #: Measurement -> value, as told while it trained.
    told: dict[int, float] = field(default_factory=dict)
    #: The measurement after which it was to stop.
    pruned_at: int | None = None
    #: Seconds of training.
    seconds: float = 0.0
    #: Why it failed, or is not feasible; which trial it repeats.
    why: str | None = None
    #: Whether a person asked for it.
    added: bool = False
    #: Which of the sweep's spaces it was drawn from.
    segment: int = 0

    @property
    def counted(self) -> bool:
        return self.state in COUNTED


class Journal:
    """A sweep's journal: read whole, added to by one process at a time (who holds the sweep's lock)."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        #: The byte behind the last line that was read.
        self.read_to = 0

    def size(self) -> int:
        """Its bytes; 0 where there is none."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def lines(self, begin: int = 0) -> Iterator[dict[str, Any]]:
        """Every line from the byte ``begin`` on. A last one that was cut short by a kill is none. Raises
        :class:`IntegrityError` for another."""
        try:
            with self.path.open("rb") as file:
                file.seek(begin)
                text = file.read()
        except FileNotFoundError:
            return
        except OSError as error:
            raise cannot_read(self.path, error) from error
        whole = text.rfind(b"\n") + 1
        self.read_to = begin + whole
        at, number = 0, 1
        while at < whole:
            end = text.find(b"\n", min(at + AT_ONCE, whole - 1)) + 1
            found = self._read(text[at : end - 1], number)
            yield from found
            at, number = end, number + len(found)

    def _read(self, piece: bytes, number: int) -> list[dict[str, Any]]:
        """What some lines say, the first of which has this ``number``: read as one list, which takes a sixth of the
        time, and one by one only where something is wrong, to name it."""
        with contextlib.suppress(ValueError, KeyError, TypeError):
            found: list[dict[str, Any]] = from_json(b"[" + piece.replace(b"\n", b",") + b"]", cache_strings="keys")
            for each in found:
                each["event"]
            if len(found) == piece.count(b"\n") + 1:
                return found
        lines = piece.split(b"\n")
        for at, line in enumerate(lines, number):
            try:
                json.loads(line)["event"]
            except (ValueError, KeyError, TypeError):
                raise IntegrityError(
                    "the journal is damaged: this line is none of its own",
                    where=f"{self.path}:{at}",
                    hint="put the file back as it was; the runs themselves are in the runs folder",
                ) from None
        return [json.loads(line) for line in lines]

    def add(self, event: str, **fields: Any) -> None:
        """Add a line, and see it onto the disk. Raises EnvironmentProblem where that fails: nothing is half-written
        for a reader."""
        line = json.dumps({"t": round(time.time(), 3), "event": event} | fields, ensure_ascii=False).encode() + b"\n"
        try:
            with self.path.open("r+b" if self.path.exists() else "w+b") as file:
                file.seek(0, os.SEEK_END)
                self._drop_cut(file)
                end = file.tell()
                try:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(end)
                    raise
        except OSError as error:
            raise cannot_write(self.path, error) from error

    @staticmethod
    def _drop_cut(file: Any) -> None:
        """Take away the end of a line that was cut short."""
        size = file.tell()
        if not size:
            return
        file.seek(size - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)


@contextlib.contextmanager
def _nothing_collected() -> Iterator[None]:
    """Do not look for garbage: of a hundred thousand trials all stays, and looking takes as long as reading."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass
class Record:
    """What a journal says, put together."""

    trials: dict[int, Trial] = field(default_factory=dict)
    #: Values that a person asked for and that were not begun yet.
    waiting: list[dict[str, Any]] = field(default_factory=list)
    #: The hash of each space that was drawn from, in order.
    spaces: list[str] = field(default_factory=list)
    #: Lines that a chooser is told again, in order: what was asked, told and decided since the last space began.
    steps: list[dict[str, Any]] = field(default_factory=list)
    #: What its trials are judged by: one metric or two; none before the first line.
    aims: tuple[Aim, ...] = ()
    #: How many more trials there are in each state, where only some were read.
    left_out: Counter[TrialState] = field(default_factory=Counter)
    #: The byte of the journal that it was read to.
    read_to: int = 0

    @classmethod
    def read(cls, journal: Journal) -> Record:
        found = cls()
        with _nothing_collected():
            for line in journal.lines():
                found.take(line)
        found.read_to = journal.read_to
        return found

    def take(self, line: dict[str, Any]) -> None:
        """Take one line in."""
        match line["event"]:
            case "space":
                self.spaces.append(line["hash"])
                self.aims = (Aim(line["metric"], line["goal"]),)
                if "second" in line:
                    self.aims += (Aim(**line["second"]),)
                self.steps = []
            case "added":
                self.waiting.append(line["values"])
            case "asked":
                trial = Trial(line["trial"], line["values"], TrialState.RUNNING, line.get("name"), line.get("identity"))
                trial.segment = len(self.spaces) - 1
                self.trials[trial.number] = trial
                if line.get("added"):
                    trial.added = True
                    if trial.values in self.waiting:
                        self.waiting.remove(trial.values)
                self.steps.append(line)
            case "run":
                self.trials[line["trial"]].run = line["run"]
            case "told":
                self.trials[line["trial"]].told[line["at"]] = line["value"]
                self.steps.append(line)
            case "pruned":
                self.trials[line["trial"]].pruned_at = line["at"]
            case "ended":
                trial = self.trials[line["trial"]]
                said = line.get
                trial.state = STATES[line["state"]]
                trial.value, trial.second, trial.model, trial.why = (
                    said("value"), said("second"), said("model"), said("why"),
                )  # fmt: skip
                trial.metrics = said("metrics") or {}
                trial.seconds += line.get("seconds", 0.0)
                self.steps.append(line)
            case "again":
                trial = self.trials[line["trial"]]
                trial.state, trial.why = TrialState.RUNNING, None
                self.steps.append(line | {"values": trial.values})

    def counted(self) -> int:
        """How many of the sweep's ``trials`` are begun or over."""
        return sum(count for state, count in self.states().items() if state in COUNTED)

    def states(self) -> Counter[TrialState]:
        """How many trials are in each state."""
        return Counter(trial.state for trial in self.trials.values()) + self.left_out

    @property
    def metric(self) -> str | None:
        """The first metric that its trials are judged by."""
        return self.aims[0].metric if self.aims else None

    @property
    def goal(self) -> str | None:
        """Which way is better in it."""
        return self.aims[0].goal if self.aims else None

    def best(self) -> Trial | None:
        """The best of those that are complete; of equals the first. None where two metrics say what is good: then
        there is a :meth:`front`."""
        return next(iter(self.front()), None) if len(self.aims) < 2 else None

    def front(self) -> list[Trial]:
        """The complete trials to which no other is better in one metric and as good in the rest (the Pareto front), the
        best by the first metric first; of equals the first. Of one metric it is the best trial alone."""
        judged: list[tuple[tuple[float, ...], Trial]] = []
        for trial in self.trials.values():
            if trial.state is TrialState.COMPLETE and trial.value is not None:
                values = (trial.value, trial.second)[: len(self.aims)] if self.aims else (trial.value,)
                if all(value is not None for value in values):
                    aims = self.aims or (Aim("value", "minimize"),)
                    costs = tuple(aim.cost(value or 0.0) for aim, value in zip(aims, values, strict=True))
                    judged.append((costs, trial))
        judged.sort(key=lambda each: (each[0], each[1].number))
        found: list[Trial] = []
        least = float("inf")
        for costs, trial in judged:
            # Of one metric every later one is worse in all that there is.
            if not found or (len(costs) > 1 and costs[-1] < least):
                found.append(trial)
                least = costs[-1]
        return found
