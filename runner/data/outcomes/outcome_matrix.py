"""What LLMs' answers to prompts were worth and cost, as arrays ``[prompts, LLMs]`` with holes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Numpy doubles the time to check a spec, which never touches an array.
    import numpy as np

#: What is known of an answer beside its score, each float64 ``[P, M]`` or None where the data has no column of it.
AMOUNTS = ("costs", "prompt_tokens", "completion_tokens", "latency")


@dataclass(frozen=True)
class OutcomeMatrix:
    """``P`` prompts and ``M`` LLMs. A score that is NaN is a hole: nobody asked, or nobody judged."""

    #: The form that it was read from, such as ``routerbench``.
    format: str
    models: tuple[str, ...]  # [M], sorted
    prompts: tuple[str, ...]  # [P], last user prompts; "" where the data has none
    histories: tuple[tuple[str, ...], ...]  # [P], the earlier turns' texts, oldest first
    groups: tuple[str, ...]  # [P], a category or a benchmark's name, "" where there is none
    keys: tuple[str, ...]  # [P], what a prompt is known by: its text, or a name of its own where there is none
    numbers: tuple[int, ...]  # [P], the line or row of the file that a prompt was first in
    scores: np.ndarray  # float64 [P, M], NaN for a hole; the greater the better
    costs: np.ndarray | None = None  # in the data's currency, of the whole call
    prompt_tokens: np.ndarray | None = None
    completion_tokens: np.ndarray | None = None
    latency: np.ndarray | None = None  # in the data's unit, mostly seconds
    responses: tuple[tuple[str | None, ...], ...] | None = None  # [P][M], None where there is none
    #: What the data has no columns of: ``prompts``, ``responses``.
    lacks: frozenset[str] = frozenset()
    #: The least and the greatest score that there may be, where the spec says so.
    score_range: tuple[float, float] | None = None

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def filled(self) -> np.ndarray:
        """Where there is a score: bool ``[P, M]``."""
        import numpy as np

        return ~np.isnan(self.scores)

    def take(self, rows: np.ndarray) -> OutcomeMatrix:
        """Some prompts, by index or by a bool mask."""
        import numpy as np

        at = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows, np.int64)
        chosen: dict[str, Any] = {}
        for name in ("prompts", "histories", "groups", "keys", "numbers"):
            values = getattr(self, name)
            chosen[name] = tuple(values[row] for row in at)
        for name in ("scores", *AMOUNTS):
            table = getattr(self, name)
            chosen[name] = None if table is None else table[at]
        if self.responses is not None:
            chosen["responses"] = tuple(self.responses[row] for row in at)
        return replace(self, **chosen)

    def of(self, models: Sequence[str]) -> OutcomeMatrix:
        """These LLMs' columns, in their order; one that the matrix does not have is all holes."""
        place = {name: at for at, name in enumerate(self.models)}
        at = [place.get(name, -1) for name in models]
        responses = self.responses
        if responses is not None:
            responses = tuple(tuple(row[column] if column >= 0 else None for column in at) for row in responses)
        tables: dict[str, Any] = {name: self._columns(name, at) for name in ("scores", *AMOUNTS)}
        return replace(self, models=tuple(models), responses=responses, **tables)

    def _columns(self, name: str, at: Sequence[int]) -> np.ndarray | None:
        import numpy as np

        table = getattr(self, name)
        if table is None:
            return None
        # The column that an index of -1 takes.
        wider = np.concatenate([table, np.full((len(table), 1), np.nan)], axis=1)
        return np.asarray(wider[:, list(at)])

    def digest(self) -> bytes:
        """The SHA-256 of what it holds, on every machine the same."""
        import numpy as np

        told = hashlib.sha256()
        texts = [*self.models, *self.keys, *self.groups, *(text for history in self.histories for text in history)]
        for text in texts:
            encoded = text.encode("utf-8", "surrogatepass")
            told.update(b"%d " % len(encoded) + encoded)
        for name in ("scores", *AMOUNTS):
            table = getattr(self, name)
            if table is not None:
                # One bit pattern for a hole, whichever NaN a library made.
                told.update(name.encode() + np.where(np.isnan(table), np.nan, table).astype("<f8").tobytes())
        for row in self.responses or ():
            for response in row:
                encoded = (response or "").encode("utf-8", "surrogatepass")
                told.update(b"%d " % (-1 if response is None else len(encoded)) + encoded)
        return told.digest()
