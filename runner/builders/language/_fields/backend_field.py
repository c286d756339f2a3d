"""``backend``: what trains the weights of kinds that Unsloth can train."""

from __future__ import annotations

from typing import Any, Literal

from runner.contract import option

Backend = Literal["auto", "plain", "unsloth"]


def backend_option() -> Any:
    """``backend``, of kinds that have it."""
    return option(
        "plain",
        description="What trains the weights. plain: torch, transformers and PEFT alone; unsloth: Unsloth's kernels, "
        "and the run is refused where they cannot train it; auto: Unsloth where it is installed and can, else plain, "
        "and the run's record says why.",
    )
