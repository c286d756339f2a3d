"""What may be asked of a model that finds things in pictures."""

from __future__ import annotations

from pathlib import Path

from runner.contract import AskOptions, option
from runner.errors import UsageError


class DetectionOptions(AskOptions):
    """The options of ``infer`` for boxes."""

    threshold: float | None = option(
        None,
        ge=0,
        le=1,
        description="The score from which on a box is told; null: the one with the best F1 on the held-out pictures.",
    )
    most_boxes: int = option(100, ge=1, le=10_000, description="At most this many boxes a picture, the surest ones.")
    draw: str | None = option(
        None, description="A folder into which each picture is written with its boxes drawn; null: none are written."
    )

    def check(self) -> None:
        if self.draw is not None and Path(self.draw).exists() and not Path(self.draw).is_dir():
            raise UsageError("there is a file of this name, and pictures are drawn into a folder", where="draw")

    def files(self) -> list[Path]:
        return []
