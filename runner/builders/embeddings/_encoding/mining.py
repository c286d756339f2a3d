"""Texts of other rows that a model takes for an anchor's own: negatives that are worth learning from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from runner.data.dialogues.row_types import PairRow
from runner.tasks.embedding.text_comparer import TextComparer, unit

#: Anchors whose similarities to all texts are held at once.
AT_ONCE = 256


def mined(rows: Sequence[PairRow], model: TextComparer, spec: Any, batch_size: int) -> tuple[list[PairRow], int]:
    """The rows, each with the nearest texts that do not belong to its anchor, behind its own negatives.

    ``spec`` has ``count``, ``skip`` and ``margin``. The second is how many negatives were found.
    """
    anchors = list(dict.fromkeys(row.anchor for row in rows))
    texts = list(dict.fromkeys(row.positive for row in rows))
    place = {text: at for at, text in enumerate(texts)}
    belong: dict[str, set[int]] = {}
    for row in rows:
        belong.setdefault(row.anchor, set()).add(place[row.positive])
    for anchor in anchors:
        # A text is no negative of itself.
        if anchor in place:
            belong[anchor].add(place[anchor])
    known = unit(model.encode(texts, batch_size, side="positive"))
    nearest: dict[str, list[tuple[int, float]]] = {}
    alike: dict[str, np.ndarray] = {}
    for start in range(0, len(anchors), AT_ONCE):
        some = anchors[start : start + AT_ONCE]
        for anchor, row_alike in zip(some, unit(model.encode(some, batch_size)) @ known.T, strict=True):
            own = belong[anchor]
            alike[anchor] = row_alike[sorted(own)]
            order = [at for at in np.argsort(-row_alike, kind="stable").tolist() if at not in own]
            most = spec.skip + 10 * spec.count
            nearest[anchor] = [(at, float(row_alike[at])) for at in order[spec.skip : most]]
    found, count = [], 0
    for row in rows:
        own_alike = float(alike[row.anchor][sorted(belong[row.anchor]).index(place[row.positive])])
        taken = [texts[at] for at, value in nearest[row.anchor] if value <= own_alike - spec.margin or not spec.margin]
        new = tuple(text for text in taken if text not in row.negatives)[: spec.count]
        count += len(new)
        found.append(replace(row, negatives=(*row.negatives, *new)))
    return found, count
