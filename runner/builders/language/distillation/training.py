"""Learning from a teacher."""

from __future__ import annotations

from runner.builders.language._distilling.answer_training import train

__all__ = ["train"]
