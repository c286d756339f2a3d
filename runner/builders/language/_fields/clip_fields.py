"""The fields of losses that clip a ratio of odds, of every kind that has them."""

from __future__ import annotations

from typing import Any

from runner.contract import departs, invalid, option


def clip_option() -> Any:
    """``clip_range``."""
    return option(
        0.2, description="A token's odds over those that it was drawn by count up to 1 + this, and down to 1 - this."
    )


def clip_high_option() -> Any:
    """``clip_range_high``."""
    return option(None, description="The same upwards, where that is another one; null takes clip_range.")


def high(section: Any) -> float:
    """How far upwards the ratio counts, of a section with both fields."""
    return float(section.clip_range if section.clip_range_high is None else section.clip_range_high)


def check_clips(spec: Any, *names: str) -> None:
    """Raise pydantic's error for another range than the usual where nothing is clipped: with one pass what is learned
    from is what was drawn, and every ratio is 1."""
    for name in names or ("clip_range", "clip_range_high"):
        if spec.passes == 1 and departs(spec, name):
            told = "has no effect with one pass (passes): nothing has moved since the answers were drawn"
            raise invalid((name,), "void", told)
