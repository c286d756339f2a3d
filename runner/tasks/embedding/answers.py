"""What a model that compares texts says of rows: vectors, similarities, or the nearest texts of a corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.contract import departs
from runner.data.text_pairs.asked_texts import from_file
from runner.errors import DataError, UsageError
from runner.store.files import sha256_file
from runner.tasks._supervised.finite_answers import check_finite
from runner.tasks.answers import Answers, Form, OpenedModel, OutputFormat
from runner.tasks.embedding.options import EmbeddingOptions
from runner.tasks.embedding.search import Corpus
from runner.tasks.embedding.vector_files import VectorsBeside

Record = dict[str, Any]


class EmbeddingAnswers(Answers):
    """One model's answers by one set of options.

    A record is ``{"embedding": [...]}`` of a row with one text, ``{"similarity": 0.71}`` of one with two, with
    ``classes`` and their probabilities where the model has them, and with a corpus ``{"nearest": [{"text": ...,
    "similarity": ..., "row": 3}, ...]}``, the row counted from 0.
    """

    document_key = "embeddings"

    def __init__(self, predictor: Any, options: EmbeddingOptions) -> None:
        super().__init__()
        self._predictor, self._options = predictor, options
        self._corpus: Corpus | None = None
        if not predictor.embeds and departs(options, "vectors"):
            raise UsageError("the model reads two texts together: it has no vectors", where="--set vectors")
        if options.dimensions is not None:
            width = predictor.width if predictor.embeds else 0
            if options.dimensions > width:
                raise UsageError(
                    f"a vector has {width} numbers" if width else "the model has no vectors", where="--set dimensions"
                )

    def facts(self) -> Record:
        found: Record = {"options": self._options.model_dump()}
        if self._options.corpus is not None:
            found["corpus_sha256"] = _hashed(Path(self._options.corpus))
        return found

    def provenance(self) -> Record:
        return self.facts()

    def check(self, rows: Any) -> None:
        """Raise :class:`DataError` for a row that this model, or this question, has no answer to."""
        for chunk in rows.chunks(1024):
            for row in chunk:
                if self._options.corpus is not None and len(row.texts) > 1:
                    raise DataError("has two texts: one is searched for", where=row.where or rows.name)
                if not self._predictor.embeds and self._options.corpus is None and len(row.texts) < 2:
                    raise DataError(
                        "has one text, and the model compares two",
                        where=row.where or rows.name,
                        hint="--input FILE with two columns of texts, or --set corpus=FILE",
                    )

    def answer(self, rows: Sequence[Any], batch_size: int) -> list[Record]:
        """One record a row. Raises :class:`~runner.errors.RunFailed` for what is no finite number."""
        if self._options.corpus is not None:
            return self._searched([row.texts[0] for row in rows], batch_size)
        said = self._predictor.predict(rows, self._options, batch_size)
        check_finite(np.array([np.sum(value) for value in said]), "what the model says", rows)
        records = [_record(value) for value in said]
        pairs = [at for at, row in enumerate(rows) if len(row.texts) == 2]
        if self._predictor.classes and pairs:
            odds = self._predictor.class_odds([tuple(rows[at].texts) for at in pairs], batch_size)
            for at, values in zip(pairs, odds, strict=True):
                named = dict(zip(self._predictor.classes, (round(float(one), 6) for one in values), strict=True))
                records[at] |= {"label": max(named, key=lambda name: named[name]), "classes": named}
        return records

    def _searched(self, texts: Sequence[str], batch_size: int) -> list[Record]:
        if self._corpus is None:
            assert self._options.corpus is not None
            corpus: Any = from_file(Path(self._options.corpus))
            corpus.check()
            known = [row.texts[0] for chunk in corpus.chunks(1024) for row in chunk]
            self._corpus = Corpus(self._predictor, known, batch_size, self._options.dimensions)
        found = self._corpus.nearest(texts, self._options.top_k)
        return [
            {
                "nearest": [
                    {"text": self._corpus.texts[at], "similarity": round(float(value), 6) + 0.0, "row": int(at)}
                    for at, value in zip(places, values, strict=True)
                ]
            }
            for places, values in found
        ]

    def columns(self) -> list[tuple[str, str]]:
        if self._options.corpus is not None:
            return [("texts", "texts"), ("similarities", "floats"), ("rows", "int64s")]
        columns = [("embedding", "floats")] if self._predictor.embeds else []
        return [*columns, ("similarity", "double"), *([("label", "string")] if self._predictor.classes else [])]

    def flat(self, record: Record) -> list[Any]:
        if "nearest" in record:
            return [[hit[name] for hit in record["nearest"]] for name in ("text", "similarity", "row")]
        return [record.get(name) for name, _ in self.columns()]

    def form(self, form: OutputFormat) -> Form:
        if self._options.vectors == "inline":
            return super().form(form)
        if form != "json":
            raise UsageError(
                f"{form} has the vectors in its rows", where="--set vectors", hint="leave it out, or write json"
            )
        return VectorsBeside(self, self._options.vectors)


def _record(value: Any) -> Record:
    if isinstance(value, float):
        return {"similarity": round(value, 6) + 0.0}
    # Six decimals: the last digits hang on what else is in the batch.
    return {"embedding": [round(number, 6) + 0.0 for number in np.asarray(value, np.float64).tolist()]}


def _hashed(path: Path) -> str:
    if path.is_file():
        return sha256_file(path)
    files = sorted(each for each in path.rglob("*") if each.is_file())
    return hashlib.sha256("".join(sha256_file(each) for each in files).encode()).hexdigest()


def open_answers(opened: OpenedModel, options: EmbeddingOptions, say: Callable[[str], None]) -> EmbeddingAnswers:
    """The answers of a predictor that compares texts."""
    return EmbeddingAnswers(opened.predictor, options)
