"""Who teaches, as a spec says it: ``teacher``, told apart by ``teacher_type``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from runner.builders._finetuning._fields.stored_names import check_stored, names_stored
from runner.contract import Section, invalid, option

#: What stands for a user's turn in a template.
INPUT = "{input}"
Template = Annotated[str, StringConstraints(pattern=r"\{input\}", max_length=65_536)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Answering(Section):
    """How a teacher answers in text."""

    max_new_tokens: int = option(256, ge=1, le=1_000_000, description="Tokens of an answer, at most.")
    temperature: float = option(
        0.0, ge=0, le=100, description="0 takes the likeliest token; above it answers are drawn, by the spec's seed."
    )


class ModelTeacher(Section):
    """A model that is here, or on the Hub."""

    teacher_type: Literal["model"] = option(description="A language model that is run beside the training.")
    model_name: str = option(
        min_length=1,
        pretrained=True,
        description="The teacher: a Hub name, a folder, or a stored model, TYPE/NAME.",
        examples=["HuggingFaceTB/SmolLM2-135M-Instruct"],
    )
    revision: str | None = option(
        None, min_length=1, description="The branch, tag or commit of a Hub name; null is its main branch."
    )
    outputs: Literal["logits", "text"] = option(
        "logits",
        description="What is learned of it: logits, the odds that it gives every token, for which it has the student's "
        "tokenizer; text, its answers.",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = option(
        "auto",
        description="What its weights are kept and computed in: auto takes bfloat16 on a GPU that has it, and float32 "
        "elsewhere.",
    )
    top_k: int | None = option(
        None,
        ge=1,
        le=100_000,
        description="Learn of the so many likeliest tokens in each place alone. Their odds are computed once, before "
        "the training, and kept in a file; null has the teacher lie beside the training and learns of all tokens.",
    )
    answering: Answering | None = option(None, description="How it answers, where its text is learned.")

    def stored(self) -> str | None:
        """The stored model that it names; None for another."""
        return self.model_name if names_stored(self.model_name) else None

    @model_validator(mode="after")
    def _of_a_piece(self) -> Self:
        if self.stored() is not None:
            check_stored("model_name", self.model_name, self.revision)
        if self.outputs == "logits" and self.answering is not None:
            raise invalid(("answering",), "void", "no answer is made where logits are learned: leave this out")
        if self.outputs == "text" and self.top_k is not None:
            raise invalid(("top_k",), "void", "the teacher's text is learned, and no odds: leave this out")
        return self


class Endpoint(Answering):
    """A model behind an OpenAI-compatible endpoint."""

    base_url: Words = option(description="Where the API is, such as https://127.0.0.1:8000/v1.")
    model: Words = option(description="What the endpoint calls it.")
    key_env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = option(
        None, description="The environment variable that holds the key; no key stands in a spec."
    )
    concurrency: int = option(4, ge=1, le=256, description="Questions that are asked at a time.")


class EndpointTeacher(Endpoint):
    """A model behind an OpenAI-compatible endpoint, whose answers are learned."""

    teacher_type: Literal["endpoint"] = option(description="A model behind an OpenAI-compatible endpoint.")


class AnswersTeacher(Section):
    """Answers that were made before."""

    teacher_type: Literal["answers"] = option(description="A file of answers that a teacher gave before.")
    path: Annotated[str, StringConstraints(pattern=r"\.jsonl$", max_length=4096)] = option(
        file=".jsonl",
        description='A JSON Lines file: {"prompt": ..., "answer": ...} a line, prompt a text or the list of turns '
        "before the answer.",
    )


class OddsTeacher(Section):
    """Odds that were computed before."""

    teacher_type: Literal["odds"] = option(description="A file of the odds that a teacher gave before, by top_k.")
    path: Annotated[str, StringConstraints(pattern=r"\.safetensors$", max_length=4096)] = option(
        file=".safetensors",
        description="The file that a training with top_k has kept. It knows its teacher's vocabulary.",
    )


Teacher = Annotated[ModelTeacher | EndpointTeacher | AnswersTeacher | OddsTeacher, Field(discriminator="teacher_type")]
