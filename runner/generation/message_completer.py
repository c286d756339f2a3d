"""Conversations in, messages out."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.chat.messages import Message
from runner.data.dialogues.infer_rows import AskedConversation, read_conversation
from runner.errors import ConflictError, UsageError
from runner.generation.engine import Engine
from runner.generation.reply import Reply, need_count
from runner.inference.chat_session import ChatSession, read_chat_options
from runner.tasks.generation.completions import Ending

#: A user's turn, or a conversation: turns with ``role`` and ``content``.
Asked = str | Sequence[Mapping[str, Any] | Message]


@dataclass(frozen=True)
class Answer:
    """An assistant's turn."""

    message: Message
    finish_reason: Ending
    #: Tokens of the prompt, and of the answer with its end.
    prompt_tokens: int
    completion_tokens: int
    #: Each token's text and log-probability, where ``logprobs`` asked for them.
    tokens: Sequence[tuple[str, float]] | None = None

    @property
    def text(self) -> str:
        """What it says, its reasoning and its calls of tools apart."""
        return self.message.content


class MessageCompleter:
    """Answers conversations. ``options`` are those of ``runner infer --set``, and hold for every request that names no
    others: ``system``, ``max_new_tokens``, ``temperature``, ``seed``, ``stop``, ... A request's text is what ``runner
    infer`` answers with the same options. A model that goes on with texts takes a text, and no conversation."""

    def __init__(self, engine: Engine, *, tools: Sequence[Mapping[str, Any]] = (), **options: Any) -> None:
        self.engine, self._tools, self._given = engine, tuple(tools), options
        engine.options(options)

    def start(self, asked: Asked, *, copy: int = 0, **options: Any) -> Reply[str, Answer]:
        """Begin to answer; its pieces are texts, none of which is taken back. ``copy`` tells requests apart that ask
        the same with the same seed.

        Raises :class:`~runner.errors.DataError` for a conversation that cannot be read, that the template refuses or
        that fills the model, and :class:`~runner.errors.UsageError` for options that there are not.
        """
        read = self.engine.options(self._given | options)
        if read.n > 1:
            raise UsageError("a request is one answer", where="n", hint="`samples(asked, count)` gives several")
        return self.start_row(self._row(asked), read, copy)

    def start_row(self, row: AskedConversation, options: Any, copy: int = 0) -> Reply[str, Answer]:
        """The same of what was read already."""
        answerer = self.engine.answerer
        ids = answerer.checked_ids(row, options)
        line = answerer.line(ids, options, key=row.key(), copy=copy)
        return self.engine.submit(line, _Texts(answerer))

    def complete(self, asked: Asked, **options: Any) -> Answer:
        """The answer to one conversation."""
        return self.start(asked, **options).result()

    def complete_all(self, asked: Sequence[Asked], **options: Any) -> list[Answer]:
        """Of each conversation, in their order, all at work together."""
        with self.engine.together():
            replies = [self.start(each, **options) for each in asked]
        return [reply.result() for reply in replies]

    def samples(self, asked: Asked, count: int, **options: Any) -> list[Answer]:
        """Several answers to one conversation, each drawn by a seed of its own."""
        need_count(count)
        with self.engine.together():
            replies = [self.start(asked, copy=copy, **options) for copy in range(count)]
        return [reply.result() for reply in replies]

    async def complete_async(self, asked: Asked, **options: Any) -> Answer:
        """The answer to one conversation. A task that is cancelled gives the request up."""
        reply = self.start(asked, **options)
        try:
            return await reply
        finally:
            reply.cancel()

    def chat(self, **options: Any) -> ChatSession:
        """A conversation with a history: ``send(text)`` gives the answer piece by piece. Many may go on at once.

        Raises :class:`~runner.errors.ConflictError` for a model without a template.
        """
        engine = self.engine
        if not engine.converses:
            raise ConflictError(
                f"{engine.model} goes on with texts and has no template for a conversation",
                hint="name a model that was trained on conversations (sft)",
            )
        read = read_chat_options(engine.task, self._given | options)
        return ChatSession(engine.model, _Talker(self), engine.task, read, tools=self._tools)

    def _row(self, given: Asked) -> AskedConversation:
        asked: Any = given
        if isinstance(asked, str):
            turns: list[Any] = [{"role": "user", "content": asked}]
        elif not isinstance(asked, Sequence) or not all(isinstance(turn, Message | Mapping) for turn in asked):
            raise UsageError(
                f"{type(asked).__name__} is no conversation",
                where="asked",
                hint="a text, or a list of turns with role and content",
            )
        else:
            turns = [turn.as_dict() if isinstance(turn, Message) else dict(turn) for turn in asked]
        return AskedConversation(read_conversation(turns, list(self._tools) or None, "the conversation"))


class _Texts:
    """Pieces are texts."""

    def __init__(self, answerer: Any) -> None:
        self._answerer = answerer

    def begin(self, line: Any) -> _Shown:
        return _Shown(self._answerer.pieces(line))

    def whole(self, line: Any, *, interrupted: bool) -> Answer:
        made = self._answerer.completion(line)
        message = Message("assistant", made.text, reasoning=made.reasoning, tool_calls=made.tool_calls)
        reason: Ending = "interrupted" if interrupted else made.finish_reason
        return Answer(message, reason, len(line.prompt), made.completion_tokens, made.tokens)


class _Shown:
    """What may be shown of an answer so far; an empty text is no piece."""

    def __init__(self, pieces: Any) -> None:
        self._pieces = pieces

    def add(self, token: int) -> str | None:
        return self._pieces.add(token) or None

    def rest(self) -> str | None:
        return self._pieces.rest() or None


class _Talker:
    """What a chat session asks of its model, answered in the running batch."""

    def __init__(self, completer: MessageCompleter) -> None:
        self._completer = completer

    def stream(self, row: AskedConversation, options: Any) -> Generator[str, None, Ending]:
        reply = self._completer.start_row(row, options)
        try:
            yield from reply
        finally:
            reply.cancel()
        return reply.result().finish_reason

    def message(self, text: str) -> Message:
        found: Message = self._completer.engine.answerer.message(text)
        return found
