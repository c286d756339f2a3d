"""Rows of plain texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from runner.data.dialogues.cell_values import text_of
from runner.data.dialogues.column_roles import Columns
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.row_layout import Form, LayoutRows, is_preference
from runner.data.dialogues.row_types import LanguageRow, TextRow


class Layout(LayoutRows):
    """A text a row."""

    KNOWN = "a column of texts, called text, content or document"
    MAPPED: ClassVar[tuple[str, ...]] = ("text",)
    DECIDING: ClassVar[tuple[str, ...]] = ("text",)

    def forms(self, columns: Columns) -> Iterator[Form]:
        text = columns.of("text")
        if text is not None:
            yield Form("text", {"text": text}, ("text",))

    def stranger(self, columns: Columns) -> RowFault:
        if "text" not in self.own:
            if columns.of("messages"):
                return RowFault("conversations", "model_type sft learns conversations")
            if is_preference(columns):
                return RowFault("preferences", "model_type dpo, orpo and reward learn from preferences")
            try:
                if columns.question():
                    return RowFault("conversations", "model_type sft learns answers to prompts")
            except RowFault:
                pass
        return super().stranger(columns)

    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        text = text_of(row.get(form.columns["text"]), self.told, "not_text", "text")
        if not text.strip():
            raise RowFault("empty_text", "the text is blank")
        yield TextRow(line, text)
