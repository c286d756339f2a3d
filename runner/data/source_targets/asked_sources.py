"""Texts to be turned into others, in their order: words, lines of text, rows of any container, or a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from runner.chat.messages import Conversation, Message
from runner.data.dialogues import infer_rows
from runner.data.dialogues.cell_values import structure
from runner.data.dialogues.column_roles import Columns
from runner.data.dialogues.infer_rows import HOW, TEXT_FIELD, WHERE, AskedLayout
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.row_layout import Form
from runner.data.dialogues.row_types import ConversationRow, LanguageRow
from runner.data.source_targets.language_names import languages
from runner.data.source_targets.source_rows import SOURCES, TRANSLATION, Layout

__all__ = ["HOW", "NOTHING", "TEXT_FIELD", "WHERE", "AskedSources", "from_file", "from_pipe", "from_words"]
NOTHING = "no sources"


class AskedSources(AskedLayout):
    """The source of a row, whether there is a target beside it or not, as a conversation of one turn."""

    KNOWN = "source, text, document, article or another usual name of a source"

    def forms(self, columns: Columns) -> Iterator[Form]:
        # A file of sources need not have the training data's columns.
        here = Columns(columns.names, {role: name for role, name in columns.own.items() if name in columns.names})
        if (source := here.of("source", SOURCES)) is not None:
            yield Form("source", {"source": source}, ())
            return
        held = here.of("translation", TRANSLATION)
        if held is not None and "source_language" in self.own:
            yield Form("translation", {"translation": held}, ("translation",))
        if found := languages(here.all_names()):
            yield Form("source", {"source": found[0]}, ())

    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        if form.name == "translation":
            texts = structure(row.get(form.columns["translation"]))
            value = texts.get(self.own["source_language"]) if isinstance(texts, Mapping) else None
        else:
            value = row.get(form.columns["source"])
        text = Layout(self.own, self.told, self.reader).source_text(value)
        if not text.strip():
            raise RowFault("empty_source", "there is no source to read")
        yield ConversationRow(line, Conversation((Message("user", text),)))

    def answer_beside(self, row: Mapping[str, Any]) -> tuple[Message, ...]:
        return ()


from_words = infer_rows.from_words
from_file = partial(infer_rows.from_file, asked=AskedSources)
from_pipe = partial(infer_rows.from_pipe, asked=AskedSources)
