"""Rows of single answers, each wanted or not: prompt, completion and label; conversations with a label; pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from runner.chat.messages import Message
from runner.data.dialogues.cell_values import nothing
from runner.data.dialogues.column_roles import Columns
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.row_layout import Form, need_answers
from runner.data.dialogues.row_oddities import answer_oddities
from runner.data.dialogues.row_types import LabelledRow, LanguageRow, PreferenceRow
from runner.data.invisible_text import is_blank
from runner.data.preferences import preference_rows

#: What a label may say, in lower case and without the blanks around it.
WANTED = (
    "true", "yes", "y", "t", "1", "1.0", "good", "desirable", "chosen", "positive", "thumbs_up", "thumbsup",
    "thumb_up", "up", "like", "liked", "wanted", "preferred", "accepted", "accept", "+1", "👍",
)  # fmt: skip
UNWANTED = (
    "false", "no", "n", "f", "0", "0.0", "bad", "undesirable", "rejected", "negative", "thumbs_down", "thumbsdown",
    "thumb_down", "down", "dislike", "disliked", "unwanted", "reject", "👎",
)  # fmt: skip
WORDS = dict.fromkeys(WANTED, True) | dict.fromkeys(UNWANTED, False)
BESIDE = ("input", "history", "system", "tools")


class Layout(preference_rows.Layout):
    """An answer and its label a row; a pair is two such rows."""

    KNOWN = (
        "prompt, completion and label; messages and label (the last answer is judged); prompt, chosen and rejected "
        "(one wanted answer and one that is not)"
    )
    MAPPED: ClassVar[tuple[str, ...]] = ("prompt", "completion", "label")
    DECIDING: ClassVar[tuple[str, ...]] = ("messages", "prompt", "completion", "label", "chosen", "rejected")
    SETTINGS: ClassVar[tuple[str, ...]] = ("label_words",)
    label_words: Mapping[str, bool] = {}

    def forms(self, columns: Columns) -> Iterator[Form]:
        label = columns.of("label")
        messages = columns.of("messages")
        if label is not None:
            found = columns.question()
            if messages is not None and ("completion" not in found or "prompt" not in self.own):
                answer = columns.of("completion", ("completion", "response", "answer"))
                named = {"messages": messages, "label": label} | ({"completion": answer} if answer else {})
                yield Form("messages_and_label", columns.beside(named, BESIDE), tuple(named))
            if found:
                every = columns.beside(found | {"label": label}, BESIDE)
                yield Form("labelled", every, ("prompt", "completion", "label"))
        elif "label" not in self.own:
            for form in super().forms(columns):
                if form.name == "preference":
                    yield form

    def stranger(self, columns: Columns) -> RowFault:
        if columns.of("label") is None and "label" not in self.own:
            shown = ", ".join(map(repr, columns.names[:20]))
            return RowFault("no_label_column", f"there are {shown}")
        return super().stranger(columns)

    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        if form.name == "preference":
            self.told.sentences[
                "pairs have no label: the chosen answer is taken as wanted, and the rejected one as not"
            ] = None
            for pair in super().made(form, row, line):
                assert isinstance(pair, PreferenceRow)
                self._count(True)
                self._count(False)
                yield LabelledRow(line, pair.prompt, pair.chosen, True)
                yield LabelledRow(line, pair.prompt, pair.rejected, False)
            return
        tools = self.tools(form, row)
        wanted = self._label(row.get(form.columns["label"]))
        prompt, answer = self._question(form, row)
        if all(is_blank(turn.content) for turn in prompt):
            raise RowFault("empty_prompt", "there is nothing asked")
        need_answers(answer, "completion")
        if wanted:
            self.told.odd |= answer_oddities(answer[0], prompt[-1])
        made = LabelledRow(line, self.conversation(prompt, tools), answer, wanted)
        self._count(wanted)
        yield made

    def _count(self, wanted: bool) -> None:
        self.told.counts["wanted" if wanted else "unwanted"] += 1

    def _question(self, form: Form, row: Mapping[str, Any]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
        if form.name == "labelled":
            return self.asked(form, row), self.answer(row.get(form.columns["completion"]), "completion")
        turns = self.with_system(form, row, self.reader.turns(row.get(form.columns["messages"])))
        if "completion" in form.columns:
            return turns, self.answer(row.get(form.columns["completion"]), "completion")
        last = max((at for at, turn in enumerate(turns) if turn.role == "assistant"), default=None)
        if last is None:
            raise RowFault("no_answer", "there is no turn of an assistant")
        if last + 1 < len(turns):
            self.told.changed.add("turns_after_last_answer_cut")
        turns = turns[: last + 1]
        cut = preference_rows.answer_at(turns)
        return turns[:cut], turns[cut:]

    def _label(self, value: Any) -> bool:
        if nothing(value):
            raise RowFault("missing_label", "the label is not there")
        word = str(value).strip()
        if word in self.label_words:
            return self.label_words[word]
        found = WORDS.get(word.lower().replace(" ", "_").replace("-", "_"))
        if found is None:
            raise RowFault("unreadable_label", f"the label is {value!r}; data.label_words says what it means")
        return found
