"""What supervised fine-tuning will take."""

from __future__ import annotations

from runner.builders.language._memory_estimate.answers_estimate import estimate

__all__ = ["estimate"]
