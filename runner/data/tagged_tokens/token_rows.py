"""Rows of files as tokens with tags as they are written, or as words with the tags that spans give them."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.data.dialogues.cell_values import kind, missing, nothing
from runner.data.dialogues.column_roles import plain
from runner.data.dialogues.row_faults import RowFault
from runner.data.tagged_tokens.character_spans import spans_of, tagged
from runner.data.tagged_tokens.list_cells import list_of
from runner.data.tagged_tokens.tagged_row import joined

#: The usual names of each role's column.
TOKENS = ("tokens", "words", "token", "word", "text_tokens", "sentence_tokens")
TAGS = ("tags", "ner_tags", "labels", "label", "ner", "ner_labels", "tag", "bio_tags", "iob_tags", "entities_tags",
        "token_labels", "ner_tag", "targets", "target", "pos_tags", "chunk_tags")  # fmt: skip
TEXTS = ("text", "sentence", "content", "document", "raw_text", "sentences", "data")
SPANS = ("entities", "spans", "label", "labels", "annotations", "entity_spans", "ents", "ner", "span_labels")
KNOWN = "tokens and tags (lists, or their JSON or Python text), text and entities (spans of characters), or CoNLL files"


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """A row's tokens, with tags as the file writes them: of spans, in IOB2 already."""

    line: int
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    text: str
    spans: tuple[tuple[int, int], ...]
    id: str | int | None
    from_spans: bool


@dataclass
class TokenRows:
    """Makes rows of one data set. ``own`` are the spec's columns by role; ``names`` what tags that are numbers mean."""

    own: Mapping[str, str]
    conll: bool = False
    names: Sequence[str] | None = None
    #: Names of classes by column, of the file's own.
    class_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Why the row that is read now is used otherwise than it stands.
    changed: set[str] = field(default_factory=set)
    #: How rows are written, and the columns that were read, by role.
    forms: Counter[str] = field(default_factory=Counter)
    columns: dict[str, set[str]] = field(default_factory=dict)

    def row(self, cells: Mapping[str, Any], line: int) -> WrittenRow:
        """One row. Raises :class:`RowFault` for one that cannot be used."""
        self.changed.clear()
        found = self._columns(cells)
        name = cells.get(found.get("id", ""))
        own_id = name if isinstance(name, str | int) and not isinstance(name, bool) and name != "" else None
        row = (
            self._with_spans(cells, found, line, own_id)
            if "spans" in found
            else self._with_tags(cells, found, line, own_id)
        )
        for role, column in found.items():
            self.columns.setdefault(role, set()).add(column)
        return row

    def tokens(self, value: Any) -> tuple[str, ...]:
        """The tokens of a cell. Raises :class:`RowFault` for none, and for what is no text in it."""
        found, form = list_of(value, "tokens")
        tokens = tuple(self._token(each) for each in found)
        if not tokens:
            raise RowFault("empty", "there is no token in it")
        if form == "numpy":
            self.changed.add("printed_array_read")
        self._form = form
        return tokens

    def _with_tags(self, cells: Mapping[str, Any], found: Mapping[str, str], line: int, name: Any) -> WrittenRow:
        value = cells.get(found["tags"])
        tokens = self.tokens(cells.get(found["tokens"]))
        written, form = list_of(value, "tags")
        tags = tuple(self._tag(each, found["tags"]) for each in written)
        if len(tokens) != len(tags):
            raise RowFault("length_mismatch", f"{len(tokens)} tokens and {len(tags)} tags")
        self.forms["conll" if self.conll else self._form if self._form == form else f"{self._form} and {form}"] += 1
        text, spans = joined(tokens)
        return WrittenRow(line, tokens, tags, text, spans, name, False)

    def _with_spans(self, cells: Mapping[str, Any], found: Mapping[str, str], line: int, name: Any) -> WrittenRow:
        text = cells.get(found["text"])
        if not isinstance(text, str):
            raise RowFault("text_not_text", f"text is {kind(text)}")
        if not text.strip():
            raise RowFault("empty", "the text is blank")
        value = cells.get(found["spans"])
        if isinstance(value, Mapping):
            value = value.get("entities", value.get("spans"))
        given = [] if missing(value) or value == "" else list_of(value, "spans")[0]
        words, tags = tagged(text, spans_of(given, text, self.changed))
        if not words:
            raise RowFault("empty", "there is no word in the text")
        self.forms["spans"] += 1
        return WrittenRow(line, tuple(text[start:end] for start, end in words), tags, text, words, name, True)

    def _columns(self, cells: Mapping[str, Any]) -> dict[str, str]:
        """The columns by role. Raises :class:`RowFault` for those of another layout."""
        if self.conll:
            last = str(len(cells))
            found = {"tokens": self.own.get("tokens", "1"), "tags": self.own.get("tags", last)}
            absent = [name for name in found.values() if name not in cells]
            if absent or found["tokens"] == found["tags"]:
                raise RowFault("unrecognised_columns", f"there are {last} columns, and none {', '.join(absent)}")
            return found
        found = {role: name for role, name in self.own.items() if name in cells}
        taken = set(found.values())
        by_plain = {plain(name): name for name in cells if name not in taken}

        def first(role: str, names: Sequence[str], needs: Any = None) -> str | None:
            if role in found:
                return found[role]
            for name in names:
                column = by_plain.get(name)
                if column is not None and (needs is None or needs(cells[column])):
                    return column
            return None

        tokens, tags = first("tokens", TOKENS), first("tags", TAGS)
        text, spans = first("text", TEXTS), first("spans", SPANS, _may_be_spans)
        own_id = first("id", ("id", "guid", "uid"))
        beside = {} if own_id is None else {"id": own_id}
        spoken = "spans" in self.own or "text" in self.own
        if tokens and tags and not spoken:
            return {"tokens": tokens, "tags": tags} | beside
        if text and spans and "tags" not in self.own and "tokens" not in self.own:
            return {"text": text, "spans": spans} | beside
        if text and tags and not spoken and "tokens" not in self.own:
            # Words with blanks between, and a tag for each.
            return {"tokens": text, "tags": tags} | beside
        raise RowFault("unrecognised_columns", f"there are {', '.join(map(repr, cells))}")

    def _token(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            self.changed.add("number_as_text")
            return json.dumps(value)
        raise RowFault("token_not_text", f"a token is {kind(value)}")

    def _tag(self, value: Any, column: str) -> str:
        names = self.names or self.class_names.get(column)
        if isinstance(value, str) and not (names and value.isascii() and value.isdigit() and len(value) < 18):
            return value
        if value is None:
            return ""
        number = int(value) if isinstance(value, str) or (isinstance(value, float) and value.is_integer()) else value
        if not isinstance(number, int) or isinstance(number, bool):
            raise RowFault("tag_not_text", f"a tag is {kind(value)}")
        if not names:
            raise RowFault("tags_are_numbers", f"a tag is {number}: data.tag_names says what numbers stand for")
        if not 0 <= number < len(names):
            raise RowFault("tag_number_unknown", f"a tag is {number}, and {len(names)} have names")
        return names[number]


def _may_be_spans(value: Any) -> bool:
    """Whether a cell holds spans, or nothing, rather than tags."""
    if isinstance(value, Mapping):
        return "entities" in value or "spans" in value
    if nothing(value):
        return True
    try:
        found = list_of(value, "spans")[0]
    except RowFault:
        return False
    return not found or isinstance(found[0], Mapping | list | tuple)
