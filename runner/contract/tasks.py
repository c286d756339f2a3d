"""What a trained model answers, and how that is judged."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from runner.contract.measures import Measure
from runner.contract.quantities import counted
from runner.contract.sections import Section

#: The folder in a stored model of what was added to it after its training.
EXTENSION = "extension"


class AskOptions(Section):
    """What may be asked of a task's models at inference. A task without choices of its own uses this one."""

    def check(self) -> None:
        """Raise :class:`~runner.errors.UsageError` for what no type says, before any file is read."""

    def files(self) -> list[Path]:
        """The files that the options name: nothing is written over them."""
        return []


@dataclass(frozen=True)
class Task:
    """What a trained model answers, and how that is judged. Many kinds share one.

    What a task does lies in the modules of ``package``, its rooms, imported when they are needed (:meth:`room`):

    ``answers``
        ``open_answers(opened, options, say) -> Answers``: rows in, the output document, its JSON Lines and Parquet out
        (:class:`runner.tasks.answers.Answers` says what it has).
    ``comparing``
        ``compare(asked...)``: several models on one held-out set, paired (:mod:`runner.evaluation.comparing`).
    ``next_step``
        ``command(model, tables, program) -> str``: what to type after training; ``INVITATION``, where it is there,
        stands above it. With a ``file`` it is told what the kind's layout calls a file of rows to answer, or None.
    ``extended``, where its models can be extended without training them again
        ``open_extended(predictor, folder)``: the predictor of a stored model, with what its folder :data:`EXTENSION`
        adds to it.
    """

    name: str
    package: str
    #: The first is the headline: best epoch, early stopping, listings, W&B and sweeps go by it.
    measures: tuple[Measure, ...]
    #: What ``runner infer --set key=value`` takes.
    options: type[AskOptions]
    #: What the held-out things are, such as ``comparisons``, and what the models are, such as ``Routers``.
    held_out_noun: str = "rows"
    models_noun: str = "Models"
    #: What the best of the ``baselines`` table is.
    rival: str = "the best baseline"

    @property
    def headline(self) -> Measure:
        """The measure that decides which of two models is better."""
        return self.measures[0]

    def held_out(self, count: int) -> str:
        """``1 held-out row``, ``932 held-out comparisons``."""
        return counted(count, f"held-out {self.held_out_noun}")

    def room(self, name: str) -> ModuleType:
        """One of the task's modules, imported now."""
        return importlib.import_module(f"{self.package}.{name}")

    def has_room(self, name: str) -> bool:
        """Whether it has such a module."""
        return importlib.util.find_spec(f"{self.package}.{name}") is not None
