"""The task ``ranking``: which of several LLMs answers a prompt better, as a score for each."""

from __future__ import annotations

from runner.contract import Measure, Task
from runner.tasks.ranking.llm_options import LlmOptions

TASK = Task(
    name="ranking",
    package=__name__,
    measures=(
        Measure("accuracy", "Pairwise accuracy", "accuracy", 3, interval=True),
        Measure("log_loss", "Log loss", "log loss", 3, better="lower"),
        Measure("calibration_error", "Calibration error", "calibration", 3, better="lower"),
    ),
    options=LlmOptions,
    held_out_noun="comparisons",
    models_noun="Routers",
    rival="the best baseline",
)
