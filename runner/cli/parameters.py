"""Flags that several verbs have."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from runner.inference.routing.routing import Rule

Json = Annotated[
    bool,
    Parameter(name="--json", negative="", help="Print one machine-readable document on standard output."),
]


def _no_flag(_type: Any, value: Any) -> None:
    for word in value if isinstance(value, tuple) else (value,):
        if str(word).startswith("--"):
            raise ValueError(f"{word} is a flag, not a file.")


#: A file, where a lone dash is a value too. Another flag is none: a forgotten value must not swallow it.
Dash = Parameter(allow_leading_hyphen=True, validator=_no_flag)


def _told(text: str) -> Parameter:
    return Parameter(help=text)


@dataclass(frozen=True)
class Choosing:
    """How a router's scores and costs become a choice: the flags of every verb that chooses."""

    trade_off: Annotated[
        float | None,
        _told("Quality (a chance of the better answer, 0 to 1) that a unit of cost has to buy. 0: the best."),
    ] = None
    budget: Annotated[float | None, _told("The greatest mean cost of a prompt; the best choice within it is made.")] = (
        None
    )
    strong: Annotated[str | None, _told("With --weak: choose between these two alone.")] = None
    weak: Annotated[str | None, _told("The other of the two.")] = None
    strong_share: Annotated[
        float | None, _told("The share of prompts that the strong LLM gets; the threshold is set for it.")
    ] = None
    threshold: Annotated[
        float | None, _told("The strong LLM gets a prompt where its chance of winning reaches this.")
    ] = None
    calibrate_on: Annotated[
        Path | None,
        _told(
            "A file of prompts on which the threshold for --strong-share is set; a gateway's --budget too. `runner "
            "route` without it: the prompts themselves."
        ),
    ] = None
    lengths: Annotated[
        str | None,
        _told("A stored length model, which tells how long answers are: prices for a million tokens need it."),
    ] = None

    def rule(self, **more: Any) -> Rule:
        """The rule of it; ``more`` are its fields that not every verb has."""
        from runner.inference.routing.routing import Rule

        return Rule(
            trade_off=self.trade_off,
            budget=self.budget,
            threshold=self.threshold,
            strong=self.strong,
            weak=self.weak,
            strong_share=self.strong_share,
            **more,
        )


#: Nothing of it said.
UNSAID = Choosing()
#: Flags of their own for each of its fields.
ChoosingFlags = Annotated[Choosing, Parameter(name="*")]
