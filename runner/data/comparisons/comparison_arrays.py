"""Comparisons of two LLMs' responses to one prompt as arrays: what the routing family trains on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Numpy doubles the time to check a spec, which never touches an array.
    import numpy as np

    from runner.data.outcomes import OutcomeMatrix

#: What ``winner`` holds.
A, B, TIE, BOTH_BAD = 0, 1, 2, 3


@dataclass(frozen=True)
class Comparisons:
    """``n`` comparisons as columns. Splits of one data set share ``models``, ``prompts``, ``histories``, ``groups``.

    So a split's own prompts are ``np.unique(split.prompt)``, not all of ``prompts``.
    """

    models: tuple[str, ...]  # LLM names, sorted
    prompts: tuple[str, ...]  # last user prompts, distinct together with their histories
    histories: tuple[tuple[str, ...], ...]  # per prompt: the earlier turns' texts, oldest first
    prompt: np.ndarray  # int32 [n], index into prompts
    model_a: np.ndarray  # int32 [n], index into models
    model_b: np.ndarray  # int32 [n]
    winner: np.ndarray  # int8 [n], A | B | TIE | BOTH_BAD
    responses_a: tuple[str, ...]  # [n]
    responses_b: tuple[str, ...]  # [n]
    tags: dict[str, np.ndarray]  # name -> float32 [n], NaN where a row has none; empty if no row has any
    groups: tuple[str, ...]  # per prompt: a group name, "" if the data has none
    #: What the data has no columns of, prompts or responses: the texts are "" then.
    lacks: frozenset[str] = frozenset()
    #: Per prompt what stands for it where there are none: every row has its own.
    row_keys: tuple[str, ...] = ()
    #: The matrix that they were drawn from: these prompts, and the columns in the order of ``models``. None where they
    #: were no matrix. Some of the comparisons keep the whole of it.
    outcomes: OutcomeMatrix | None = None

    def __len__(self) -> int:
        return len(self.winner)

    @property
    def keys(self) -> tuple[str, ...]:
        """Per prompt what it is known by, in the split and in the halves of a calibration: its text, or its row."""
        return self.row_keys if "prompts" in self.lacks else self.prompts

    @property
    def decided(self) -> np.ndarray:
        """The comparisons that have a winner: bool ``[n]``."""
        return self.winner <= B

    def take(self, rows: np.ndarray) -> Comparisons:
        """Some rows, by index or by a bool mask; models and prompts stay as they are."""
        import numpy as np

        at = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        return replace(
            self,
            prompt=self.prompt[at],
            model_a=self.model_a[at],
            model_b=self.model_b[at],
            winner=self.winner[at],
            responses_a=tuple(self.responses_a[index] for index in at),
            responses_b=tuple(self.responses_b[index] for index in at),
            tags={name: values[at] for name, values in self.tags.items()},
        )
