"""What supervised fine-tuning will take."""

from __future__ import annotations

from runner.builders.language._footprint.answers_footprint import estimate

__all__ = ["estimate"]
