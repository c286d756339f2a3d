"""Conversations to token ids, for training and for asking, by one chat template.

The ids that a model is fed for a turn are the first ids of the row that the turn is learned from, whatever the
template, and the answer follows them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, Self

from runner.chat import formats
from runner.chat.message_weights import LossOn
from runner.chat.messages import Conversation, Message
from runner.chat.parsing import message_of
from runner.chat.refusals import TEMPLATE, Unrenderable
from runner.chat.rendered import Rendered
from runner.chat.special_tokens import special_tokens, wants_start
from runner.chat.template_choice import open_template
from runner.chat.template_habits import Habits, look
from runner.chat.template_input import Marks, Prepared, prepare
from runner.chat.template_rendering import DAY, Template
from runner.chat.token_weights import Learned, row_of
from runner.chat.tokenization import Encoded, Encoder
from runner.chat.training_example import Lesson
from runner.chat.turn_positions import Layout
from runner.errors import DataError, IntegrityError

#: Stands for an answer whose tokens are known, a letter of no text.
PLACE = "\ue0ff"


@dataclass(frozen=True)
class ChatRenderer:
    """A tokenizer and a template. Made by :meth:`of`, or by :meth:`from_document` for a stored model."""

    tokenizer: Any
    template: Template
    habits: Habits

    @classmethod
    def of(cls, tokenizer: Any, template: str = "tokenizer", *, today: date = DAY, picture: str | None = None) -> Self:
        """The renderer of a spec's ``chat.template``.

        Args:
            tokenizer: of transformers, a fast one: it must tell which letters a token is of.
            template: ``tokenizer``, a built-in format, or the path of a ``.jinja`` file.
            today: the day of a template that asks for it. It is kept in the document.
            picture: the token that stands for a picture, wherever it is in a text; None of a model that reads none.

        Raises:
            DataError: at ``chat.template``: there is no template, or it cannot write a question and an answer.
        """
        return cls._tried(tokenizer, open_template(tokenizer, template, today, picture))

    @classmethod
    def from_document(cls, tokenizer: Any, document: Mapping[str, Any]) -> Self:
        """The renderer that :meth:`as_document` was asked of.

        Raises :class:`~runner.errors.IntegrityError` where the template is not the one whose hash stands beside it:
        the model would be asked in other words than it was trained on.
        """
        found = _hash(document["source"])
        if document.get("sha256", found) != found:
            raise IntegrityError(
                f"the chat template ({document['template']}) is not the one that the model was trained with: its "
                f"sha256 is {found[:12]}..., and that of the training's is {str(document['sha256'])[:12]}...",
                where="language_model.json",
                hint="store the model anew with the template of its training",
            )
        template = Template(
            name=document["template"],
            source=document["source"],
            tool_use=document["tool_use"],
            special_tokens=special_tokens(tokenizer),
            today=date.fromisoformat(document["today"]),
            picture=document.get("picture"),
        )
        return cls._tried(tokenizer, template)

    def as_document(self) -> dict[str, Any]:
        """What a stored model keeps beside its tokenizer, so that it is asked as it was trained."""
        return {
            "template": self.template.name,
            "source": self.template.source,
            "tool_use": self.template.tool_use,
            "today": self.template.today.isoformat(),
            "sha256": _hash(self.template.source),
        } | ({} if self.template.picture is None else {"picture": self.template.picture})

    @classmethod
    def _tried(cls, tokenizer: Any, template: Template) -> Self:
        if not tokenizer.is_fast:
            raise DataError(
                f"the tokenizer ({type(tokenizer).__name__}) does not tell which letters its tokens are of",
                where=TEMPLATE,
                hint="a model with a tokenizer.json has one that does",
            )
        # A picture's token in a text is a picture, and no text that has to stay one.
        added = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
        special = [token for token in added if token != template.picture]
        try:
            return cls(tokenizer, template, look(template, special))
        except Unrenderable as error:
            raise DataError(error.message, where=TEMPLATE, hint=error.hint) from error

    # ---- For training

    def trained(self, conversation: Conversation, loss_on: LossOn = "assistant") -> Rendered:
        """One row in which all turns that ``loss_on`` names are learned. It ends with the last of them.

        Raises:
            Unrenderable: the template refuses the conversation, leaves a part of it out, or writes an earlier turn
                otherwise than it is answered: :meth:`trained_each` makes a row for each then.
        """
        lesson = self._lesson(conversation, loss_on)
        if missed := lesson.missed(lesson.weights):
            raise Unrenderable(
                "history rewritten",
                f"message {missed[0] + 1} (assistant): the chat template ({self.template.name}) writes it otherwise "
                "once more turns follow, so it cannot be learned in one row with them",
                hint='a row for each turn, or "loss_on": "last_assistant"',
            )
        return self._row(lesson, lesson.weights)

    def trained_each(self, conversation: Conversation, loss_on: LossOn = "assistant") -> list[Rendered]:
        """One row where one will do, as :meth:`trained` makes it; else one for each answer that is learned.

        A row of an answer has all before it as it is when the answer is asked for. What other messages count is
        counted in the first row that has them.
        """
        lesson = self._lesson(conversation, loss_on)
        if not lesson.missed(lesson.weights):
            return [self._row(lesson, lesson.weights)]
        return [self._row(lesson, weights) for weights in lesson.each()]

    # ---- For asking

    def prompt(self, conversation: Conversation) -> list[int]:
        """What a model is fed to answer: token ids, with the beginning of an answer.

        A conversation that ends with an assistant's turn is continued: the prompt ends with its text, without an end.
        """
        messages = conversation.messages
        prepared = self._ready(conversation)
        scribe = prepared.scribe
        if not messages or messages[-1].role != "assistant":
            layout = scribe.prompt(len(messages))
        else:
            if messages[-1].tool_calls:
                raise Unrenderable("no answer", "an answer that calls a tool is whole: it cannot be continued")
            last = len(messages) - 1
            layout = scribe.prompt(last)
            if messages[-1].content or messages[-1].reasoning:
                written, turn = scribe.answered(last)
                layout = Layout(written.text[: turn.marker], (*layout.turns, turn), layout.rewritten, ())
        Lesson.of(prepared, "assistant").check_tools()
        return self._encoded(prepared, layout)[1].ids

    def between(self, conversation: Conversation, turns: Sequence[Message], said: str = "") -> list[int]:
        """What stands between an answer's text and the next answer's: token ids of the end of turn, of ``turns``, and
        of the beginning of an answer.

        The answer, to ``conversation``, is not given: its tokens are what they are. ``said`` is what it has written of
        its end of turn itself.

        Raises:
            Unrenderable: the template refuses the conversation.
        """
        messages = (*conversation.messages, Message("assistant", PLACE), *turns)
        prepared = self._ready(conversation.with_messages(messages))
        text, literals, _ = prepared.protection.literals(prepared.scribe.prompt(len(messages)).text)
        start = text.rindex(PLACE) + len(PLACE) if PLACE in text else len(text)
        written = text.find(said, start, start + len(self.habits.marker) + len(said)) if said else -1
        start = start if written < 0 else written + len(said)
        encoded = self._encoder.encode(text, [start], literals)
        return encoded.ids[encoded.counts[start] :] if start < len(text) else []

    @cached_property
    def stop_ids(self) -> tuple[int, ...]:
        """The tokens that end an answer: the end of turn, and the tokenizer's end of text."""
        ends = [*self.habits.ends, self.tokenizer.eos_token]
        vocabulary = self.tokenizer.get_vocab()
        return tuple(dict.fromkeys(vocabulary[end] for end in ends if end is not None and end in vocabulary))

    @cached_property
    def stop_strings(self) -> tuple[str, ...]:
        """What ends an answer where the end of turn is no token of its own."""
        marker = self.habits.marker.strip()
        return (marker,) if marker and self.habits.end_token is None else ()

    def parsed(self, answer: str | Sequence[int]) -> Message:
        """An answer as a message. ``answer`` is what came after the prompt, with its end of turn or without.

        Token ids are cut at the first that ends an answer, a text only where it ends: what an answer says of marks is
        its own.
        """
        if isinstance(answer, str):
            text = answer
            for token in self.stop_ids:
                text = text.removesuffix(self._decoded([token]))
        else:
            ends = [index for index, token in enumerate(answer) if token in self.stop_ids]
            text = self._decoded(answer[: ends[0]] if ends else answer)
        for stop in self.stop_strings:
            text = text.partition(stop)[0]
        end = self.habits.end_token
        before = self.habits.marker.removesuffix(end) if end is not None else ""
        return message_of(
            text.removesuffix(before),
            style=self.habits.call_style,
            prefix=self.habits.prefix,
            thinking=self.habits.thinking,
            thought=self.habits.thought,
        )

    def _decoded(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What a user should know of this template with this tokenizer, one sentence each."""
        found = []
        vocabulary = self.tokenizer.get_vocab()
        lacking = [mark for mark in formats.MARKS.get(self.template.name, ()) if mark not in vocabulary]
        if lacking:
            found.append(
                f"the tokenizer has no token for {' '.join(lacking)}, which the format {self.template.name} is written "
                "with: they are written as text, several tokens each"
            )
        elif self.stop_strings:
            found.append(
                f"the tokenizer has no token for {self.stop_strings[0]}, which the chat template "
                f"({self.template.name}) ends a turn with: it is written as text, several tokens"
            )
        if self.template.asks_for_the_day:
            found.append(
                f"the chat template ({self.template.name}) asks what day it is: it is told {self.template.today}, in "
                "training and whenever the model is asked"
            )
        if not self.habits.begins_answers and (prefix := self.habits.prefix.strip()):
            found.append(
                f"the chat template ({self.template.name}) does not begin an answer where it is asked to: the model "
                f"learns to write {prefix!r} itself"
            )
        if not self.habits.marker:
            found.append(
                f"the chat template ({self.template.name}) writes no end of turn: "
                + (
                    "each row ends with the end-of-text token"
                    if self.tokenizer.eos_token is not None
                    else "nothing tells the model when to stop"
                )
            )
        return tuple(found)

    # ---- Inside

    def _ready(self, conversation: Conversation) -> Prepared:
        return prepare(conversation, self.template, self.habits, self._marks)

    @cached_property
    def _marks(self) -> Marks:
        start = self.tokenizer.bos_token if wants_start(self.tokenizer) else None
        ends = (self.habits.marker.strip(), self.tokenizer.eos_token)
        known = {*self.habits.special_tokens, *self.stop_strings}
        return Marks(start, tuple(end for end in ends if end in known), self.stop_strings)

    def _lesson(self, conversation: Conversation, loss_on: LossOn) -> Lesson:
        if not conversation.messages:
            raise Unrenderable("no answer", "the conversation has no messages")
        return Lesson.of(self._ready(conversation), loss_on)

    def _row(self, lesson: Lesson, weights: Sequence[float]) -> Rendered:
        layout = lesson.layout(weights)
        lesson.check(weights, layout)
        text, encoded = self._encoded(lesson.prepared, layout.with_contents(lesson.contents(weights)))
        learned = Learned(weights, lesson.told(weights), lesson.everything)
        row = row_of(text, encoded, learned, lesson.conversation.messages, self.tokenizer.eos_token_id)
        return replace(row, notes=lesson.prepared.notes)

    def _encoded(self, prepared: Prepared, layout: Layout) -> tuple[Layout, Encoded]:
        text, literals, marks = prepared.protection.literals(layout.text)
        plain = layout.without(marks, text)
        borders = [place for turn in plain.turns for place in (turn.start, turn.end)]
        return plain, self._encoder.encode(text, borders, literals)

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.tokenizer)


def _hash(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()
