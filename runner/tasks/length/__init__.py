"""The task ``length``: how many tokens an LLM's answer to a prompt has."""

from __future__ import annotations

from runner.contract import Measure, Task
from runner.tasks.ranking.llm_options import LlmOptions

TASK = Task(
    name="length",
    package=__name__,
    measures=(
        Measure("relative_accuracy", "Relative accuracy", "rel. accuracy", 3, interval=True),
        Measure("mae_tokens", "Mean absolute error", "MAE in tokens", 2, better="lower"),
        Measure("log_r2", "R2 of the log length", "log R2", 3),
    ),
    options=LlmOptions,
    held_out_noun="responses",
    models_noun="Length models",
    rival="the best that does not read the prompt",
)
