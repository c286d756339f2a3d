"""What a model says of windows, and the best answers of all windows of a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.batched_rows import forward_batches, measured_batches
from runner.builders.text._windows.question_windows import Gold, Windows
from runner.tasks.spans.best_spans import KEPT, Found, WindowScores, best_spans


def answers(
    model: Any,
    made: Windows,
    rows: Sequence[Any],
    *,
    longest: int,
    device: str,
    kept: int = KEPT,
    at_once: int = 64,
    stop_requested: Callable[[], bool] = lambda: False,
    gold: Gold | None = None,
) -> tuple[list[Found], float]:
    """The best answers of every question, and the mean loss of the windows where ``gold`` says where answers are."""
    scores: list[WindowScores | None] = [None] * len(made)
    total = 0.0
    batches = measured_batches(made.tokens.lengths, at_once)
    for chosen, output in forward_batches(model, batches, made.batch, device, stop_requested):
        if gold is not None:
            total += float(losses(output, made, gold, chosen).sum())
        starts, ends = output.start_logits.float().cpu().numpy(), output.end_logits.float().cpu().numpy()
        for place, at in enumerate(chosen.tolist()):
            inside = slice(int(made.begin[at]), int(made.end[at]))
            none = float(starts[place, made.null[at]]) + float(ends[place, made.null[at]])
            scores[at] = WindowScores(
                starts[place, inside].copy(), ends[place, inside].copy(), made.first[at], made.last[at], none
            )
    of: list[list[WindowScores]] = [[] for _ in range(len(rows))]
    for number, one in zip(made.question.tolist(), scores, strict=True):
        assert one is not None
        of[number].append(one)
    found = [best_spans(row.context, own, longest, kept) for row, own in zip(rows, of, strict=True)]
    return found, total / max(1, len(made))


def losses(output: Any, made: Windows, gold: Gold, chosen: np.ndarray) -> torch.Tensor:
    """Of every window the mean of the cross-entropies of start and end, over the places that an answer may have:
    float32 ``[B]``."""
    starts, ends = output.start_logits.float(), output.end_logits.float()
    allowed = torch.from_numpy(made.allowed(chosen, starts.shape[1])).to(starts.device)
    total = torch.zeros(len(chosen), device=starts.device)
    for logits, wanted in ((starts, gold.start), (ends, gold.end)):
        target = torch.from_numpy(wanted[chosen]).to(starts.device)
        total = total + torch.nn.functional.cross_entropy(
            logits.masked_fill(~allowed, float("-inf")), target, reduction="none"
        )
    return total / 2
