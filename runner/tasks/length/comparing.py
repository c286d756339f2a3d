"""The measure of length models side by side: how far their token counts are from the held-out responses' own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.contract import LoadedData
from runner.data.comparisons import Comparisons
from runner.errors import IntegrityError
from runner.statistics.paired_bootstrap import resample
from runner.store.files import sha256_file
from runner.tasks.compared import Compared
from runner.tasks.ranking.asking import Asked, ask_all

TOKENIZER = "tokenizer.json"


def bench(models: list[Compared], data: LoadedData, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Length models on the held-out responses. See :mod:`runner.tasks.compared`."""
    entries, asked, _, rows, facts = ask_all(models, data.validation, "length", say)
    return {"held_out": facts, "table": measure(entries, asked, rows, seed) if entries else []}


def measure(entries: Sequence[Compared], asked: Sequence[Asked], rows: Comparisons, seed: int) -> list[dict[str, Any]]:
    """One row a model, the best relative accuracy first; both responses of a comparison are measured, each once.

    ``relative_accuracy`` is the mean of ``1 - |1 - predicted / actual|``, ``mae_tokens`` the mean absolute error,
    ``mean_ratio`` and ``std_ratio`` are of ``predicted / actual``. Each model's responses are counted by the tokenizer
    that it was trained with: where those differ (``tokenizer``), tokens are not comparable, and shares are.
    """
    prompt, llm, texts = responses(rows)
    table, shares = [], []
    for entry, answer in zip(entries, asked, strict=True):
        file = tokenizer_of(entry.path)
        actual = count_tokens(file, texts)
        place = {name: at for at, name in enumerate(answer.models)}
        line = np.array([place.get(name, -1) for name in rows.models])
        ratio = answer.table[line[llm], np.searchsorted(answer.prompts, prompt)] / actual
        share, error = 1 - np.abs(1 - ratio), np.abs(ratio - 1) * actual
        tokens = resample(error[:, None], prompt, seed).interval(0)
        shares.append(share)
        table.append(
            entry.as_dict()
            | {
                "relative_accuracy": float(share.mean()),
                "mae_tokens": tokens.value,
                **tokens.ends("mae_tokens"),
                "mean_ratio": float(ratio.mean()),
                "std_ratio": float(ratio.std()),
                "n_validation": len(actual),
                "tokenizer": sha256_file(file)[:12],
                "reads_prompts": answer.reads_prompts,
                "inference_seconds": answer.seconds,
                "inference_ms_per_1000_pairs": answer.per_thousand,
            }
        )
    redrawn = resample(np.stack(shares, axis=1), prompt, seed)
    best = int(np.argmax(redrawn.mean))
    for at, row in enumerate(table):
        own, gap = redrawn.interval(at), redrawn.difference(at, best)
        row |= own.ends("relative_accuracy")
        row |= {"best": at == best, "versus_best": gap.as_dict(), "tied_with_best": gap.holds_zero}
    return sorted(table, key=lambda row: -row["relative_accuracy"])


def responses(rows: Comparisons) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The distinct responses of the comparisons: prompt and LLM (int64 ``[n]``), and the texts."""
    prompt = np.concatenate([rows.prompt, rows.prompt]).tolist()
    llm = np.concatenate([rows.model_a, rows.model_b]).tolist()
    distinct = list(dict.fromkeys(zip(prompt, llm, (*rows.responses_a, *rows.responses_b), strict=True)))
    return (
        np.array([row[0] for row in distinct], np.int64),
        np.array([row[1] for row in distinct], np.int64),
        [row[2] for row in distinct],
    )


def tokenizer_of(folder: Path) -> Path:
    """The tokenizer that a stored model counts with: its own, before that of an encoder in it."""
    found = sorted(folder.rglob(TOKENIZER), key=lambda path: (len(path.parts), str(path)))
    if not found:
        raise IntegrityError("a length model without its tokenizer", where=str(folder), hint="train it again")
    return found[0]


def count_tokens(file: Path, texts: Sequence[str]) -> np.ndarray:
    """Tokens of every text, float64 ``[n]``, at least 1: no special tokens, no truncation."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ready = [text.encode("utf-8", "replace").decode() for text in texts]
    encoded = tokenizer.encode_batch_fast(ready, add_special_tokens=False)
    return np.array([max(1, len(tokens)) for tokens in encoded], np.float64)
