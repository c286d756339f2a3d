"""Steps that make rows out of rows: each a function of files and options, which writes files and a report of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner import near_names
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.contract import Section
    from runner.pipeline.steps.step_report import StepReport

#: The part of data that is not divided.
WHOLE = "data"
#: Where rows are: part -> a file, a folder of shards, a pattern or a data set of the Hub.
Inputs = Mapping[str, str | Path]


@dataclass(frozen=True)
class Step:
    """One step. Its module has ``Options``, a :class:`~runner.contract.Section`, and ``run``."""

    name: str
    summary: str
    module: str
    #: Whether rows of it can be given to another step: ``stats`` only tells of them.
    gives_rows: bool = True

    @property
    def options(self) -> type[Section]:
        """The class of its options, loaded when it is asked for."""
        found: type[Section] = import_module(self.module).Options
        return found

    @property
    def run(self) -> Callable[[Inputs, Any, Path], StepReport]:
        """``run(inputs, options, out) -> StepReport``. ``out`` is an empty folder that is there: a part of the output
        is a file ``PART.jsonl`` in it, and what begins with an underscore is no data."""
        found: Callable[[Inputs, Any, Path], StepReport] = import_module(self.module).run
        return found


STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step("process", "Raw files of any container as rows of one form.", "runner.pipeline.steps.processing"),
        Step("style", "A style's words in every system turn.", "runner.pipeline.steps.styling"),
        Step(
            "dedupe", "Each row once: equal ones, and those that are nearly so.", "runner.pipeline.steps.deduplicating"
        ),
        Step(
            "split",
            "Rows divided into train, validation and test, by what they ask.",
            "runner.pipeline.steps.splitting",
        ),
        Step("render", "Rows as the texts that a model reads and writes.", "runner.pipeline.steps.rendering"),
        Step("stats", "What there is to know of rows.", "runner.pipeline.steps.statistics", gives_rows=False),
    )
}


def step(name: str) -> Step:
    """The step of a name. Raises :class:`UsageError` with the one that was probably meant."""
    if name not in STEPS:
        known = ", ".join(STEPS)
        raise UsageError(f"there is no step {name!r}", hint=near_names.hint(name, STEPS, f"there are: {known}"))
    return STEPS[name]
