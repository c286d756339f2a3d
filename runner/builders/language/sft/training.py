"""Supervised fine-tuning on conversations."""

from __future__ import annotations

from runner.builders.language._distilling.answer_training import train

__all__ = ["train"]
