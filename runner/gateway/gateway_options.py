"""What the words of a command line say of a gateway, before anything is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import UsageError
from runner.gateway.backend_choice import MARGIN
from runner.inference.routing.routing import Rule


@dataclass(frozen=True)
class GatewayWords:
    """What is said of a gateway."""

    router: str
    backends: Path
    rule: Rule = field(default_factory=Rule)
    lengths: str | None = None
    calibrate_on: Path | None = None
    switch_margin: float = MARGIN
    against: str | None = None
    #: The LLM that answers everything, in shadow mode.
    present: str | None = None
    log: Path | None = None
    log_texts: bool = False
    harness_tags: tuple[str, ...] = ()


def gathered(**words: Any) -> GatewayWords | None:
    """The words of a command line as a gateway's, None where none is asked for.

    Raises :class:`UsageError` for words that need others.
    """
    router, backends = words.pop("router"), words.pop("backends")
    shadow, present = words.pop("shadow"), words.pop("present")
    rule: Rule = words.pop("rule")
    given = [name for name, value in (vars(rule) | words).items() if value not in (None, False)]
    if router is None:
        given += [name for name, value in (("backends", backends), ("shadow", shadow), ("present", present)) if value]
        if given:
            flag = f"--{given[0].replace('_', '-')}"
            raise UsageError("is a gateway's, and no router is named", where=flag, hint="--router TYPE/NAME")
        return None
    if backends is None:
        raise UsageError(
            "the LLMs that it chooses from have no backends", where="--router", hint="--backends backends.json"
        )
    if shadow != (present is not None):
        raise UsageError(
            "--shadow and --present go together", where="--shadow" if shadow else "--present",
            hint="--shadow --present NAME: that LLM answers, and the router chooses silently",
        )  # fmt: skip
    log, texts = words.pop("log"), words.pop("log_texts")
    if texts and log is None:
        raise UsageError("there is no log that texts could be in", where="--log-texts", hint="--log FILE")
    if shadow and log is None:
        raise UsageError("what the router chooses silently is kept nowhere", where="--shadow", hint="--log FILE")
    lengths, calibrate_on, named = words.pop("lengths"), words.pop("calibrate_on"), words.pop("against")
    margin, tags = words.pop("switch_margin"), words.pop("harness_tag")
    return GatewayWords(
        router, backends, rule, lengths, calibrate_on, MARGIN if margin is None else margin, named, present,
        log, bool(texts), tuple(tags or ()),
    )  # fmt: skip
