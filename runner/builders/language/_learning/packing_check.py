"""Whether a model reads packed rows apart: not every one looks at the positions that say where a row begins."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from runner.builders.language._learning.log_probs import foretold
from runner.builders.language._rows.packing import packed
from runner.builders.language._rows.token_rows import TokenRows
from runner.errors import DataError
from runner.training.without_dropout import without_dropout

#: Tokens of each row that the model is tried with.
TRIED = 24
#: How far the same log-probability may be off, computed in another order.
ROUNDING = 1e-3


def check(model: Any, rows: TokenRows, padding: int, device: str) -> None:
    """Raise :class:`DataError` for a model to which rows that share a batch's line are one text.

    It foretells two rows alone, packed, and as one text: packed they are nearer to what they are alone, or it cannot
    tell them apart.
    """
    if len(rows) < 2:
        return
    ids = [rows.tokens.ids[start : start + TRIED].tolist() for start in rows.tokens.ends[:2]]
    ids = [row[: int(length)] for row, length in zip(ids, rows.lengths[:2], strict=True)]
    two = TokenRows.of(ids, [[1.0] * len(row) for row in ids])
    one = TokenRows.of([[*ids[0], *ids[1]]], [[*[1.0] * len(ids[0]), 0.0, *[1.0] * (len(ids[1]) - 1)]])
    with without_dropout(model), torch.no_grad():
        alone = _last(model, two.batch(np.array([1]), padding, device))
        side = _last(model, packed(two, [np.array([0, 1])], padding, device))
        joined = _last(model, one.batch(np.array([0]), padding, device))
    count = len(alone)
    apart, together = ((found[-count:] - alone).abs().max().item() for found in (side, joined))
    if apart > max(0.5 * together, ROUNDING):
        raise DataError(
            f"a {model.config.model_type} model does not tell packed rows apart: each would see the row before it",
            where="/model/spec/packing",
            hint='"packing": "none"',
        )


def _last(model: Any, batch: Any) -> torch.Tensor:
    """How likely the model makes the tokens of the batch's one line, one by one."""
    found = foretold(model, batch)
    return found.log_probs[0]
