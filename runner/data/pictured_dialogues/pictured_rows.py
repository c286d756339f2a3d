"""Rows of pictures with what is said of them: messages, a question and its answer, or a caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from runner.chat.messages import Message
from runner.data.dialogues.cell_values import missing, nothing, structure, text_of
from runner.data.dialogues.column_roles import Columns
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.row_layout import Form, LayoutRows, need_answers
from runner.data.dialogues.row_types import LanguageRow
from runner.data.pictured_dialogues.picture_slots import Slots, tidied
from runner.data.pictured_dialogues.pictured_row import MARK, WRITTEN, PicturedRow, marked

#: What a picture's column is called, and a caption's, in lower case.
IMAGES = ("image", "images", "picture", "pictures", "image_path", "image_paths", "image_file", "img", "img_path",
          "file_name", "filename", "file_path", "image_id", "path", "file")  # fmt: skip
CAPTIONS = ("caption", "captions", "description", "text", "sentence", "sentences", "title")
#: A question's column, and its answer's; of several the first is learned.
QUESTIONS = ("question", "prompt", "instruction", "query", "input", "q", "statement")
ANSWERS = ("answer", "answers", "completion", "response", "output", "target", "text", "label", "a",
           "multiple_choice_answer")  # fmt: skip
#: A list of right answers that may stand beside the one that is learned.
SEVERAL = ("answers", "references")


class Layout(LayoutRows):
    """A row, whose pictures are left in :attr:`cells` for who reads them."""

    KNOWN = "messages with images, question and answer with image, caption and image"
    MAPPED: ClassVar[tuple[str, ...]] = ("image", "prompt", "completion")
    DECIDING: ClassVar[tuple[str, ...]] = ("messages", "prompt", "completion", "caption")
    EITHER: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"messages"}), frozenset({"prompt", "completion"}), frozenset({"caption"}),
    )  # fmt: skip
    SETTINGS: ClassVar[tuple[str, ...]] = ("caption_prompt",)

    #: What is asked of a picture that has a caption.
    caption_prompt: str
    #: The cells of the last row's pictures, in the order of its marks.
    cells: Sequence[Any] = ()

    def forms(self, columns: Columns) -> Iterator[Form]:
        images = columns.of("image", IMAGES)
        beside = {} if images is None else {"image": images}
        if messages := columns.of("messages"):
            yield Form("messages", columns.beside({"messages": messages, **beside}, ("system",)), ("messages",))
        if images is None:
            return
        if asked := _question(columns, images):
            yield Form("question_answer", columns.beside(asked | beside, ("system",)), ("prompt",))
        if (caption := columns.of("caption", CAPTIONS)) and caption != images:
            yield Form("caption", columns.beside({"caption": caption, **beside}, ("system",)), ("caption",))

    def stranger(self, columns: Columns) -> RowFault:
        if columns.of("image", IMAGES) is None and not columns.of("messages"):
            shown = ", ".join(map(repr, columns.names[:20]))
            return RowFault("no_picture_column", f"there are {shown}: which of them is the picture?")
        return super().stranger(columns)

    def accepts(self, form: Form, row: Mapping[str, Any]) -> bool:
        return form.name != "messages" or isinstance(structure(row.get(form.columns["messages"])), list | dict)

    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        slots = Slots()
        answers: tuple[str, ...] = ()
        if form.name == "messages":
            value = row.get(form.columns["messages"])
            if nothing(value):
                raise RowFault("missing_messages", "there are no turns")
            turns = self.reader.turns(slots.turns(value), form.columns["messages"])
        elif form.name == "caption":
            answers = self._several(row.get(form.columns["caption"]), "caption")
            turns = (Message("user", self.caption_prompt), *self.answer(answers[0], "caption"))
        else:
            question = text_of(row.get(form.columns["prompt"]), self.told, "prompt_not_text", "prompt")
            if not question.strip():
                raise RowFault("empty_prompt", "there is nothing asked")
            answers = self._answers(form, row)
            turns = (Message("user", slots.text(question)), *self.answer(answers[0], "completion"))
        turns = self.with_system(form, row, turns)
        held = self.held(form, row)
        turns, self.cells = self.placed(turns, slots, held, told=form.name == "messages")
        turns = self._learned(turns)
        yield PicturedRow(line, self.conversation(turns, ()), answers=answers or (turns[-1].content,))

    def held(self, form: Form, row: Mapping[str, Any]) -> list[Any]:
        """The cells of the pictures that the row's own column has."""
        return _listed(row.get(form.columns["image"])) if "image" in form.columns else []

    def placed(
        self, turns: Sequence[Message], slots: Slots, held: Sequence[Any], told: bool = False
    ) -> tuple[tuple[Message, ...], list[Any]]:
        """The turns with a mark for each picture, and the pictures' cells.

        Pictures of a column that no turn has a mark for are put before the first turn of the user's. Raises
        :class:`RowFault` where marks and pictures are of different numbers.
        """
        open_marks = sum(cell is None for cell in slots.cells)
        if held and not slots.cells:
            first = next((at for at, turn in enumerate(turns) if turn.role == "user"), None)
            if first is None:
                raise RowFault("no_question", "no turn is a user's, and pictures stand in none")
            if told:
                self.told.noted.add("pictures_put_in_front")
            text = tidied(marked(turns[first].content, len(held)))
            return (*turns[:first], replace(turns[first], content=text), *turns[first + 1 :]), list(held)
        if open_marks != len(held):
            raise RowFault(
                "picture_count",
                f"{len(held)} picture{'s' * (len(held) != 1)} and {open_marks} mark{'s' * (open_marks != 1)} of one",
            )
        rest = iter(held)
        return tuple(turns), [next(rest) if cell is None else cell for cell in slots.cells]

    def _answers(self, form: Form, row: Mapping[str, Any]) -> tuple[str, ...]:
        """The right answers, the one that is learned first."""
        found = self._several(row.get(form.columns["completion"]), "completion")
        if "several" not in form.columns or nothing(row.get(form.columns["several"])):
            return found
        return tuple(dict.fromkeys([*found, *self._several(row.get(form.columns["several"]), "completion")]))

    def _several(self, value: Any, what: str) -> tuple[str, ...]:
        """A text, or several that are each right, the most frequent first."""
        found = structure(value)
        if not isinstance(found, list):
            if missing(found) or (isinstance(found, str) and not found.strip()):
                raise RowFault("empty_answer", f"there is no {what} to learn")
            return (text_of(value, self.told, f"{what}_not_text", what),)
        each = [one.get("answer") if isinstance(one, Mapping) else one for one in found]
        texts = [text_of(one, self.told, f"{what}_not_text", what) for one in each if not nothing(one)]
        if not texts:
            raise RowFault("empty_answer", f"there is no {what} to learn")
        if len(set(texts)) > 1:
            self.told.noted.add("several_answers")
        return tuple(text for text, _ in Counter(texts).most_common())

    def _learned(self, turns: Sequence[Message]) -> tuple[Message, ...]:
        """The turns to the last answer. Raises :class:`RowFault` where there is none, or one has a picture in it."""
        last = max((at for at, turn in enumerate(turns) if turn.role == "assistant"), default=None)
        if last is None:
            raise RowFault("no_answer", "there is no turn of an assistant")
        if any(MARK in turn.content for turn in turns[last + 1 :]):
            raise RowFault("picture_after_answer", "a picture stands behind the last answer")
        if last + 1 < len(turns):
            self.told.changed.add("turns_after_last_answer_cut")
        kept = tuple(turns[: last + 1])
        need_answers(kept, "messages")
        for number, turn in enumerate(kept):
            if turn.role != "user" and (MARK in turn.content or WRITTEN in turn.content):
                raise RowFault("picture_in_answer", f"messages[{number}] of the role {turn.role} has a picture in it")
            if turn.role == "user" and not turn.content.strip():
                raise RowFault("empty_prompt", f"messages[{number}] of a user says nothing")
        return kept


