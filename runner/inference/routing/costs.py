"""What a call of each LLM costs: a table that the user writes, and the expected cost of each answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from runner.errors import DataError, NotFoundError, UsageError
from runner.tasks.ranking.prices import MILLION, Price, half_priced

if TYPE_CHECKING:
    import numpy as np

#: Where no tokenizer counts them, a prompt has a token for this many characters: the usual rule for English.
CHARACTERS_A_TOKEN = 4
HINT = 'a table is {"NAME": 0.01, "OTHER": {"input": 0.5, "output": 1.5}}: a cost a call, or prices a million tokens'


@dataclass(frozen=True)
class Costs:
    """The table: LLM -> price."""

    prices: Mapping[str, Price]
    where: str

    @classmethod
    def read(cls, path: Path) -> Costs:
        """From a JSON file. Raises :class:`NotFoundError` or :class:`DataError` with every fault in it."""
        try:
            document = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_once)
        except FileNotFoundError:
            raise NotFoundError("there is no such file", where=str(path), hint=HINT) from None
        except (OSError, ValueError) as error:
            raise DataError(f"not a table of costs: {error}", where=str(path), hint=HINT) from None
        if not isinstance(document, dict) or not document:
            raise DataError("a table of costs is a JSON object with at least one LLM", where=str(path), hint=HINT)
        prices, faults = {}, []
        for name, value in document.items():
            if value == {}:
                faults.append(f"{name}: no price is given")
                continue
            try:
                prices[name] = price = Price.model_validate(value if isinstance(value, dict) else {"call": value})
                faults += [f"{name}: {fault}" for fault in half_priced(price)]
            except ValidationError as error:
                faults += [f"{name}: {_told(fault, isinstance(value, dict))}" for fault in error.errors()]
        if faults:
            raise DataError(f"not costs: {'; '.join(faults)}", where=str(path), hint=HINT)
        return cls(prices, str(path))

    def need(self, models: Sequence[str]) -> None:
        """Raise :class:`UsageError` for LLMs that the table leaves out."""
        missing = [name for name in models if name not in self.prices]
        if missing:
            raise UsageError(
                f"no cost is given for {', '.join(missing)}",
                where=self.where,
                hint="add a line for each, or leave them out with --models-to-score",
            )

    def need_lengths(self, models: Sequence[str]) -> list[str]:
        """The LLMs whose cost depends on an answer's length that the table does not say."""
        return [name for name in models if self.prices[name].output and self.prices[name].answer_tokens is None]

    def expected(self, models: Sequence[str], prompt_tokens: np.ndarray, answer_tokens: np.ndarray | None) -> Any:
        """Expected cost of each call, float64 ``[len(models), P]``.

        ``prompt_tokens`` is ``[P]``; ``answer_tokens`` ``[len(models), P]`` as a length model predicts them, NaN for an
        LLM that it does not know: the table's own ``answer_tokens`` count there.
        """
        import numpy as np

        rows = []
        for number, name in enumerate(models):
            price = self.prices[name]
            told = np.full(len(prompt_tokens), np.nan) if answer_tokens is None else answer_tokens[number]
            tokens = np.where(np.isnan(told), price.answer_tokens or 0.0, told)
            rows.append(price.call + (price.input * prompt_tokens + price.output * tokens) / MILLION)
        return np.array(rows, np.float64)


def _told(fault: Any, priced: bool) -> str:
    """What is wrong with one price, in words."""
    field, value = str(fault["loc"][0]), fault["input"]
    if fault["type"] == "extra_forbidden":
        return f"there is no price called {field}: {', '.join(Price.model_fields)}"
    least = "more than 0" if field == "answer_tokens" else "at least 0"
    return f"{field if priced else 'a cost'} is a number of {least}, and at most 1e15; it is {value!r:.60}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names are all different: of two prices for one LLM neither is taken."""
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} comes twice")
    return dict(pairs)


def prompt_tokens(prompts: Sequence[str]) -> np.ndarray:
    """About how many tokens each prompt has, float64 ``[P]``: at least one."""
    import numpy as np

    return np.maximum(1.0, np.array([len(prompt) for prompt in prompts], np.float64) / CHARACTERS_A_TOKEN)
