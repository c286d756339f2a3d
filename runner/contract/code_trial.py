"""How the code of an answer is tried, as a document says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from runner.contract.sections import Section, option


class CodeTrial(Section):
    """What the code may take, and what it is worth to pass tests."""

    counts: Literal["all", "share"] = option(
        "all", description="all: 1 for code that passes every test, else 0; share: the share that it passes."
    )
    timeout: Annotated[float, Field(gt=0, le=600)] = option(
        5.0, description="Seconds that the code of an answer may take for all its tests together."
    )
    memory: int = option(512, ge=64, le=65_536, description="MiB that the code of an answer may take.")
