"""What a detector says of pictures: boxes in pixels, each with a class and a score."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from runner.tasks._supervised.finite_answers import check_finite
from runner.tasks.answers import Answers, OpenedModel
from runner.tasks.detection.found_boxes import FoundBoxes
from runner.tasks.detection.options import DetectionOptions

Record = dict[str, Any]
#: The parameter of a stored model that is the threshold.
THRESHOLD = "threshold"


class BoxAnswers(Answers):
    """One model's answers by one set of options.

    A record is ``{"width": 640, "height": 480, "boxes": [{"label": "car", "score": 0.9, "box": [left, top, right,
    bottom]}, ...]}`` in pixels of the picture once it is turned as its EXIF says, the surest first.
    """

    def __init__(self, predictor: Any, options: DetectionOptions, threshold: float) -> None:
        super().__init__()
        self._predictor, self._options, self._threshold = predictor, options, threshold
        self._classes = tuple(predictor.classes)

    def facts(self) -> Record:
        """What decides every byte of the output beside the model and the rows."""
        return {"options": self._options.model_dump(exclude={"draw"}), THRESHOLD: self._threshold}

    def provenance(self) -> Record:
        return self.facts() | {"classes": list(self._classes)}

    def answer(self, rows: Sequence[Any], batch_size: int) -> list[Record]:
        """One record a row. Raises :class:`~runner.errors.RunFailed` for a score that is not a finite number."""
        if not rows:
            return []
        said: list[tuple[tuple[int, int], FoundBoxes]] = self._predictor.predict(rows, self._options, batch_size)
        records: list[Record] = []
        for row, ((width, height), found) in zip(rows, said, strict=True):
            check_finite(found.scores.reshape(1, -1), "a score", [row])
            check_finite(found.corners.reshape(1, -1), "a box", [row])
            best = found.best(self._options.most_boxes, self._threshold)
            boxes = [
                {
                    "label": self._classes[code],
                    "score": round(score, 6),
                    "box": [round(each, 2) + 0.0 for each in corners],
                }
                for code, score, corners in zip(
                    best.labels.tolist(), best.scores.tolist(), best.corners.tolist(), strict=True
                )
            ]
            records.append({"width": width, "height": height, "boxes": boxes})
        if self._options.draw is not None:
            from runner.tasks.detection.drawn_boxes import draw

            for row, record in zip(rows, records, strict=True):
                draw(row, record["boxes"], Path(self._options.draw), self._classes)
        return records

    def closing(self) -> list[str]:
        """Where the drawn pictures are."""
        return [] if self._options.draw is None else [f"pictures with their boxes drawn: {self._options.draw}"]

    def columns(self) -> list[tuple[str, str]]:
        """The picture's size, how many boxes there are, and the boxes as JSON."""
        return [("width", "int64"), ("height", "int64"), ("count", "int64"), ("boxes", "string")]

    def flat(self, record: Record) -> list[Any]:
        boxes = json.dumps(record["boxes"], ensure_ascii=False)
        return [record["width"], record["height"], len(record["boxes"]), boxes]


def open_answers(opened: OpenedModel, options: DetectionOptions, say: Callable[[str], None]) -> BoxAnswers:
    """The answers of a predictor with ``classes``, by the threshold asked for, else the model's own."""
    threshold = options.threshold if options.threshold is not None else opened.parameter(THRESHOLD)
    return BoxAnswers(opened.predictor, options, 0.5 if threshold is None else float(threshold))
