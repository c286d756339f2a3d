"""What the four numbers of a box may be called, in a spec and in the code."""

from __future__ import annotations

from typing import Literal

Corners = Literal["xyxy", "xywh", "cxcywh"]
Unit = Literal["pixel", "relative"]
