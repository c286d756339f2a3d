"""What answers for each LLM of a router: the fields of ``backends.json``."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, model_validator

from runner.chat.endpoints import addresses
from runner.contract import Section, departs, invalid, option
from runner.tasks.ranking.prices import MILLION, Amount, Price, half_priced

Text = Annotated[str, Field(min_length=1, max_length=2048)]
#: TYPE/NAME or TYPE/NAME/vN.
STORED = re.compile(r"[^/\s]+/[^/\s]+(/v[1-9][0-9]*)?")
#: What belongs to an endpoint alone.
OF_ENDPOINTS = ("model", "api_key_env", "parameters", "max_tokens_field", "timeout", "longest")


class TokenPrice(Price):
    """What one LLM costs, in any one currency."""

    cached: Amount | None = option(
        None, description="The price of a million tokens of prompt that the backend still has. null: as any other."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for fault in half_priced(self):
            raise invalid((), "half_priced", fault)
        if self.cached is not None and self.cached > self.input:
            raise invalid(("cached",), "cached_price", "what is cached costs no more than what is not")
        return self

    def of(self, prompt_tokens: float, completion_tokens: float, cached_tokens: float = 0.0) -> float:
        """What a call costs; ``cached_tokens`` are those of the prompt that the backend still had."""
        cached = min(cached_tokens, prompt_tokens)
        kept = self.input if self.cached is None else self.cached
        prompt = self.input * (prompt_tokens - cached) + kept * cached
        return self.call + (prompt + self.output * completion_tokens) / MILLION


class Backend(Section):
    """What answers for one LLM: an OpenAI-compatible endpoint, or a model that is stored here."""

    url: Text | None = option(None, description="Where the endpoint's API is, such as https://api.example.com/v1.")
    model: Text | None = option(None, description="What the endpoint calls the LLM. null: as the router calls it.")
    stored: Text | None = option(None, description="A language model that is stored here, TYPE/NAME.")
    api_key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = option(
        None, description="The environment variable that holds the endpoint's key."
    )
    price: TokenPrice = option(TokenPrice(), description="What it costs. Without it: nothing.")
    context_length: Annotated[int, Field(ge=1)] | None = option(
        None, description="Tokens of prompt and answer together. null: it is asked whatever the length."
    )
    tools: bool = option(False, description="Whether it calls tools.")
    images: bool = option(False, description="Whether it looks at pictures.")
    timeout: Annotated[float, Field(gt=0, le=3600)] = option(
        60.0, description="Seconds until the first piece of an answer, and between two pieces."
    )
    longest: Annotated[float, Field(gt=0, le=86_400)] = option(
        600.0, description="Seconds that a whole answer may take."
    )
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = option(
        "max_tokens", description="What the endpoint calls the most tokens of an answer."
    )
    parameters: dict[str, str | int | float | bool | None] = option(
        factory=dict, description="What the endpoint is asked beside a request, which goes before it."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.url is None) == (self.stored is None):
            raise invalid((), "one_of", "is either a url or a stored model")
        if self.stored is not None:
            if STORED.fullmatch(self.stored) is None:
                raise invalid(("stored",), "reference", "a stored model is TYPE/NAME or TYPE/NAME/vN")
            for name in OF_ENDPOINTS:
                if departs(self, name):
                    raise invalid((name,), "of_endpoints", "belongs to an endpoint, and this is a stored model")
            return self
        fault = addresses.fault_of(str(self.url), keyed=self.api_key_env is not None)
        if fault is not None:
            raise invalid(("url",), "address", fault)
        return self


class Backends(RootModel[dict[Text, Text | Backend | None]]):
    """LLM -> what answers for it: ``TYPE/NAME`` of a stored model, an object, or null for an LLM that is not called."""
