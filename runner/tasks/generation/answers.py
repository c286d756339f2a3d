"""What a language model says of rows: a completion each, or several."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from runner.contract.quantities import counted
from runner.tasks.answers import Answers, OpenedModel, check_each
from runner.tasks.generation.options import GenerationOptions, TargetOptions

Record = dict[str, Any]


class Completions(Answers):
    """One model's answers by one set of options.

    A record is ``{"completion": ..., "finish_reason": "stop", "completion_tokens": 12, "prompt_tokens": 30}``; of more
    than one answer, ``{"completions": [{...}, ...], "prompt_tokens": 30}``.
    """

    document_key = "completions"

    def __init__(self, predictor: Any, options: GenerationOptions) -> None:
        super().__init__()
        self._predictor, self._options = predictor, options
        self._cut = self._made = 0

    def facts(self) -> Record:
        """What decides every byte of the output beside the model and the rows."""
        return {"options": self._options.model_dump()}

    def provenance(self) -> Record:
        return self.facts()

    def check(self, rows: Any) -> None:
        if (ids := getattr(self._predictor, "checked_ids", None)) is not None:
            check_each(rows, lambda row: ids(row, self._options))

    def answer(self, rows: Sequence[Any], batch_size: int) -> list[Record]:
        """One record a row."""
        found = self._predictor.predict(rows, self._options, batch_size)
        counts = self._predictor.count(rows, self._options)
        records = []
        for completions, tokens in zip(found, counts, strict=True):
            self._made += len(completions)
            self._cut += sum(completion.finish_reason == "length" for completion in completions)
            each = [completion.as_dict() for completion in completions]
            records.append((each[0] if self._options.n == 1 else {"completions": each}) | {"prompt_tokens": tokens})
        return records

    def closing(self) -> list[str]:
        """How many answers were cut."""
        if not self._cut:
            return []
        were = f"{counted(self._made, 'answers')} {'was' if self._cut == 1 else 'were'}"
        return [
            f"{self._cut:,} of {were} cut at max_new_tokens ({self._options.max_new_tokens}) or at "
            "the end of the model's positions"
        ]

    def columns(self) -> list[tuple[str, str]]:
        """Texts and counts; several answers, tokens and tool calls as JSON."""
        if self._options.n > 1:
            return [("completions", "string"), ("prompt_tokens", "int64")]
        tokens = [("tokens", "string")] if self._options.logprobs else []
        return [
            ("completion", "string"),
            ("reasoning", "string"),
            ("tool_calls", "string"),
            ("finish_reason", "string"),
            ("completion_tokens", "int64"),
            *tokens,
            ("prompt_tokens", "int64"),
        ]

    def flat(self, record: Record) -> list[Any]:
        cells = [record.get(name) for name, _ in self.columns()]
        return [json.dumps(cell, ensure_ascii=False) if isinstance(cell, list) else cell for cell in cells]


def open_answers(opened: OpenedModel, options: GenerationOptions, say: Callable[[str], None]) -> Completions:
    """The answers of a predictor that generates."""
    if isinstance(options, TargetOptions):
        options = options.settled(opened.predictor.written_as)
        options.check()
    return Completions(opened.predictor, options)
