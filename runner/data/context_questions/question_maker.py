"""Makes questions of a file's rows: finds their columns, reads their answers, and finds these in the context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.data.context_questions.answer_cells import Found, read_answers, read_truth
from runner.data.context_questions.answer_places import place
from runner.data.context_questions.question_row import GoldAnswer, QuestionRow
from runner.data.dialogues.cell_values import kind, missing
from runner.data.dialogues.column_roles import Columns
from runner.data.dialogues.row_faults import RowFault

#: What the columns of a role are called, the likeliest first.
NAMES: dict[str, tuple[str, ...]] = {
    "context": ("context", "passage", "paragraph", "document", "text", "article", "story", "ctx", "context_text"),
    "question": ("question", "query", "question_text", "prompt"),
    "answers": ("answers", "answer", "answer_text", "gold_answers", "answer_texts"),
    "answer_start": ("answer_start", "answer_starts", "start", "start_index", "answer_begin"),
    "is_impossible": ("is_impossible", "impossible", "unanswerable"),
    "title": ("title",),
    "id": ("id", "question_id", "qid"),
}
NEEDED = ("context", "question", "answers")
KNOWN = "context, question and answers ({text, answer_start}), flat or as SQuAD nests them"


@dataclass
class QuestionMaker:
    """What a row of a file asks. ``own`` are the spec's columns, by role."""

    own: Mapping[str, str] = field(default_factory=dict)
    #: Whether a row without answers, such as one that is only asked, is one to be answered.
    asked: bool = False
    #: Why the row that was read last is used otherwise than it stands.
    changed: set[str] = field(default_factory=set)
    #: Rows by the columns that were read, and columns by role.
    columns: dict[str, Counter[str]] = field(default_factory=dict)
    _found: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)

    def row(self, cells: Mapping[str, Any], line: int) -> QuestionRow:
        """The question. Raises :class:`RowFault` for a row that asks none, or whose answers are not in its context."""
        self.changed = set()
        columns = self._columns(tuple(cells))
        found = {role: cells.get(name) for role, name in columns.items()}
        context = self._text(found, "context")
        question = self._text(found, "question").strip()
        answers = () if self.asked else self._answers(found, context)
        for role, name in columns.items():
            if not missing(found[role]):
                self.columns.setdefault(role, Counter())[name] += 1
        own = found.get("id")
        usable = isinstance(own, str | int) and not isinstance(own, bool) and own != ""
        title = found.get("title")
        return QuestionRow(
            line, context, question, answers, own if usable else None, title if isinstance(title, str) else None
        )

    def _columns(self, names: tuple[str, ...]) -> dict[str, str]:
        found = self._found.get(names)
        if found is None:
            here = Columns(names, self.own)
            found = {role: column for role, own in NAMES.items() if (column := here.of(role, own)) is not None}
            self._found[names] = found
        wanted = NEEDED[:2] if self.asked else NEEDED
        if lacking := [role for role in wanted if role not in found and not self._answerless(role, found)]:
            shown = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
            raise RowFault("unrecognised_columns", f"no column is the {' or the '.join(lacking)}; there are {shown}")
        return found

    @staticmethod
    def _answerless(role: str, found: Mapping[str, str]) -> bool:
        """Whether the role is there without a column: SQuAD may leave the answers out where there are none."""
        return role == "answers" and "is_impossible" in found

    def _text(self, found: Mapping[str, Any], role: str) -> str:
        value = found.get(role)
        if isinstance(value, int | float) and not isinstance(value, bool) and not missing(value):
            self.changed.add("number_as_text")
            value = str(value)
        if missing(value) or (isinstance(value, str) and not value.strip()):
            raise RowFault(f"empty_{role}", f"the {role} is blank")
        if not isinstance(value, str):
            raise RowFault(f"{role}_not_text", f"the {role} is {kind(value)}")
        return value

    def _answers(self, found: Mapping[str, Any], context: str) -> tuple[GoldAnswer, ...]:
        said, changed = read_answers(found.get("answers"), found.get("answer_start"))
        impossible = read_truth(found.get("is_impossible"), "is_impossible")
        self.changed |= changed
        given = [(text, start) for text, start in said or [] if text.strip()]
        if given and impossible:
            raise RowFault(
                "answer_of_impossible", f"is_impossible is true, and there is an answer: {given[0][0]!r:.60}"
            )
        if not given and (impossible is False or (said is None and impossible is None)):
            raise RowFault("missing_answer", 'there is no answer; one that there is not is {"text": []}')
        if said and not given:
            self.changed.add("blank_answer_is_none")
        return self._placed(given, context)

    def _placed(self, given: Found, context: str) -> tuple[GoldAnswer, ...]:
        placed: dict[GoldAnswer, None] = {}
        faults: list[RowFault] = []
        for text, start in given:
            try:
                found = place(context, text, start)
            except RowFault as fault:
                faults.append(fault)
                continue
            placed[found.answer] = None
            if found.changed:
                self.changed.add(found.changed)
        if faults and not placed:
            raise faults[0]
        if faults:
            self.changed.add("answer_left_out")
        return tuple(placed)
