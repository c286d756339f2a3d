"""What a model finds in texts: an answer a question, with its place and score, or that there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from runner.errors import RunFailed, UsageError
from runner.tasks.answers import Answers, OpenedModel
from runner.tasks.spans import SpanOptions
from runner.tasks.spans.best_spans import KEPT, Found

Record = dict[str, Any]
#: The parameter of a stored model that says when none is given.
NULL_THRESHOLD = "null_threshold"


class SpanAnswers(Answers):
    """One model's answers by one set of options.

    A record is ``{"text": "noon", "start": 40, "end": 44, "score": 0.93, "null_score": -3.1}``: ``start`` and ``end``
    are places in the context, in characters, ``score`` is the answer's share among those that were found, and
    ``null_score`` how much more no answer scores than the best one; null for a model that always answers. Without an
    answer ``text`` is empty, and ``start`` and ``end`` are null. ``n_best`` adds
    ``"n_best": [{"text", "start", "end", "score"}, ...]``, the best first.
    """

    document_key = "answers"

    def __init__(self, predictor: Any, options: SpanOptions, threshold: float | None) -> None:
        super().__init__()
        self._predictor, self._options, self._threshold = predictor, options, threshold

    def facts(self) -> Record:
        """What decides every byte of the output beside the model and the rows."""
        return {"options": self._options.model_dump(), NULL_THRESHOLD: self._threshold}

    def provenance(self) -> Record:
        return self.facts()

    def answer(self, rows: Sequence[Any], batch_size: int) -> list[Record]:
        """One record a question. Raises :class:`~runner.errors.RunFailed` for a score that is not a finite number."""
        if not rows:
            return []
        found = self._predictor.predict(rows, self._options, batch_size)
        return [self._record(row, one) for row, one in zip(rows, found, strict=True)]

    def columns(self) -> list[tuple[str, str]]:
        """``text``, ``start``, ``end``, ``score``, ``null_score``; ``n_best/1/text`` and so on."""
        own = [("text", "string"), ("start", "int64"), ("end", "int64"), ("score", "double"), ("null_score", "double")]
        for place in range(1, (self._options.n_best or 0) + 1):
            own += [(f"n_best/{place}/{name}", kind) for name, kind in own[:4]]
        return own

    def flat(self, record: Record) -> list[Any]:
        """A record's cells in the order of :meth:`columns`."""
        cells = [record[name] for name in ("text", "start", "end", "score", "null_score")]
        best = record.get("n_best", [])
        for place in range(self._options.n_best or 0):
            one = best[place] if place < len(best) else {}
            cells += [one.get(name) for name in ("text", "start", "end", "score")]
        return cells

    def _record(self, row: Any, found: Found) -> Record:
        logits = [span.logit for span in found.spans] + [found.null]
        if not all(map(math.isfinite, logits)):
            raise RunFailed(
                f"a score is not a finite number for the question {row.question!r:.80}",
                hint="its training diverged: train it again with a lower learning rate",
            )
        shares, none = found.shares(self._threshold is not None)
        spans = [
            {"text": row.context[span.start : span.end], "start": span.start, "end": span.end, "score": share}
            for span, share in zip(found.spans, shares, strict=True)
        ]
        if found.answered(self._threshold):
            record: Record = dict(spans[0])
        else:
            record = {"text": "", "start": None, "end": None, "score": none}
        told = self._threshold is not None and bool(found.spans)
        record["null_score"] = found.null_score if told else None
        if self._options.n_best is not None:
            record["n_best"] = spans[: self._options.n_best]
        return record


def open_answers(opened: OpenedModel, options: SpanOptions, say: Callable[[str], None]) -> SpanAnswers:
    """The answers of a predictor whose ``predict`` gives a :class:`~runner.tasks.spans.best_spans.Found` a question.

    Raises :class:`~runner.errors.UsageError` for a threshold that this model has no use for.
    """
    own = opened.parameter(NULL_THRESHOLD)
    if options.null_threshold is not None and own is None:
        raise UsageError(
            "the model was trained without unanswerable questions, and always answers",
            where="null_threshold",
            hint="leave it out; to have it, train with questions that have no answer",
        )
    return SpanAnswers(opened.predictor, options, own if options.null_threshold is None else options.null_threshold)


def kept(options: SpanOptions) -> int:
    """Answers that are kept of a question, so that as many are there as are asked for."""
    return max(KEPT, options.n_best or 0)
