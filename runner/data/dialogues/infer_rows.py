"""Prompts and conversations to be answered, in their order: words, lines of text, rows of any container, or a pipe."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.chat.messages import Conversation, Message
from runner.data.asked_files import FORMATS, AskedFiles, is_array
from runner.data.dialogues.cell_values import missing
from runner.data.dialogues.column_roles import QUESTIONS, Columns
from runner.data.dialogues.row_faults import RowFault, Told
from runner.data.dialogues.row_layout import Form, LayoutRows
from runner.data.dialogues.row_types import ConversationRow, LanguageRow
from runner.data.dialogues.turn_reader import TurnReader
from runner.data.prompts import need_text
from runner.data.records.broken_rows import BrokenRows
from runner.data.records.byte_streams import opened
from runner.data.records.data_files import container_of
from runner.data.records.json_lines import decoded, numbered, parsed
from runner.data.table_rows.infer_rows import TableRows, Written
from runner.errors import DataError, UsageError

#: What to say where there is nothing to read.
NOTHING, WHERE = "no prompts", "--prompts"
HOW = "--prompts P1 P2, --prompts-file FILE (.txt, .jsonl, .json, .csv, .parquet), or pipe them in: cat FILE | ..."
ROW = 'expected a text, or an object with "prompt" or "messages" (turns with "role" and "content")'
TEXTS = (".txt", ".text")
#: A text alone is a row of a server's as it stands.
TEXT_FIELD = ""


@dataclass(frozen=True)
class AskedConversation:
    """A conversation whose last turn is to be answered; if that is an assistant's, it is gone on with."""

    conversation: Conversation
    id: str | int | None = None
    #: The answer that the row has beside its prompt: what a reward model judges, and nothing that is asked.
    answer: tuple[Message, ...] = ()

    def key(self) -> bytes:
        """What makes it the same question as another: its turns, its tools and its answer."""
        told = [self.conversation.as_dict(), Conversation(self.answer).as_dict()]
        text = json.dumps(told, sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class AskedLayout(LayoutRows):
    """What is asked of a row: its turns, or its prompt with what stands beside it."""

    KNOWN = "messages, or a prompt"

    def forms(self, columns: Columns) -> Iterator[Form]:
        # A file of prompts need not have the training data's columns.
        here = Columns(columns.names, {role: name for role, name in columns.own.items() if name in columns.names})
        beside = ("input", "history", "system", "tools")
        if messages := here.of("messages"):
            yield Form("messages", here.beside({"messages": messages}, ("system", "tools")), ("messages",))
        if prompt := here.prompt():
            found = here.beside({"prompt": prompt}, beside)
            answers = [name for name in here.all(["completion", *QUESTIONS["prompt"]]) if name not in found.values()]
            own = here.of("completion", ())
            answer = own or next(iter(answers), None)
            yield Form("prompt", found | ({"completion": answer} if answer else {}), ("prompt",))
        if text := here.of("text", ("text",)):
            yield Form("prompt", {"prompt": text}, ("prompt",))

    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        tools = self.tools(form, row)
        if form.name == "messages":
            turns = self.with_system(form, row, self.reader.turns(row.get(form.columns["messages"])))
        else:
            turns = self.asked(form, row)
        if not any(turn.role != "system" for turn in turns):
            raise RowFault("no_prompt", "no turn is a user's: there is nothing to answer")
        yield ConversationRow(line, Conversation(turns, tools))

    def answer_beside(self, row: Mapping[str, Any]) -> tuple[Message, ...]:
        """The answer of a row that has one beside its prompt."""
        column = self.form(row).columns.get("completion")
        return () if column is None or missing(row.get(column)) else self.answer(row[column], "completion")


def read_conversation(messages: Any, tools: Any, where: str) -> Conversation:
    """The conversation that turns and definitions of tools are, as a row of a file would have them.

    Raises :class:`DataError` at ``where`` for what is none.
    """
    told = Told()
    row = {"messages": messages} | ({} if tools is None else {"tools": tools})
    try:
        (made,) = AskedLayout({}, told, TurnReader(told, asked=True)).rows(row, 1)
    except RowFault as fault:
        raise DataError(fault.detail or fault.reason, where=where) from None
    assert isinstance(made, ConversationRow)
    return made.conversation


class AskedConversations(TableRows):
    """Conversations that can be read as often as needed. ``check`` reads them all once, before anything is computed."""

    noun = "prompts"

    def __init__(
        self,
        name: str,
        source: Path | Sequence[AskedConversation],
        layout: AskedLayout | None = None,
        holder: Any = None,
        written: Written | None = None,
    ) -> None:
        super().__init__(name, source, None, holder, written or Written())  # type: ignore[arg-type]
        self._layout = layout or AskedLayout({}, Told(), TurnReader(Told(), asked=True))

    def provenance(self) -> dict[str, Any]:
        count, told = self.fingerprint()
        return {"prompts": count, "prompts_sha256": told, "prompts_from": self.name}

    def _rows(self) -> Iterator[Any]:
        if not isinstance(self._source, Path):
            yield from self._source
        elif self._source.suffix.lower() in TEXTS:
            yield from self._lines(self._source)
        elif container_of(self._source.name) == "jsonl" and self._source.is_file():
            yield from self._json_lines(self._source)
        else:
            yield from super()._rows()

    def _lines(self, path: Path) -> Iterator[AskedConversation]:
        self.blank, broken = 0, BrokenRows()
        with opened(path, encoding=self._written.encoding) as file:
            for number, raw in numbered(file, self.name):
                try:
                    text = decoded(raw, f"{self.name}:{number}")
                except DataError as error:
                    broken.add(error)
                    continue
                if text.strip():
                    yield AskedConversation(Conversation((Message("user", text),)))
                else:
                    self.blank += 1
        broken.tell()

    def _json_lines(self, path: Path) -> Iterator[AskedConversation]:
        """Objects, and texts as JSON strings."""
        self.blank, broken = 0, BrokenRows()
        encoding = self._written.of(path, "jsonl", self.name)["encoding"]
        with opened(path, encoding=encoding) as file:
            for number, raw in numbered(file, self.name):
                try:
                    asked = self._of_json(raw, number, f"{self.name}:{number}")
                except DataError as error:
                    broken.add(error)
                    continue
                if asked is not None:
                    yield asked
                else:
                    self.blank += 1
        broken.tell()

    def _of_json(self, raw: bytes, number: int, where: str) -> AskedConversation | None:
        """What a line asks; None for a blank one. Raises :class:`DataError`."""
        text = decoded(raw, where)
        if not text.strip():
            return None
        value = parsed(text, where, ROW + "; lines of text: --prompts-format text")
        row = {"prompt": value} if isinstance(value, str) else value
        if not isinstance(row, dict):
            raise DataError("is neither a text nor an object", where=where, hint=ROW)
        return self._asked(row, number, where)

    def _records(self, records: Any, broken: BrokenRows) -> Iterator[Any]:
        self._layout.reader = replace(self._layout.reader, from_arrow=records.unit == "row")
        for row in super()._records(records, broken):
            try:
                asked = self._asked(row.values, row.line, row.where)
            except DataError as error:
                broken.add(error)
                continue
            yield asked

    def _asked(self, row: Mapping[str, Any], line: int, where: str) -> AskedConversation:
        try:
            (made,) = self._layout.rows(row, line)
            answer = self._layout.answer_beside(row)
        except RowFault as fault:
            raise DataError(fault.detail or fault.reason, where=where, hint=ROW) from None
        assert isinstance(made, ConversationRow)
        name = row.get("id")
        usable = isinstance(name, str | int) and not isinstance(name, bool) and name != ""
        return AskedConversation(made.conversation, name if usable else None, answer)


def _layout(
    asked: type[AskedLayout],
    columns: Mapping[str, Any] | None,
    role_words: Mapping[str, Any] | None,
    split_think: bool,
) -> AskedLayout:
    own = {role: name for role, name in (columns or {}).items() if name is not None}
    told = Told()
    reader = TurnReader(told, own.get("role"), own.get("content"), role_words or {}, bool(split_think), asked=True)
    return asked(own, told, reader)


def from_words(words: Sequence[str], **written: Any) -> AskedConversations:
    """Prompts on the command line, each a user's turn. Raises :class:`UsageError` for a word that is no text."""
    if not words:
        raise UsageError(NOTHING, where=WHERE, hint="give at least one prompt")
    need_text("--prompts", words)
    rows = [AskedConversation(Conversation((Message("user", word),))) for word in words]
    return AskedConversations("--prompts", rows)


def _opened(
    name: str,
    path: Path,
    holder: Any,
    *,
    columns: Mapping[str, Any] | None = None,
    role_words: Mapping[str, Any] | None = None,
    split_think: bool = False,
    asked: type[AskedLayout] = AskedLayout,
    **written: Any,
) -> AskedConversations:
    """``columns``, ``role_words`` and ``split_think`` are those of the training data, ``asked`` says what is asked of a
    row."""
    layout = _layout(asked, columns, role_words, split_think)
    return AskedConversations(name, path, layout, holder, Written(**written))


def _begins(head: bytes) -> str:
    if is_array(head):
        return "json"
    if head[:1] in (b"{", b'"'):
        with suppress(ValueError, RecursionError):
            json.loads(head.splitlines()[0])
            return "jsonl"
    return "text"


_FILES = AskedFiles("prompts", _opened, _begins, {**FORMATS, "text": ".txt"}, TEXTS)
from_file, from_pipe = _FILES.from_file, _FILES.from_pipe
