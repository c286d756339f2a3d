"""How a text is drawn, as ``infer --set key=value`` says it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from runner.contract import AskOptions, option
from runner.errors import UsageError

#: Beside ``num_beams``: these choose one token after the other.
OF_DRAWING = ("temperature", "top_k", "top_p", "min_p", "typical_p")


class GenerationOptions(AskOptions):
    """The options of generated text."""

    max_new_tokens: int = option(256, ge=1, le=1_000_000, description="Tokens of an answer, at most.")
    min_new_tokens: int = option(0, ge=0, le=1_000_000, description="Tokens of an answer, at least.")
    temperature: float = option(
        0.0,
        ge=0,
        le=100,
        description="0: the likeliest token, always. Above, a token is drawn, of odds that are the more alike the "
        "higher this is; 1 leaves them as the model has them.",
    )
    top_k: int | None = option(None, ge=1, description="Draw of the so many likeliest tokens only.")
    top_p: Annotated[float, Field(gt=0, le=1)] | None = option(
        None, description="Draw of the fewest tokens only that together have this probability."
    )
    min_p: Annotated[float, Field(gt=0, le=1)] | None = option(
        None, description="Draw of tokens only whose probability is this share of the likeliest's or more."
    )
    typical_p: Annotated[float, Field(gt=0, lt=1)] | None = option(
        None, description="Draw of the tokens that are as likely as is typical, up to this probability together."
    )
    repetition_penalty: float = option(
        1.0, gt=0, description="Tokens that were there before lose: their logits are divided by it; 1 has none."
    )
    num_beams: int = option(1, ge=1, le=64, description="Beams of a search for the likeliest answer; 1 has none.")
    n: int = option(1, ge=1, le=256, description="Answers a prompt; more than one are drawn, or the best beams.")
    seed: int = option(
        0, ge=0, le=2**32 - 1, description="Seed of the drawing: of a prompt's own, whatever stands beside it."
    )
    stop: list[Annotated[str, StringConstraints(min_length=1, max_length=256)]] = option(
        factory=list, max_length=16, description="Texts that end an answer; they are no part of it."
    )
    logprobs: bool = option(False, description="Give the tokens, each with its log-probability under the model.")
    system: str | None = option(None, description="A system's turn before every prompt that has none.")

    def check(self) -> None:
        """Raise :class:`UsageError` for an option that would have no effect beside the others."""
        if self.min_new_tokens > self.max_new_tokens:
            raise UsageError("is more than max_new_tokens", where="--set min_new_tokens")
        drawn = self.temperature > 0
        for name in OF_DRAWING[1:]:
            if getattr(self, name) is not None and not drawn:
                raise UsageError(
                    "has no effect: no token is drawn at a temperature of 0",
                    where=f"--set {name}",
                    hint="give a temperature, such as --set temperature=1",
                )
        if self.num_beams > 1 and drawn:
            raise UsageError("beams are searched, not drawn", where="--set num_beams", hint="leave temperature out")
        if self.num_beams > 1 and self.logprobs:
            raise UsageError(
                "beams are chosen by the whole of an answer: no token has a log-probability of its own",
                where="--set logprobs",
                hint="leave num_beams out",
            )
        if self.n > 1 and not drawn and self.n > self.num_beams:
            raise UsageError(
                "all answers would be the same",
                where="--set n",
                hint="give a temperature, or at least as many beams: --set num_beams",
            )

    def check_streamed(self) -> None:
        """Raise :class:`UsageError` for an option that has no effect on one answer that is made piece by piece."""
        for name in ("n", "num_beams", "logprobs"):
            if getattr(self, name) != type(self).model_fields[name].default:
                raise UsageError(
                    "has no effect in a chat: one answer is made, token by token",
                    where=f"--set {name}",
                    hint="leave it out; `runner infer` takes it",
                )