def _question(columns: Columns, images: str) -> dict[str, str]:
    """The columns of a question and of its answer; empty for none. Raises :class:`RowFault` where two could be."""
    prompt = columns.of("prompt", QUESTIONS)
    if prompt is None or prompt == images:
        return {}
    if "completion" in columns.own:
        answer = columns.of("completion", ())
    else:
        found = [name for name in columns.all(ANSWERS) if name not in (prompt, images)]
        single = [name for name in found if name.strip().lower() not in SEVERAL]
        strong = [name for name in single if name.strip().lower() not in ("text", "label", "target")] or single
        if len(strong) > 1:
            raise RowFault("two_answers", f"{' or '.join(map(repr, strong))} could be the answer to {prompt!r}")
        answer = next(iter(strong or found), None)
    if answer is None:
        return {}
    several = next((name for name in columns.all(SEVERAL) if name not in (prompt, images, answer)), None)
    return {"prompt": prompt, "completion": answer} | ({"several": several} if several else {})


def _listed(cell: Any) -> list[Any]:
    """The pictures of a cell: one, or a list of them."""
    found = structure(cell) if isinstance(cell, str) else cell
    if isinstance(found, list | tuple):
        return [each for each in found if not nothing(each)]
    return [] if nothing(cell) else [cell]
