"""What the length kinds share: responses as rows, how long they are in tokens, and the scale that a model learns on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from runner.contract import TrainContext
from runner.data.comparisons import Comparisons
from runner.errors import DataError, Stopped
from runner.training.throttling import Every

#: The tokenizer's file in an artifact.
TOKENIZER = "tokenizer.json"
#: Files of which a tokenizer without that one has at least one.
VOCABULARIES = ("vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model")
#: Texts that are tokenized at once: it bounds the memory that their tokens take, and how long a stop waits.
CHUNK = 512


class TokenCounter:
    """Counts the tokens of a text as one model's tokenizer splits it: no special tokens, no truncation."""

    def __init__(self, tokenizer: Any) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path) -> TokenCounter:
        """The tokenizer of a model's folder, or the one that :meth:`save` wrote.

        Raises :class:`DataError` for a folder without one, or with one that has no fast implementation.
        """
        if (folder / TOKENIZER).exists():
            from tokenizers import Tokenizer

            return cls(Tokenizer.from_file(str(folder / TOKENIZER)))
        from transformers import AutoTokenizer

        try:
            # Without a vocabulary the library makes an empty tokenizer, to which every word is unknown.
            if not any((folder / name).exists() for name in VOCABULARIES):
                raise ValueError("its folder has no vocabulary")
            return cls(AutoTokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer)
        except (OSError, ValueError, AttributeError) as error:
            raise DataError(
                f"the model has no tokenizer that can count tokens: {error}",
                where=str(folder),
                hint="name a model whose folder holds a tokenizer.json",
            ) from error

    def save(self, folder: Path) -> None:
        """Write ``tokenizer.json``, which :meth:`load` reads back."""
        self._tokenizer.save(str(folder / TOKENIZER))

    def count(self, texts: Iterable[str], context: TrainContext | None = None) -> np.ndarray:
        """Tokens of every text, float64 ``[n]``, each distinct text tokenized once. At least 1.

        With a ``context`` its progress is told, and :class:`Stopped` is raised once the run is asked to stop.
        """
        texts = list(texts)
        distinct = list(dict.fromkeys(texts))
        counts: dict[str, int] = {}
        due = Every(0.25)
        for start in range(0, len(distinct), CHUNK):
            if context is not None and context.stop_requested():
                raise Stopped(f"stopped while counting tokens: {start} of {len(distinct)} responses are counted")
            if context is not None and due.due():
                context.emit("progress", done=start, total=len(distinct), unit="responses", metrics={})
            chunk = distinct[start : start + CHUNK]
            ready = [text.encode("utf-8", "replace").decode() for text in chunk]
            encoded = self._tokenizer.encode_batch_fast(ready, add_special_tokens=False)
            counts.update((text, max(1, len(tokens))) for text, tokens in zip(chunk, encoded, strict=True))
        return np.fromiter((counts[text] for text in texts), np.float64, len(texts))


@dataclass(frozen=True)
class LengthRows:
    """``n`` responses as columns, indices into a data set's ``prompts`` and ``models``."""

    prompt: np.ndarray  # int64 [n]
    model: np.ndarray  # int64 [n]
    tokens: np.ndarray  # float64 [n], at least 1

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def of(cls, comparisons: Comparisons, counter: TokenCounter, context: TrainContext | None = None) -> LengthRows:
        """Both sides of every comparison, whoever won; a response that stands in several comparisons is one row."""
        responses = (*comparisons.responses_a, *comparisons.responses_b)
        prompt = np.concatenate([comparisons.prompt, comparisons.prompt]).tolist()
        model = np.concatenate([comparisons.model_a, comparisons.model_b]).tolist()
        distinct = list(dict.fromkeys(zip(prompt, model, responses, strict=True)))
        return cls(
            np.fromiter((row[0] for row in distinct), np.int64, len(distinct)),
            np.fromiter((row[1] for row in distinct), np.int64, len(distinct)),
            counter.count((row[2] for row in distinct), context),
        )


