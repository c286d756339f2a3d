"""``model.spec`` of a kind, and the stored models that it may name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from runner.contract.layouts import DataSection
from runner.contract.sections import Section
from runner.errors import Fault


@dataclass(frozen=True)
class Needed:
    """What a stored model has to be, so that a spec's field may name it. Checked before a run is made."""

    #: Its kind's task, or None for any.
    task: str | None = None
    #: A folder in its artifact, such as ``llm_embedding``, or None.
    folder: str | None = None


class ModelSpec(Section):
    """``model.spec`` of one kind. Subclasses declare ``model_type: Literal["<module name>"]`` without a default."""

    #: Whether the kind goes over the data ``epochs`` times. A kind that does not ignores ``epochs``, with a warning.
    uses_epochs: ClassVar[bool] = True
    #: Whether ``batch_size`` means something to it.
    uses_batch_size: ClassVar[bool] = True
    #: What ``epochs`` and ``batch_size`` are where a document leaves them out; None: it may not.
    default_epochs: ClassVar[int | None] = None
    default_batch_size: ClassVar[int | None] = None
    #: The section that ``data`` is read as; it also knows how to load what it describes (:class:`DataSection`).
    data: ClassVar[type[DataSection]]
    #: The fields that name another stored model, and what that model has to be. One of a section within has its place
    #: in the spec: ``teacher/model_name``.
    references: ClassVar[Mapping[str, Needed]] = {}
    #: What it reads of a comparison beside who met whom and who won: ``prompts``, ``responses``. Data that lacks it is
    #: refused.
    reads: ClassVar[frozenset[str]] = frozenset({"prompts", "responses"})
    #: Whether it learns from who won. Comparisons without a winner are refused then.
    reads_winners: ClassVar[bool] = True
    #: The fields that leave out what is rare: each is the least number of rows that an LLM has to be in.
    row_filters: ClassVar[tuple[str, ...]] = ()

    #: Whether several processes can train it together (``run.processes``): then its training goes by
    #: ``TrainContext.processes``.
    takes_processes: ClassVar[bool] = False

    #: Whether ``batch_size`` may be ``auto``: then its training goes by ``TrainContext.at_once``.
    takes_auto_batch_size: ClassVar[bool] = False

    model_type: str

    def step_rows(self, batch_size: int) -> int:
        """How many examples make a step."""
        return batch_size

    def takes_empty_responses(self) -> bool:
        """Whether comparisons count in which an LLM answered nothing: they do where no response is read."""
        return "responses" not in self.reads

    def wants_torch(self) -> bool | None:
        """Whether this spec's training computes with torch, which takes seconds to import.

        None: it does where its kind requires torch. A kind that needs it for some of its specs alone overrides this.
        """
        return None

    def stored_models(self) -> dict[str, str]:
        """The stored models that this spec names, by field. Where a field may name something else as well, such as a
        model of the Hub, its kind overrides this."""
        named = {name: getattr(self, name) for name in self.references}
        return {name: reference for name, reference in named.items() if reference is not None}

    def needed(self, field: str) -> Needed:
        """What the stored model has to be that ``field``, one of :meth:`stored_models`, names."""
        return self.references[field]

    def needs_network(self) -> bool:
        """Whether its training asks what is not on this machine, beside its data and its models."""
        return False

    def runs_code(self) -> str | None:
        """The field for which code has to be run that a model wrote (``TrainContext.code``); None where there is none.

        Such a training runs beside an engine, and not in a container itself.
        """
        return None

    def check_files(self, cwd: Path) -> None:
        """Raise :class:`~runner.errors.DataError` for a file that it names, is there, and cannot be used, where reading
        it tells. Relative names count from ``cwd``. Called before a run is made."""

    def check_modules(self, cwd: Path) -> None:
        """Raise :class:`~runner.errors.DataError` for a module that it names, or that such a file imports, and that
        this Python has not. Called before a run is made that this Python trains, in ``cwd``."""

    def secrets(self) -> tuple[str, ...]:
        """The environment variables whose values its training needs and no file may hold."""
        return ()

    def stays_here(self) -> tuple[str, str] | None:
        """The field that makes the stored model of no use on another machine, and why, in words; None where it is."""
        return None

    def opened_beside(self) -> str | None:
        """The field that names the model which a stored model of this spec is opened beside; None: it stands alone."""
        return None

    def undividable(self) -> tuple[str, str] | None:
        """Why several processes cannot hold a part of the weights each (``run.sharding``): the field that is in the
        way, and a few words. None where they can."""
        return None

    def misfits(self, models: Mapping[str, Path]) -> list[Fault]:
        """What cannot be done with the pretrained models that are at hand, as far as a glance at their files tells.

        ``models`` are folders by the field that names them; under ``start_state`` there is the stored model that the
        training goes on from. Asked before a run is made: it imports nothing heavy.
        """
        return []

    def evaluation_files(self) -> Sequence[str]:
        """The task files that the model is asked in training, as `runner evaluate` takes them."""
        return ()

    def evaluation_faults(self, tasks: Sequence[Any]) -> list[Fault]:
        """What is wrong with those tasks for this spec. They are read and checked, each by itself."""
        return []

    def fixed_length(self) -> str | None:
        """Why a resumed run has to keep its number of epochs, in a few words; None where it may change."""
        return None

    def filters(self) -> dict[str, int]:
        """The filters on rare things: field -> the least number of rows, 0 for none."""
        return {name: getattr(self, name) or 0 for name in self.row_filters}
