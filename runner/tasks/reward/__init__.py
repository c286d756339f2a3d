"""The task ``reward``: how good an answer to a prompt is, as a number without a scale."""

from __future__ import annotations

from runner.contract import AskOptions, Measure, Task

TASK = Task(
    name="reward",
    package=__name__,
    measures=(
        Measure("accuracy", "Share of pairs told apart", "accuracy", 3, interval=True),
        Measure("margin", "Mean margin of chosen over rejected", "margin", 3),
        Measure("log_loss", "Log loss", "log loss", 4, better="lower"),
    ),
    options=AskOptions,
    held_out_noun="pairs",
    models_noun="Reward models",
)
