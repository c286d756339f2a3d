"""A model that answers or is measured in the midst of its training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def without_dropout(model: Any) -> Iterator[None]:
    """The model computes without dropout, and is afterwards as it was, whatever happens."""
    was = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was)
