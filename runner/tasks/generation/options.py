"""How a text is drawn, as ``infer --set key=value`` says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from runner.contract import AskOptions, departs, option
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
                    hint="give a temperature above 0, such as 1",
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
            if departs(self, name):
                raise UsageError(
                    "has no effect in a chat: one answer is made, token by token",
                    where=f"--set {name}",
                    hint="leave it out; `runner infer` takes it",
                )


class SettledOptions(GenerationOptions):
    """All that decides how a model writes a text that another is turned into."""

    length_penalty: float = option(1.0, description="Above 0 beams are the longer the greater this is.")
    no_repeat_ngram_size: int = option(0, ge=0, description="No so many tokens in a row are written twice.")

    def check(self) -> None:
        """Raise :class:`UsageError` for an option that would have no effect beside the others."""
        super().check()
        if self.length_penalty != 1 and self.num_beams == 1:
            raise UsageError("has no effect without beams", where="--set length_penalty", hint="--set num_beams=4")


class TargetOptions(GenerationOptions):
    """The options of a model that turns a text into another. What is null is done as it was measured in training."""

    max_new_tokens: int | None = option(  # type: ignore[assignment]
        None, ge=1, le=1_000_000, description="Tokens of a text, at most; null: as measured in training."
    )
    min_new_tokens: int | None = option(  # type: ignore[assignment]
        None, ge=0, le=1_000_000, description="Tokens of a text, at least; null: as measured in training."
    )
    repetition_penalty: Annotated[float, Field(gt=0)] | None = option(  # type: ignore[assignment]
        None,
        description="Tokens that were there before lose: logits are divided by it; null: as measured in training.",
    )
    num_beams: int | None = option(  # type: ignore[assignment]
        None,
        ge=1,
        le=64,
        description="Beams of a search for the likeliest text; null: as measured in training, and none where tokens "
        "are drawn.",
    )
    length_penalty: Annotated[float, Field(ge=-100, le=100)] | None = option(
        None, description="Above 0 beams are the longer the greater this is; null: as measured in training."
    )
    no_repeat_ngram_size: int | None = option(
        None, ge=0, le=100, description="No so many tokens in a row are written twice; null: as measured in training."
    )

    def check(self) -> None:
        """Raise :class:`UsageError` for an option that has no effect, whatever the model."""
        if self.system is not None:
            raise UsageError(
                "the model reads a text, and no conversation",
                where="--set system",
                hint="what stands before every source is the spec's source_prefix",
            )
        # Only the model knows how many beams it has by itself.
        self.settled({"num_beams": max(self.n, 2 if self.length_penalty is not None else 1)}).check()

    def settled(self, own: Mapping[str, Any]) -> SettledOptions:
        """The same with what the model does by itself in place of null. ``own`` is named as the options are."""
        said = {name: value for name, value in self.model_dump().items() if value is not None}
        known = {name: own[name] for name in SettledOptions.model_fields if name in own}
        if self.temperature > 0 or said.get("num_beams") == 1:
            # The model's own search is not asked for.
            known |= {"num_beams": 1, "length_penalty": 1.0}
        return SettledOptions.model_validate(known | said)

    def check_streamed(self) -> None:
        """Raise :class:`UsageError`: a whole text is written at a time."""
        raise UsageError("a model that turns texts into others holds no conversation", hint="`runner infer` asks it")


class PicturedOptions(GenerationOptions):
    """The options of a model that answers about pictures."""

    question: Annotated[str, StringConstraints(min_length=1, max_length=100_000)] | None = option(
        None,
        description="What is asked of every picture that comes without a question; null: what captions were asked by "
        "in training.",
    )

    def check_streamed(self) -> None:
        """Raise :class:`UsageError`: a chat has no pictures."""
        raise UsageError("a model of pictures is not talked to piece by piece", hint="`runner infer` asks it")