@dataclass(frozen=True)
class LengthScale:
    """Log tokens and back: every LLM's mean log length, and one standard deviation of what is left over.

    A model learns ``(log tokens - the LLM's mean) / deviation``. The way back is ``exp``, which gives a median kind of
    estimate, times a factor for each LLM (:mod:`~.point_forecasts`). What comes back lies between 1 and the longest
    response of the training split.
    """

    mean: np.ndarray  # float64 [n_models], of log tokens
    deviation: float
    overall: float  # mean log tokens of all rows
    longest: float  # tokens
    #: Log factors of the first LLMs, float64; the others have ``usual_shift``.
    shift: np.ndarray = field(default_factory=lambda: np.zeros(0))
    usual_shift: float = 0.0

    @classmethod
    def fit(cls, rows: LengthRows, n_models: int) -> LengthScale:
        """From the training rows, which are not empty. An LLM without a row has the mean of all rows."""
        logs = np.log(rows.tokens)
        count = np.bincount(rows.model, minlength=n_models)
        overall = float(logs.mean())
        sums = np.bincount(rows.model, weights=logs, minlength=n_models)
        mean = np.where(count > 0, sums / np.maximum(count, 1), overall)
        deviation = float((logs - mean[rows.model]).std())
        return cls(mean, deviation if deviation > 1e-9 else 1.0, overall, float(rows.tokens.max()))

    def targets(self, rows: LengthRows) -> np.ndarray:
        """What a model learns, float64 ``[n]``: 0 is the LLM's usual length."""
        return self.standardise(rows.tokens, rows.model)

    def standardise(self, tokens: np.ndarray, model: np.ndarray) -> np.ndarray:
        """``(log tokens - mean[model]) / deviation``, float64."""
        return (np.log(tokens) - self.mean[model]) / self.deviation

    def tokens(self, values: np.ndarray | float, model: np.ndarray) -> np.ndarray:
        """The inverse of :meth:`standardise`, float64, within ``[1, longest]``; the two broadcast."""
        logs = self.mean[model] + self.deviation * np.asarray(values, np.float64)
        return self.shifted(np.exp(np.clip(logs, 0.0, np.log(self.longest))), model)

    def shifted(self, medians: np.ndarray, model: np.ndarray) -> np.ndarray:
        """Tokens times the LLMs' factors, within ``[1, longest]``."""
        return np.clip(medians * np.exp(self.shifts[model]), 1.0, self.longest)

    @property
    def shifts(self) -> np.ndarray:
        """Every LLM's log factor, float64 ``[n_models]``."""
        return np.append(self.shift, np.full(len(self.mean) - len(self.shift), self.usual_shift))

    def with_llm(self, tokens: np.ndarray) -> LengthScale:
        """One more LLM, the last, whose mean is that of these token counts (at least one)."""
        logs = np.log(np.maximum(tokens, 1.0))
        return replace(self, mean=np.append(self.mean, logs.mean()))

    def with_average(self) -> LengthScale:
        """One more LLM, the last, of which nothing is known: it has the mean of all training rows."""
        return replace(self, mean=np.append(self.mean, self.overall))

    def of(self, models: np.ndarray) -> LengthScale:
        """The same scale for some of the LLMs, by index."""
        return replace(self, mean=self.mean[models], shift=self.shifts[models])

    def as_json(self) -> dict[str, Any]:
        """A document that :meth:`from_json` reads back to the bit."""
        return {
            "mean": self.mean.tolist(),
            "deviation": self.deviation,
            "overall": self.overall,
            "longest": self.longest,
            "shift": self.shift.tolist(),
            "usual_shift": self.usual_shift,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> LengthScale:
        """Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what :meth:`as_json` did not write."""
        return cls(
            np.asarray(document["mean"], np.float64),
            float(document["deviation"]),
            float(document["overall"]),
            float(document["longest"]),
            # Models stored before there were factors have none.
            np.asarray(document.get("shift", ()), np.float64),
            float(document.get("usual_shift", 0.0)),
        )


def split_rows(
    train: Comparisons, validation: Comparisons, counter: TokenCounter, context: TrainContext | None = None
) -> tuple[LengthRows, LengthRows, LengthScale]:
    """The rows of both splits and the training rows' scale.

    Raises :class:`DataError` where there is no training row, and with a ``context`` :class:`Stopped` once the run is
    asked to stop.
    """
    if not len(train):
        raise DataError("the training split has no response", where="/data/dataset")
    rows = LengthRows.of(train, counter, context)
    return rows, LengthRows.of(validation, counter, context), LengthScale.fit(rows, len(train.models))


def continued(
    scale: LengthScale, names: Sequence[str], stored: LengthScale, stored_names: Sequence[str]
) -> tuple[tuple[str, ...], LengthScale]:
    """The LLMs and the scale of a model that goes on from a stored one.

    The data's LLMs come first, then those that only the stored model knows. What it knows keeps the mean and the
    deviation that its weights were trained on; an LLM that is new to it has its mean in the data.
    """
    known = {name: at for at, name in enumerate(stored_names)}
    everyone = (*names, *(name for name in stored_names if name not in set(names)))
    mean = [stored.mean[known[name]] if name in known else scale.mean[at] for at, name in enumerate(everyone)]
    longest = max(scale.longest, stored.longest)
    whole = replace(stored, mean=np.array(mean, np.float64), longest=longest)
    # Factors are fitted anew, on what this model gives.
    return everyone, replace(whole, shift=np.zeros(0), usual_shift=0.0)
