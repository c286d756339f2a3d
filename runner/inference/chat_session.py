"""A conversation with a stored language model: its history, its options, kept as a file and taken up again."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.chat.messages import Conversation, Message
from runner.contract import Task
from runner.data.dialogues.infer_rows import AskedConversation, read_conversation
from runner.errors import ConflictError, DataError, NotFoundError, UsageError
from runner.inference.opening import open_model
from runner.inference.task_options import read_options
from runner.store.files import write_json
from runner.tasks.generation.completions import Ending
from runner.workspace import Workspace


class StreamedAnswer(Iterator[str]):
    """An answer, piece by piece, as it is made. It is begun with the first piece that is asked for.

    Who stops reading calls :meth:`close`, or sends the next turn: what was said so far is the answer then.
    """

    def __init__(self, pieces: Generator[str, None, Ending]) -> None:
        self._pieces, self._said = pieces, list[str]()
        #: Why it ended; None while it has not.
        self.finish_reason: Ending | None = None

    def __next__(self) -> str:
        try:
            piece = next(self._pieces)
        except StopIteration as end:
            self.finish_reason = self.finish_reason or end.value
            raise
        except BaseException:
            self.finish_reason = "interrupted"
            raise
        self._said.append(piece)
        return piece

    @property
    def text(self) -> str:
        """All of it, read to its end."""
        for _ in self:
            pass
        return "".join(self._said)

    def close(self) -> None:
        """End it here."""
        self.finish_reason = self.finish_reason or "interrupted"
        self._pieces.close()


@dataclass
class ChatSession:
    """One conversation. :func:`open_chat` makes it."""

    #: The stored model, ``type/name/vN``.
    model: str
    #: What streams the answers, and the task whose options it takes.
    predictor: Any
    task: Task
    options: Any
    history: list[Message] = field(default_factory=list)
    #: The tools that the model is told of.
    tools: Sequence[Mapping[str, Any]] = ()
    #: What is odd about how the model was opened.
    warnings: list[str] = field(default_factory=list)
    _answer: StreamedAnswer | None = None

    def send(self, text: str) -> StreamedAnswer:
        """A user's turn; its answer comes piece by piece, and both are in the history once it has ended.

        An answer that says nothing, or cannot be begun, leaves the history as it was. Reading it raises
        :class:`~runner.errors.DataError` for a conversation that fills the model, or that its template refuses.
        """
        if self._answer is not None:
            self._answer.close()
        self._answer = StreamedAnswer(self._stream(text))
        return self._answer

    def _stream(self, text: str) -> Generator[str, None, Ending]:
        asked = Message("user", text)
        said: list[str] = []
        try:
            row = AskedConversation(Conversation((*self.history, asked), tuple(self.tools)))
            pieces = self.predictor.stream(row, self.options)
            while True:
                try:
                    piece = next(pieces)
                except StopIteration as end:
                    reason: Ending = end.value or "stop"
                    return reason
                said.append(piece)
                yield piece
        finally:
            if said:
                self.history += [asked, self.predictor.message("".join(said))]

    @property
    def system(self) -> str | None:
        """What the system says before the conversation."""
        found: str | None = self.options.system
        return found

    @property
    def conversation(self) -> Conversation:
        """All of it, the system's turn first."""
        first = [Message("system", self.system)] if self.system is not None else []
        return Conversation((*first, *self.history), tuple(self.tools))

    def reset(self) -> None:
        """Begin anew; the system's turn, the tools and the options stay."""
        if self._answer is not None:
            self._answer.close()
        self.history.clear()

    def set(self, **options: Any) -> None:
        """Change options, such as ``temperature``; ``system`` is what the system says, None for nothing.

        Raises :class:`UsageError` for an option that there is not, or that means nothing here.
        """
        self.options = read_chat_options(self.task, self.options.model_dump() | options)

    def save(self, path: Path | str) -> None:
        """Write the conversation and the options as JSON."""
        options = {name: value for name, value in self.options.model_dump().items() if name != "system"}
        write_json(Path(path), self.conversation.as_dict() | {"options": options})

    def load(self, path: Path | str) -> None:
        """Take a saved conversation up again, with its options; one that has none leaves these as they are.

        Raises :class:`NotFoundError` and :class:`DataError` for a file that holds none.
        """
        document = _read(Path(path))
        conversation = _conversation(document, str(path))
        messages = list(conversation.messages)
        first = messages.pop(0).content if messages and messages[0].role == "system" else None
        own = self.options.model_dump() | document.get("options", {}) | {"system": first}
        try:
            options = read_chat_options(self.task, own)
        except UsageError as error:
            raise DataError(f"its options do not fit: {error.message}", where=str(path), hint=error.hint) from None
        self.reset()
        self.history, self.tools, self.options = messages, conversation.tools, options


def open_chat(
    workspace: Workspace,
    model: str,
    *,
    system: str | None = None,
    options: Mapping[str, Any] | None = None,
    device: str = "cpu",
) -> ChatSession:
    """Open a stored language model for a conversation.

    Raises :class:`ConflictError` for a model that does not converse, :class:`UsageError` for options that there are
    not, and what opening a model raises.
    """
    given = dict(options or {})
    if system is not None:
        if "system" in given:
            raise UsageError("the system's turn is given twice", where="--set system", hint="leave one out")
        given["system"] = system
    opened = open_model(workspace, model, device=device, or_base=True)
    if not hasattr(opened.predictor_class, "stream"):
        raise ConflictError(
            f"{opened.reference} is a model of {opened.task.name}, which does not talk",
            hint="name a model of generation, such as one of type sft",
        )
    read = read_chat_options(opened.task, given)
    if not opened.predictor.converses:
        raise ConflictError(
            f"{opened.reference} goes on with texts and has no template for a conversation",
            hint=f"runner infer --model {opened.stored.model_type}/{opened.stored.name} --prompts 'Once upon a time' "
            "goes on with one; a model that was trained on conversations (sft) talks",
        )
    return ChatSession(opened.reference, opened.predictor, opened.task, read, warnings=opened.warnings)


def read_chat_options(task: Task, given: Mapping[str, Any]) -> Any:
    """The task's options, those refused that have no effect on one answer that is made piece by piece."""
    options = read_options(task, given)
    if (check := getattr(options, "check_streamed", None)) is not None:
        check()
    return options


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path)) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"holds no saved conversation: {error}", where=str(path)) from None
    whole = isinstance(document, dict) and isinstance(document.get("options", {}), dict)
    if not whole or not isinstance(document.get("messages"), list):
        raise DataError(
            "holds no saved conversation",
            where=str(path),
            hint='expected {"messages": [{"role": "user", "content": "..."}, ...]}, as /save writes it',
        )
    return dict(document)


def _conversation(document: Mapping[str, Any], where: str) -> Conversation:
    """What the readers of data make of the messages."""
    if not document["messages"]:
        return Conversation(())
    try:
        return read_conversation(document["messages"], document.get("tools"), where)
    except DataError as error:
        error.message = f"holds no saved conversation: {error.message}"
        raise
