"""Rows of sources and targets, in every way in which they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from runner.data.dialogues.cell_values import kind, missing, nothing, structure, text_of
from runner.data.dialogues.column_roles import Columns
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.row_layout import Form, LayoutRows, is_preference
from runner.data.dialogues.row_types import LanguageRow, SourceRow
from runner.data.source_targets.language_names import languages

#: What a source's column is called, each with the names of the target's beside it. The first that fits is taken.
PAIRS: dict[str, tuple[str, ...]] = {
    "source": ("target", "targets", "reference", "references"),
    "src": ("tgt", "trg", "target"),
    "source_text": ("target_text",),
    "source_sentence": ("target_sentence",),
    "source_sentences": ("summaries", "summary", "target", "targets"),
    "input_text": ("target_text", "output_text"),
    "article": ("highlights", "summary", "abstract", "summaries"),
    "document": ("summary", "summaries", "abstract", "target"),
    "dialogue": ("summary", "summaries"),
    "conversation": ("summary",),
    "transcript": ("summary",),
    "maintext": ("summary",),
    "meaning_representation": ("reference", "references", "human_reference"),
    "mr": ("ref", "reference", "human_reference"),
    "text": ("target", "summary", "targets", "target_text", "label_text", "highlights", "abstract", "summaries",
             "headline", "translation", "simplified", "paraphrase", "title"),
    "sentence": ("paraphrase", "translation", "target"),
    "original": ("simplified", "corrected", "translation", "paraphrase", "simplifications"),
    "incorrect": ("correct", "corrected"),
    "inputs": ("targets", "outputs"),
    "input": ("target", "output", "targets", "summary", "label_text"),
    "question": ("answer", "answers", "target"),
    "prompt": ("completion", "response", "target"),
    "query": ("answer", "response", "target"),
    "context": ("response",),
}  # fmt: skip
SOURCES = tuple(PAIRS)
TARGETS = tuple(dict.fromkeys(name for names in PAIRS.values() for name in names))
#: Columns of both texts, by language.
TRANSLATION = ("translation", "translations")


class Layout(LayoutRows):
    """A source a row, and one target or several."""

    KNOWN = 'source and target, text and target, document and summary, two languages (en, de), {"translation": {...}}'
    MAPPED: ClassVar[tuple[str, ...]] = ("source", "target")
    DECIDING: ClassVar[tuple[str, ...]] = ("source", "target", "translation")

    #: The languages of the first translation whose own order decided, source first.
    _direction: tuple[str, str] | None = None

    def forms(self, columns: Columns) -> Iterator[Form]:
        if pair := _pair(columns):
            yield Form("source_target", pair, ())
            return
        if (held := columns.of("translation", TRANSLATION)) is not None:
            yield Form("translation", {"translation": held}, ("translation",))
        named = {"source", "target"} & self.own.keys()
        both = [] if named else languages(columns.all_names())
        if len(both) > 2:
            told = ", ".join(map(repr, both))
            raise RowFault("two_targets", f"there are {told}: say which is read and which is made")
        if len(both) == 2:
            self.told.sentences[_first_is_read("columns", *both)] = None
            yield Form("languages", {"source": both[0], "target": both[1]}, ())

    def stranger(self, columns: Columns) -> RowFault:
        if not {"source", "target", "translation"} & self.own.keys():
            if columns.of("messages"):
                return RowFault("conversations", "model_type sft learns conversations")
            if is_preference(columns):
                return RowFault("preferences", "model_type dpo, orpo and reward learn from preferences")
            if sources := columns.all(SOURCES):
                return RowFault("no_target_column", f"{sources[0]!r} could be the source, beside {_others(columns)}")
        return super().stranger(columns)

    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        if form.name == "translation":
            source, target = self._translated(row.get(form.columns["translation"]))
        else:
            source, target = row.get(form.columns["source"]), row.get(form.columns["target"])
        text, targets = self.source_text(source), self._targets(target)
        if any(each.strip() == text.strip() for each in targets):
            self.told.odd.add("target_equals_source")
        yield SourceRow(line, text, targets)

    def source_text(self, value: Any) -> str:
        """The text of a source. Raises :class:`RowFault` for none."""
        if nothing(value):
            raise RowFault("empty_source", "there is no source to read")
        found = structure(value)
        if isinstance(found, list) and all(isinstance(each, str) for each in found):
            self.told.noted.add("sentences_joined")
            value = " ".join(each.strip() for each in found if each.strip())
            if not value:
                raise RowFault("empty_source", "there is no source to read")
        return text_of(value, self.told, "source_not_text", "source")

    def _targets(self, value: Any) -> tuple[str, ...]:
        if nothing(value):
            raise RowFault("empty_target", "there is no target to learn")
        found = structure(value)
        if not isinstance(found, list):
            return (text_of(value, self.told, "target_not_text", "target"),)
        several = found if not isinstance(value, str) or all(isinstance(each, str) for each in found) else [value]
        texts = [text_of(each, self.told, "target_not_text", "target") for each in several if not nothing(each)]
        if not texts:
            raise RowFault("empty_target", "there is no target to learn")
        if len(texts) < len(several):
            self.told.changed.add("empty_targets_left_out")
        different = tuple(dict.fromkeys(texts))
        if len(different) < len(texts):
            self.told.noted.add("equal_targets_joined")
        if len(different) > 1:
            self.told.noted.add("several_targets")
        return different

    def _translated(self, value: Any) -> tuple[Any, Any]:
        texts = structure(value)
        if not isinstance(texts, Mapping):
            raise RowFault("bad_translation", f"the translation is {kind(value)}, and no object of texts by language")
        one, other = self.own.get("source_language"), self.own.get("target_language")
        there = [name for name, text in texts.items() if not missing(text)]
        if lacks := [each for each in (one, other) if each is not None and each not in texts]:
            told = ", ".join(map(repr, texts)) or "nothing"
            raise RowFault("no_such_language", f"the translation has no {lacks[0]!r}; its languages are {told}")
        if one is not None and other is not None:
            return texts.get(one), texts.get(other)
        if one is None and other is None and self._direction is not None:
            return texts.get(self._direction[0]), texts.get(self._direction[1])
        if len(there) != 2 or (one or other or there[0]) not in there:
            told = ", ".join(map(repr, there)) or "nothing"
            raise RowFault("two_targets", f"the translation has {told}: say which is read and which is made")
        if one is None and other is None:
            self._direction = (there[0], there[1])
            self.told.sentences[_first_is_read("languages", *there)] = None
            return texts[there[0]], texts[there[1]]
        rest = there[1 - there.index(one or other or "")]
        return texts.get(one or rest), texts.get(other or rest)


def _pair(columns: Columns) -> dict[str, str]:
    """The columns of a source and of its target; empty for none. Raises :class:`RowFault` where two could be."""
    source, target = columns.of("source", ()), columns.of("target", ())
    if source and target:
        return {"source": source, "target": target}
    if ("source" in columns.own and source is None) or ("target" in columns.own and target is None):
        return {}
    if source or target:
        known = columns.all(TARGETS if source else SOURCES)
        rest = [name for name in known if name not in (source, target)]
        if len(rest) > 1:
            raise RowFault("two_targets", f"{' or '.join(map(repr, rest))} could be the other text")
        return {"source": source or rest[0], "target": target or rest[0]} if rest else {}
    for name, names in PAIRS.items():
        for one in columns.all([name]):
            targets = [each for each in columns.all(names) if each != one]
            if len(targets) > 1:
                raise RowFault("two_targets", f"{' or '.join(map(repr, targets))} could be the target of {one!r}")
            if targets:
                return {"source": one, "target": targets[0]}
    return {}


def _first_is_read(what: str, one: str, other: str) -> str:
    return (
        f"the {what} are {one!r} and {other!r}: {one!r}, which comes first, is read, and {other!r} is made; "
        "data.columns says otherwise"
    )


def _others(columns: Columns) -> str:
    sources = columns.all(SOURCES)[:1]
    return ", ".join(repr(name) for name in columns.names[:20] if name not in sources) or "nothing else"
