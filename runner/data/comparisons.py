"""Comparisons of two LLMs' responses to one prompt: the routing family's data, from a name or a path to two splits."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from runner.contract import DataSection, LoadContext, LoadedData, option
from runner.data import graph, selection, sources
from runner.data.formats import BOTH_BAD, TAGS, TIE, WINNERS, A, B, Rows
from runner.errors import DataError

__all__ = ["BOTH_BAD", "TAGS", "TIE", "A", "B", "Comparisons", "ComparisonsData"]

#: The fields of a kind's spec that drop rare LLMs: prompt-agnostic kinds have the first, embedding kinds the second.
FILTERS = ("min_model_occurrences", "min_model_comparisons")


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

    def __len__(self) -> int:
        return len(self.winner)

    @property
    def decided(self) -> np.ndarray:
        """The comparisons that have a winner: bool ``[n]``."""
        return self.winner <= B

    def take(self, rows: np.ndarray) -> Comparisons:
        """Some rows, by index or by a bool mask; models and prompts stay as they are."""
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


#: A path has no control character in it. (`(?!\n)$` is the very end in ECMA's and in Python's dialect alike.)
_PATH = r"^[^\u0000-\u001f]+\.(parquet|jsonl)(?!\n)$"


def _known(dataset: str) -> str:
    if dataset in sources.NAMES or re.search(_PATH, dataset):
        return dataset
    near = difflib.get_close_matches(dataset, sources.NAMES, n=1)
    raise PydanticCustomError(
        "unknown_dataset",
        "should be one of {names}, or a path that ends in .parquet or .jsonl{near}",
        {"names": ", ".join(sources.NAMES), "near": f" (did you mean {near[0]!r}?)" if near else ""},
    )


Dataset = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": list(sources.NAMES)}, {"type": "string", "pattern": _PATH}]}),
]


class ComparisonsData(DataSection):
    """The ``data`` object of a router's spec."""

    dataset: Dataset = option(
        "lmarena_human_preference",
        description="lmarena_human_preference, chatbot_arena, both (the two together), sample (packaged), or the path "
        "of a .parquet or .jsonl file in either raw layout.",
    )
    max_samples: int | None = option(
        None, ge=1, description="Downsample to this many rows, seeded, before rare LLMs are dropped; null keeps all."
    )
    validation_split: float = option(
        0.2,
        ge=0,
        lt=1,
        older=("valiation_split",),
        description="Share of the rows held out, by prompt: no prompt is on both sides. 0 holds nothing out.",
    )
    seed: int = option(42, ge=0, le=2**32 - 1, description="Seed of the downsampling, of the split and of training.")

    def load(self, context: LoadContext) -> LoadedData:
        """Read, check, downsample, drop rare LLMs, split: train and validation are :class:`Comparisons`.

        The split is by prompt (its words, whatever their case and spacing), so it is as near to ``validation_split``
        as whole prompts allow. Raises :class:`DataError` when nothing is left, when there is one LLM only, or when one
        prompt cannot be split; and what :func:`runner.data.sources.read` raises.
        """
        rows = sources.read(self.dataset)
        record: dict[str, Any] = {
            "dataset": self.dataset,
            "rows_read": rows.read,
            "rows_valid": len(rows),
            "skipped": dict(rows.skipped.most_common()),
            "skipped_first_row": dict(rows.first),
        }
        self._report_skipped(rows, context)
        digests = row_digests(rows)
        chosen = np.arange(len(rows))
        if self.max_samples is not None:
            chosen = selection.sample(digests, self.max_samples, self.seed)
        kept = self._drop_rare(rows, chosen, context, record)
        data = build(rows, kept)
        train, validation = self._split(data, context)
        for sentence in graph.oddities(train.model_a, train.model_b, train.winner, data.models):
            context.emit("warning", message=sentence, pointer="/data/dataset")
        names = {code: name for name, code in reversed(WINNERS.items())}
        record |= {
            "duplicates": len(kept) - len({digests[at] for at in kept}),
            "models": len(data.models),
            "prompts": len(data.prompts),
            "winners": {names[code]: int((data.winner == code).sum()) for code in sorted(names)},
            "train": len(train),
            "validation": len(validation),
            "train_prompts": len(np.unique(train.prompt)),
            "validation_prompts": len(np.unique(validation.prompt)),
        }
        return LoadedData(train, validation, fingerprint([digests[at] for at in kept]), record)

    def network_needed(self, cache: Path) -> bool:
        return sources.network_needed(self.dataset)

    def local_files(self) -> list[Path]:
        return [Path(self.dataset).expanduser()] if sources.is_path(self.dataset) else []

    def _report_skipped(self, rows: Rows, context: LoadContext) -> None:
        reasons = ", ".join(
            f"{reason} ({count}, first in row {rows.first[reason]})" for reason, count in rows.skipped.most_common()
        )
        if not len(rows):
            one = set(rows.skipped) == {"same model twice"}
            raise DataError(
                f"no usable comparison among {rows.read} rows: {'one LLM only: ' if one else ''}{reasons}",
                where=self._where(),
                hint="a row needs two LLMs, a winner of model_a, model_b, tie or both_bad, and two conversations of "
                "user and assistant turns",
            )
        if rows.skipped:
            skipped = rows.read - len(rows)
            context.emit(
                "warning", message=f"skipped {skipped} of {rows.read} rows: {reasons}", pointer="/data/dataset"
            )

    def _drop_rare(self, rows: Rows, chosen: np.ndarray, context: LoadContext, record: dict[str, Any]) -> np.ndarray:
        """The indices of the rows whose LLMs are frequent enough among the chosen; fills in the record."""
        limits = {name: getattr(context.spec, name, None) or 0 for name in FILTERS}
        field = max(limits, key=lambda name: limits[name])
        least = limits[field]
        everyone, index = np.unique(
            np.array([*(rows.model_a[at] for at in chosen), *(rows.model_b[at] for at in chosen)], dtype=object),
            return_inverse=True,
        )
        a, b = index[: len(chosen)], index[len(chosen) :]
        kept = selection.frequent(a, b, len(everyone), least)
        if not kept.any():
            largest = selection.largest_threshold(a, b, len(everyone))
            left = int(selection.frequent(a, b, len(everyone), largest).sum())
            sampled = "null" if self.max_samples is None else str(self.max_samples)
            raise DataError(
                f"no comparison is left: /data/max_samples {sampled} gives {len(chosen)} rows of {len(everyone)} LLMs, "
                f"and /model/spec/{field} {least} drops every one of them",
                where=f"/model/spec/{field}",
                hint=f"{field} of at most {largest} keeps something ({largest} keeps {left} rows)"
                + ("" if self.max_samples is None else f"; or raise max_samples (there are {len(rows)} rows)"),
            )
        dropped = sorted(set(everyone) - set(everyone[np.concatenate([a[kept], b[kept]])]))
        record |= {
            "rows_sampled": len(chosen),
            "rows_dropped_by_filter": int((~kept).sum()),
            "models_dropped_by_filter": dropped,
            "min_model_rows": least,
        }
        if dropped:
            context.emit(
                "warning",
                message=f"{field} {least} drops {len(dropped)} of {len(everyone)} LLMs and {int((~kept).sum())} of "
                f"{len(chosen)} rows: {', '.join(dropped[:12])}{' ...' if len(dropped) > 12 else ''}",
                pointer=f"/model/spec/{field}",
            )
        return chosen[kept]

    def _split(self, data: Comparisons, context: LoadContext) -> tuple[Comparisons, Comparisons]:
        keys = [selection.split_key(prompt) for prompt in data.prompts]
        try:
            held = selection.split([keys[at] for at in data.prompt], self.validation_split, self.seed)
        except ValueError:
            raise DataError(
                f"all {len(data)} rows have one prompt, and a prompt is never on both sides of the split",
                where="/data/validation_split",
                hint="set validation_split to 0, or use data with more prompts",
            ) from None
        share = held.mean()
        if abs(share - self.validation_split) > 0.05:
            context.emit(
                "warning",
                message=f"the validation split is {share:.2f} of the rows, not {self.validation_split:g}: "
                f"it is made of whole prompts, and there are {len(set(keys))}",
                pointer="/data/validation_split",
            )
        return data.take(~held), data.take(held)

    def _where(self) -> str:
        return self.dataset if sources.is_path(self.dataset) else "/data/dataset"


