"""The piece of a text that answers a question on it: a pretrained encoder reads both, and scores each place of it.

A linear layer on top gives every token of the context a score of starting the answer and one of ending it, and the
first token those of there being none. A context that is longer than `max_length` is read in windows that share
`doc_stride` tokens; an answer is the best place of all windows. Where some questions have no answer, the model says so
when none scores more than the best answer by a threshold that is tuned on the held-out questions and kept with it.

Use it when the answer stands in the text, word by word. Where it has to be put in words of its own, a language model
or `seq2seq` does that; where the texts have to be found first, `sentence_embedding` finds them.

Source: Devlin et al., BERT (2019), sections 4.2 and 4.3; Rajpurkar et al., SQuAD (2016) and SQuAD 2.0 (2018).
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from runner.builders.text._fields.encoder_fields import EncoderSpec
from runner.contract import invalid, option
from runner.data.context_questions.section import ContextQuestionsData
from runner.tasks import spans

TASK = spans.TASK
REQUIRES = ("torch", "transformers", "peft", "accelerate", "safetensors", "numpy")
#: Tokens beside a question and a context, at most: of RoBERTa four.
SPECIAL = 4
#: Tokens of a question that are read, where the spec says nothing and a window is long.
LONG_QUESTION = 64


class Spec(EncoderSpec):
    """Answers out of a text."""

    data = ContextQuestionsData
    measures: ClassVar = {"f1": "higher", "exact_match": "higher", "loss": "lower"}

    model_type: Literal["extractive_qa"] = option(description="The piece of a text that answers a question on it.")
    max_length: int = option(
        384, ge=16, le=100_000, description="Tokens of a window: a question and a piece of its context."
    )
    doc_stride: int = option(
        128,
        ge=0,
        description="Tokens that a window of a long context shares with the next. It is less than the room that the "
        "question leaves in a window.",
    )
    max_question_length: int | None = option(
        None,
        ge=1,
        description="Tokens of a question that are read, counted from its beginning; null is 64, at most half of "
        "max_length.",
    )
    max_answer_length: int = option(30, ge=1, description="Tokens of the longest answer that is given.")
    null_threshold: Literal["tuned"] | float = option(
        "tuned",
        description="How much more no answer has to score than the best answer, so that none is given; tuned takes the "
        "one with the best F1 on the held-out questions. Where all questions of training have an answer, one is always "
        "given.",
    )

    def question_tokens(self) -> int:
        """Tokens of a question that are read."""
        return (
            min(LONG_QUESTION, self.max_length // 2) if self.max_question_length is None else self.max_question_length
        )

    @model_validator(mode="after")
    def _windows_go_on(self) -> Self:
        room = self.max_length - self.question_tokens() - SPECIAL
        if room < 1:
            raise invalid(
                ("max_question_length",),
                "no_room",
                f"a question of {self.question_tokens()} tokens leaves no room in a window of {self.max_length}",
            )
        if self.doc_stride >= room:
            raise invalid(
                ("doc_stride",),
                "no_room",
                f"a window of {self.max_length} tokens has room for {room} of the context beside a question of "
                f"{self.question_tokens()} and special tokens: doc_stride has to be less",
            )
        return self
