"""Rows of two texts: with a score, with a class, with texts that do not belong to the first, or with nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from runner.data.dialogues.cell_values import missing, nothing, structure, text_of
from runner.data.dialogues.column_roles import Columns
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.row_layout import Form, LayoutRows
from runner.data.dialogues.row_types import LanguageRow, PairRow
from runner.data.text_pairs.pair_columns import CLASSES, SCORES, negatives_of, texts_of

#: What a row may be, and the roles beside its two texts.
FORMS: dict[str, str | None] = {"pair_score": "score", "pair_class": "label", "triplet": "negative", "pair": None}


class Layout(LayoutRows):
    """Two texts a row, found by their columns' names or by the spec, never by their order."""

    KNOWN = (
        "anchor and positive, with or without negative; sentence1 and sentence2 with score or label; premise, "
        "hypothesis and label; question and answer; query and document"
    )
    MAPPED: ClassVar[tuple[str, ...]] = ("anchor", "positive")
    DECIDING: ClassVar[tuple[str, ...]] = ("anchor", "positive", "negative", "score", "label")
    SETTINGS: ClassVar[tuple[str, ...]] = ("wanted_form", "score_range")
    #: The form that the spec says, and the least and the greatest score.
    wanted_form: str | None = None
    score_range: Sequence[float] | None = None

    def forms(self, columns: Columns) -> Iterator[Form]:
        texts = texts_of(columns)
        if not texts:
            return
        taken = set(texts.values())
        beside = {
            "score": [name] if (name := columns.of("score", SCORES)) else [],
            "label": [name] if (name := columns.of("label", CLASSES)) else [],
            "negative": negatives_of(columns),
        }
        for form, role in FORMS.items():
            names = [name for name in beside[role] if name not in taken] if role else []
            if (role and not names) or (self.wanted_form is not None and form != self.wanted_form):
                continue
            # Every other column is no text of the pair, wherever it stands.
            more = {"negative" if at == 0 else f"negative_{at + 1}": name for at, name in enumerate(names)}
            yield Form(form, texts | (more if role == "negative" else {role: names[0]} if role else {}), ())

    def stranger(self, columns: Columns) -> RowFault:
        if self.wanted_form is not None and texts_of(columns):
            shown = ", ".join(map(repr, columns.names[:20]))
            return RowFault("no_such_form", f"there is no {FORMS[self.wanted_form]} column: there are {shown}")
        return super().stranger(columns)

    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        anchor = self._text(row.get(form.columns["anchor"]), "anchor")
        positives = self._texts(row.get(form.columns["positive"]), "positive")
        if not positives:
            raise RowFault("empty_positive", "there is nothing beside the anchor")
        score = self._score(form, row) if form.name == "pair_score" else None
        label = self._label(row.get(form.columns["label"])) if form.name == "pair_class" else None
        if form.name in ("pair_score", "pair_class"):
            if len(positives) > 1:
                raise RowFault("positive_is_a_list", f"{len(positives)} texts have one {FORMS[form.name]}")
            yield PairRow(line, anchor, positives[0], (), score, label)
            return
        others = [one for one in positives if one.strip() != anchor.strip()]
        if not others:
            raise RowFault("identical_pair", "both texts are the same: there is nothing to learn from them")
        if len(others) < len(positives):
            self.told.changed.add("identical_text_left_out")
        negatives = self._negatives(form, row, anchor, positives)
        for positive in dict.fromkeys(others):
            yield PairRow(line, anchor, positive, negatives)

    def _negatives(self, form: Form, row: Mapping[str, Any], anchor: str, positives: Sequence[str]) -> tuple[str, ...]:
        columns = [name for role, name in form.columns.items() if role.startswith("negative")]
        found = [text for name in columns for text in self._texts(row.get(name), "negative")]
        belong = {text.strip() for text in (anchor, *positives)}
        kept = tuple(dict.fromkeys(text for text in found if text.strip() not in belong))
        if form.name == "triplet" and not found:
            self.told.changed.add("no_negative")
        elif found and not kept:
            raise RowFault("negative_belongs", "the negative is the anchor or the positive itself")
        elif len({text.strip() for text in found}) > len(kept):
            self.told.changed.add("negative_belongs_left_out")
        return kept

    def _texts(self, value: Any, what: str) -> list[str]:
        """A cell's texts: one, or each in a list; none of an empty cell."""
        found = structure(value) if isinstance(value, list) else value
        if not isinstance(found, list):
            return [] if nothing(found) else [self._text(found, what)]
        return [self._text(each, what) for each in found if not nothing(each)]

    def _text(self, value: Any, what: str) -> str:
        if missing(value):
            raise RowFault(f"empty_{what}", "the cell is empty")
        text = text_of(value, self.told, f"{what}_not_text", what)
        if not text.strip():
            raise RowFault(f"empty_{what}", "the cell is blank")
        return text

    def _score(self, form: Form, row: Mapping[str, Any]) -> float:
        found = self.number(form, row, "score")
        if found is None:
            raise RowFault("missing_score", "the score is not there")
        low, high = self.score_range or (None, None)
        if low is not None and high is not None and not low <= found <= high:
            raise RowFault("score_out_of_range", f"the score is {found:g}, and score_range is {low:g} to {high:g}")
        return found

    def _label(self, value: Any) -> str:
        if nothing(value):
            raise RowFault("missing_label", "the class is not there")
        if isinstance(value, list | dict):
            raise RowFault("label_not_one", f"the class is {value!r}: one word or number is learned")
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        # A number of a text file stands there as text: 1 and 1.0 are told apart by no one else.
        text = str(value)
        if text != text.strip():
            self.told.changed.add("label_trimmed")
        return text.strip()
