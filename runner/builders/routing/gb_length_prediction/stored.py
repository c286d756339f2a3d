"""The scale of lengths in a stored model: what training goes on from and the predictor stands on."""

from __future__ import annotations

from pathlib import Path

from runner.builders.routing._boosting.boosting_model import Stored, unreadable
from runner.tasks.length.length_rows import LengthScale


def stored_scale(stored: Stored, directory: Path | None) -> tuple[LengthScale, tuple[str, ...]]:
    """The scale and its LLMs. Raises :class:`IntegrityError` for a document without them."""
    try:
        scale, names = LengthScale.from_json(stored.document["scale"]), tuple(stored.document["models"])
        if len(names) != len(scale.mean):
            raise ValueError(f"{len(names)} LLMs and {len(scale.mean)} means")
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable(Path(directory or "."), error) from error
    return scale, names
