"""The one split of a comparison, and the proof that no model was trained on what it is measured on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from runner.contract import DataSection, LoadContext, LoadedData, ModelSpec
from runner.errors import DataError, IntegrityError, RunFailed


class _Whole(ModelSpec):
    """Of all that is compared: no filter on rare LLMs, and each model's own training says what it lacks."""

    reads: ClassVar = frozenset[str]()
    reads_winners: ClassVar[bool] = False

    def takes_empty_responses(self) -> bool:
        """It does not: models that read responses could not be asked about such rows."""
        return False


@dataclass
class Split:
    """The data of a comparison: all LLMs of it, whatever a model's own filter leaves out."""

    section: DataSection
    cache: Path
    whole: LoadedData
    _own: dict[tuple[Any, ...], LoadedData] = field(default_factory=dict)

    @classmethod
    def load(cls, section: DataSection, cache: Path) -> Split:
        """Raises what loading raises, and :class:`DataError` where nothing is held out."""
        whole = section.load(LoadContext(_Whole(model_type="comparison"), cache, _silent))
        if not len(whole.validation):
            raise DataError(
                "nothing is held out, so there is nothing to compare models on",
                where="/data/validation_split",
                hint="--validation-split 0.2",
            )
        return cls(section, cache, whole)

    @property
    def held_out(self) -> Any:
        """What is held out, of the layout's own type."""
        return self.whole.validation

    def own(self, spec: ModelSpec) -> LoadedData:
        """The data as a model with this spec sees it: without the LLMs that its filter drops."""
        least, empty = tuple(sorted(spec.filters().items())), spec.takes_empty_responses()
        if not empty and not any(count for _, count in least):
            return self.whole
        if (least, empty) not in self._own:
            self._own[least, empty] = self.section.load(LoadContext(spec, self.cache, _silent))
        return self._own[least, empty]

    def refuse_seen(self, spec: ModelSpec, fingerprint: str | None) -> None:
        """Raise unless a model with this spec, trained on data of this fingerprint, saw none of the held-out prompts.

        :class:`IntegrityError` where the data is not what the model was trained on, :class:`RunFailed` where the two
        share prompts: its filter left one side of the common split empty, so that it has a split of its own.
        """
        data = self.own(spec)
        if data.fingerprint != fingerprint:
            raise IntegrityError(
                "the data changed between the training and the comparison", hint="compare again, when it is at rest"
            )
        seen = self.section.row_keys(data.train) & self.section.row_keys(self.held_out)
        if seen:
            raise RunFailed(
                f"it was trained on {len(seen)} of the held-out prompts: its filter on rare LLMs leaves one side of "
                "the common split empty",
                hint="--min-model-rows N sets every model's filter alike",
            )


def _silent(event: str, **fields: Any) -> None:
    """What is odd about the data is told when a model is trained on it."""