def build(rows: Rows, kept: Sequence[int] | np.ndarray) -> Comparisons:
    """Some rows, by index, as :class:`Comparisons`."""
    models = tuple(sorted({rows.model_a[at] for at in kept} | {rows.model_b[at] for at in kept}))
    number = {name: at for at, name in enumerate(models)}
    prompts: dict[tuple[str, tuple[str, ...]], int] = {}
    groups: list[str] = []
    prompt = np.empty(len(kept), np.int32)
    for row, at in enumerate(kept):
        key = (rows.prompts[at], rows.histories[at])
        if key not in prompts:
            prompts[key] = len(prompts)
            groups.append(rows.groups[at])
        prompt[row] = prompts[key]
    table = np.concatenate(rows.tags)[np.asarray(kept, np.int64)]
    return Comparisons(
        models=models,
        prompts=tuple(text for text, _ in prompts),
        histories=tuple(history for _, history in prompts),
        prompt=prompt,
        model_a=np.array([number[rows.model_a[at]] for at in kept], np.int32),
        model_b=np.array([number[rows.model_b[at]] for at in kept], np.int32),
        winner=np.array([rows.winner[at] for at in kept], np.int8),
        responses_a=tuple(rows.responses_a[at] for at in kept),
        responses_b=tuple(rows.responses_b[at] for at in kept),
        tags={} if np.isnan(table).all() else {name: table[:, at].copy() for at, name in enumerate(TAGS)},
        groups=tuple(groups),
    )


def row_digests(rows: Rows) -> list[bytes]:
    """The SHA-256 of each row's content, whatever file it came in."""
    tags = np.concatenate(rows.tags).astype("<f4") if len(rows) else np.zeros((0, len(TAGS)), "<f4")
    # One bit pattern for "unknown", so that the digest does not depend on which NaN a library made.
    tags[np.isnan(tags)] = np.nan
    digests = []
    for at in range(len(rows)):
        texts = (
            rows.model_a[at], rows.model_b[at], rows.prompts[at], rows.responses_a[at], rows.responses_b[at],
            *rows.histories[at],
        )  # fmt: skip
        encoded = [text.encode() for text in texts]
        head = f"{rows.winner[at]} {' '.join(str(len(text)) for text in encoded)} ".encode()
        digests.append(hashlib.sha256(b"".join([head, tags[at].tobytes(), *encoded])).digest())
    return digests


def fingerprint(digests: Sequence[bytes]) -> str:
    """The SHA-256 (hex) of a data set: of its rows' digests, in order."""
    return hashlib.sha256(b"".join(digests)).hexdigest()
