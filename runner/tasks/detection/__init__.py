"""The task ``detection``: which things are in a picture, and where."""

from __future__ import annotations

from runner.contract import Measure, Task
from runner.tasks.detection.options import DetectionOptions

TASK = Task(
    name="detection",
    package=__name__,
    measures=(
        Measure("map", "Mean average precision, IoU 0.50 to 0.95", "mAP", 3, interval=True),
        Measure("map_50", "Mean average precision at IoU 0.50", "mAP50", 3, interval=True),
        Measure("map_75", "Mean average precision at IoU 0.75", "mAP75", 3),
        Measure("mar_100", "Mean average recall of 100 boxes a picture", "mAR", 3),
        Measure("f1", "F1 at the threshold that is best", "F1", 3),
    ),
    options=DetectionOptions,
    held_out_noun="pictures",
    models_noun="Detectors",
)
