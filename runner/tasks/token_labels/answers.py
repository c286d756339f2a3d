"""What a tagger says of a text: its entities, with their type, their characters and their score."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from runner.tasks._supervised.finite_answers import check_finite
from runner.tasks.answers import Answers, OpenedModel
from runner.tasks.token_labels.options import TokenLabelOptions
from runner.tasks.token_labels.tag_decoding import decode, entities_of

Record = dict[str, Any]


@dataclass(frozen=True)
class TokenOdds:
    """What a model says of one text: where its tokens stand in it, and of each the probability of every label."""

    text: str
    spans: Sequence[tuple[int, int]]
    #: float64 ``[tokens, labels]``
    probabilities: np.ndarray


class Tagger(Protocol):
    """What the task needs of a predictor."""

    #: The tags, in the order of :func:`~runner.data.tagged_tokens.tagged_row.labels_of`.
    labels: tuple[str, ...]

    def predict(self, rows: Sequence[Any], options: Any, batch_size: int) -> list[TokenOdds]: ...
    def predict_part(self, part: Any) -> list[np.ndarray]:
        """Of each row of one side of a split the probabilities, float64 ``[tokens, labels]``."""


class EntityAnswers(Answers):
    """One model's answers by one set of options.

    A record is ``{"text": ..., "entities": [{"type": "PER", "text": "Ida", "start": 0, "end": 3, "score": 0.98}]}``:
    characters ``[start, end)`` of the text, and the mean probability of the tags of its tokens. Of a list of tokens the
    text is these with a blank between two. ``tags`` adds ``"tokens"`` and ``"tags"``.
    """

    def __init__(self, predictor: Tagger, options: TokenLabelOptions) -> None:
        super().__init__()
        self._predictor, self._options = predictor, options

    def facts(self) -> Record:
        return {"options": self._options.model_dump()}

    def provenance(self) -> Record:
        return self.facts() | {"labels": list(self._predictor.labels)}

    def answer(self, rows: Sequence[Any], batch_size: int) -> list[Record]:
        """One record a row. Raises :class:`~runner.errors.RunFailed` for a probability that is not a finite number."""
        said = self._predictor.predict(rows, self._options, batch_size) if rows else []
        return [self._record(row, odds) for row, odds in zip(rows, said, strict=True)]

    def _record(self, row: Any, odds: TokenOdds) -> Record:
        check_finite(odds.probabilities.reshape(1, -1), "a tag's probability", [row])
        chosen = decode(odds.probabilities)
        tags = [self._predictor.labels[at] for at in chosen.tolist()]
        own = odds.probabilities[np.arange(len(chosen)), chosen]
        entities = []
        for entity in entities_of(tags):
            start, end = odds.spans[entity.start][0], odds.spans[entity.end - 1][1]
            score = float(own[entity.start : entity.end].mean())
            if score >= self._options.min_score:
                place = {"text": odds.text[start:end], "start": start, "end": end}
                entities.append({"type": entity.type} | place | {"score": score})
        record: Record = {"text": odds.text, "entities": entities}
        if self._options.tags:
            record |= {"tokens": [odds.text[start:end] for start, end in odds.spans], "tags": tags}
        return record

    def columns(self) -> list[tuple[str, str]]:
        """``text``, and as JSON text ``entities``, and with ``tags`` these and the tokens."""
        more = [("tokens", "string"), ("tags", "string")] if self._options.tags else []
        return [("text", "string"), ("entities", "string"), *more]

    def flat(self, record: Record) -> list[Any]:
        lists = [record[name] for name, _ in self.columns()[1:]]
        return [record["text"], *(json.dumps(each, ensure_ascii=False) for each in lists)]


def open_answers(opened: OpenedModel, options: TokenLabelOptions, say: Callable[[str], None]) -> EntityAnswers:
    """The answers of a predictor with ``labels``. ``say`` is for what comes up meanwhile; of this task nothing does."""
    return EntityAnswers(opened.predictor, options)
