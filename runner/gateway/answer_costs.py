"""What an answer cost, and what it would have cost to ask the strongest LLM always."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.errors import UsageError
from runner.inference.routing.costs import CHARACTERS_A_TOKEN
from runner.serving.completions import Usage
from runner.tasks.ranking.backend_sections import Backend

#: A question and its answer, in tokens: the LLM for which such a call is dearest stands for the strongest.
USUAL = (1000, 500)


@dataclass(frozen=True)
class Account:
    """One answer's tokens and costs, in the currency of the prices."""

    prompt_tokens: float
    completion_tokens: float
    cached_tokens: float
    #: Whether the tokens are counted by their characters, where an endpoint does not say them or cannot be believed.
    estimated: bool
    cost: float
    #: The same tokens at the strongest LLM's prices, less the cost.
    saved: float


def against(backends: Mapping[str, Backend], named: str | None, strong: str | None) -> str:
    """The LLM that savings are counted against: the named, the strong one of two, or the dearest.

    Raises :class:`UsageError` for a name without a backend.
    """
    if named is not None and named not in backends:
        raise UsageError(
            f"no backend answers for {named!r}", where="--against", hint=f"there are: {', '.join(backends)}"
        )
    dearest = max(backends, key=lambda name: backends[name].price.of(*USUAL))
    return named or strong or dearest


def account(
    backends: Mapping[str, Backend],
    llm: str,
    strongest: str,
    usage: Usage | None,
    *,
    prompt_tokens: float,
    characters: int,
    kept: float,
) -> Account:
    """What an answer of ``llm`` came to.

    ``usage`` is what was told of it; without it the prompt has the expected ``prompt_tokens`` and the answer as many as
    its ``characters`` make. ``kept`` are the tokens of the prompt that a backend may have kept from the turn before:
    had the strongest been asked always, it would have had them.
    """
    if usage is None:
        prompt, answer, cached = prompt_tokens, max(1.0, characters / CHARACTERS_A_TOKEN) if characters else 0.0, 0.0
    else:
        prompt, answer, cached = float(usage.prompt_tokens), float(usage.completion_tokens), usage.cached_tokens or 0.0
    cost = backends[llm].price.of(prompt, answer, cached)
    saved = 0.0
    if llm != strongest:
        saved = backends[strongest].price.of(prompt, answer, max(cached, min(kept, prompt))) - cost
    return Account(prompt, answer, float(cached), usage is None, cost, saved)
