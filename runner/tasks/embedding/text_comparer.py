"""What every predictor that compares texts has, beside ``load``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

#: What the texts of a pair are.
SIDES = ("anchor", "positive")


class TextComparer:
    """The base of such predictors."""

    #: Whether a text has a vector of its own; otherwise both texts of a pair are read together.
    embeds: ClassVar[bool] = True
    #: The classes that a pair may be of, where the model was trained on classes.
    classes: Sequence[str] = ()

    def encode(
        self, texts: Sequence[str], batch_size: int, dimensions: int | None = None, side: str = "anchor"
    ) -> np.ndarray:
        """float32 ``[len(texts), width]``, in their order. ``side``: what they are, an ``anchor`` or a ``positive``."""
        raise NotImplementedError

    def similarities(self, pairs: Sequence[tuple[str, str]], batch_size: int) -> np.ndarray:
        """How alike both texts of each pair are, float64 ``[len(pairs)]``: the greater, the more."""
        one, two = (self._unit([pair[at] for pair in pairs], batch_size, side) for at, side in enumerate(SIDES))
        found: np.ndarray = (one * two).sum(axis=1)
        return found

    def _unit(self, texts: Sequence[str], batch_size: int, side: str) -> np.ndarray:
        """Each distinct text is read once."""
        distinct = list(dict.fromkeys(texts))
        place = {text: at for at, text in enumerate(distinct)}
        return unit(self.encode(distinct, batch_size, side=side))[[place[text] for text in texts]]

    def class_odds(self, pairs: Sequence[tuple[str, str]], batch_size: int) -> np.ndarray:
        """Probabilities, float64 ``[len(pairs), len(classes)]``, of a model that has classes."""
        raise NotImplementedError

    def predict(self, rows: Sequence[Any], options: Any, batch_size: int) -> list[Any]:
        """Of a row with one text its vector, float32 ``[width]``; of one with two how alike they are."""
        single = [row.texts[0] for row in rows if len(row.texts) == 1]
        pairs = [(row.texts[0], row.texts[1]) for row in rows if len(row.texts) == 2]
        dimensions, side = getattr(options, "dimensions", None), getattr(options, "side", SIDES[0])
        vectors = iter(self.encode(single, batch_size, dimensions, side) if single else ())
        alike = iter(self.similarities(pairs, batch_size) if pairs else ())
        return [next(vectors) if len(row.texts) == 1 else float(next(alike)) for row in rows]


def unit(vectors: np.ndarray) -> np.ndarray:
    """The same directions with the length 1, float64 ``[n, d]``; a vector of zeros stays one."""
    vectors = vectors.astype(np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
