"""What every layout does with a row: find the form that it has, and put its prompt together."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from runner.chat.messages import Conversation, Message
from runner.data.dialogues.cell_values import missing, nothing, structure, text_of, without_nulls
from runner.data.dialogues.column_roles import PAIRS, WORSE_ALONE, Columns
from runner.data.dialogues.row_faults import RowFault, Told
from runner.data.dialogues.row_oddities import oddities
from runner.data.dialogues.row_types import LanguageRow
from runner.data.dialogues.tool_calls import tools_of
from runner.data.dialogues.turn_reader import TurnReader
from runner.data.invisible_text import is_blank


@dataclass(frozen=True)
class Form:
    """A way in which a layout is written, and the columns that have it, by role."""

    name: str
    columns: Mapping[str, str]
    #: Roles whose cells a row of this form has; where they are missing, another form may fit.
    needed: tuple[str, ...]

    def fits(self, row: Mapping[str, Any]) -> bool:
        return not any(missing(row.get(self.columns[role])) for role in self.needed)


class LayoutRows(ABC):
    """Makes rows of a layout out of a file's. One object reads one data set."""

    #: Forms that are known, for a message.
    KNOWN: ClassVar[str]
    #: The roles that a mapping of other columns names, for a message.
    MAPPED: ClassVar[tuple[str, ...]]
    #: Roles that decide the form, where the spec names their columns.
    DECIDING: ClassVar[tuple[str, ...]] = ()
    #: Of those, the roles that stand for each other: a file may have rows of one group beside rows of another.
    EITHER: ClassVar[tuple[frozenset[str], ...]] = ()
    #: Fields of the section that are set here by their names, beside the columns.
    SETTINGS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, own: Mapping[str, str], told: Told, reader: TurnReader) -> None:
        self.own = {role: name for role, name in own.items() if role not in ("role", "content")}
        self.told, self.reader = told, reader
        self._forms: dict[tuple[str, ...], list[Form] | RowFault] = {}

    def rows(self, row: Mapping[str, Any], line: int) -> list[LanguageRow]:
        """What a file's row is. Raises :class:`RowFault`, and leaves in ``told`` what was changed."""
        self.told.begin()
        form = self.form(row)
        made = list(self.made(form, row, line))
        self.told.used.update(form.columns.values())
        self.told.read(form.name, {r: c for r, c in form.columns.items() if not nothing(row.get(c))})
        return made

    def form(self, row: Mapping[str, Any]) -> Form:
        """The form of a row. Raises :class:`RowFault` for one of none."""
        names = tuple(row)
        found = self._forms.get(names)
        if found is None:
            found = self._forms[names] = self._find(names)
        if isinstance(found, RowFault):
            raise RowFault(found.reason, found.detail)
        form = next((form for form in found if form.fits(row) and self.accepts(form, row)), None)
        return form or next((form for form in found if form.fits(row)), found[0])

    def _find(self, names: tuple[str, ...]) -> list[Form] | RowFault:
        columns = Columns(names, self.own)
        try:
            forms = list(self.forms(columns))
        except RowFault as fault:
            return fault
        wanted = self._decided()
        forms = [form for form in forms if any(roles <= form.columns.keys() for roles in wanted)]
        if not forms:
            return self.stranger(columns)
        for name in columns.misspelt(forms[0].columns):
            sentence = f"the column {name!r} has blanks around its name: it is read as {name.strip()!r}"
            self.told.sentences[sentence] = None
        return forms

    def _decided(self) -> list[frozenset[str]]:
        """What a form has to have, by the columns that the spec names: all roles of one of these."""
        deciding = frozenset(role for role in self.own if role in self.DECIDING)
        groups = [deciding & group for group in self.EITHER if deciding & group]
        beside = deciding.difference(*self.EITHER)
        return [group | beside for group in groups] or [deciding]

    @abstractmethod
    def forms(self, columns: Columns) -> Iterator[Form]:
        """The forms that these columns may have, the likeliest first."""

    @abstractmethod
    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        """The rows that a row of this form is."""

    def accepts(self, form: Form, row: Mapping[str, Any]) -> bool:
        """Whether the row's cells can be what the form takes them for."""
        return True

    def stranger(self, columns: Columns) -> RowFault:
        """Why these columns are none of the layout, as far as can be told."""
        shown = ", ".join(map(repr, columns.names[:20])) + (", ..." if len(columns.names) > 20 else "")
        turn = {"role", "from"} & set(columns.names) and {"content", "value"} & set(columns.names)
        if turn and not columns.of("messages"):
            return RowFault("single_turns", f"the keys are {shown}")
        return RowFault("unrecognised_columns", f"there are {shown}")

    def tools(self, form: Form, row: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        column = form.columns.get("tools")
        if column is None:
            return ()
        value = row.get(column)
        return tools_of(without_nulls(value) if self.reader.from_arrow else value, self.told)

    def number(self, form: Form, row: Mapping[str, Any], role: str) -> float | None:
        """The cell of ``role``, such as a margin, where there is one. Raises :class:`RowFault` for no finite number."""
        value = row.get(form.columns[role]) if role in form.columns else None
        if nothing(value):
            return None
        try:
            if isinstance(value, bool):
                raise ValueError
            found = float(value)  # type: ignore[arg-type]
            if not math.isfinite(found):
                raise ValueError
        except (TypeError, ValueError):
            raise RowFault(f"bad_{role}", f"the {role} is {value!r}, which is no number") from None
        return found

    def asked(self, form: Form, row: Mapping[str, Any], prompt: str = "prompt") -> tuple[Message, ...]:
        """The turns of a prompt's columns: system, history, then what is asked with what it is about."""
        asked = row.get(form.columns[prompt]) if prompt in form.columns else None
        about = row.get(form.columns["input"]) if "input" in form.columns else None
        if self.reader.is_turns(asked):
            turns = self.reader.turns(asked, prompt)
            if not nothing(about):
                raise RowFault("two_prompts", f"{form.columns['input']!r} stands beside a prompt of turns")
            return self.with_system(form, row, turns)
        if "prompt" in self.own and isinstance(asked, list) and all(isinstance(each, str) for each in asked):
            # The spec says that this column is the prompt: lines of one text.
            self.told.changed.add("list_joined")
            asked = "\n".join(asked)
        if missing(asked):
            raise RowFault("missing_prompt", f"{prompt} is not there")
        text = text_of(asked, self.told, "prompt_not_text", "prompt")
        spoken = self.reader.dialogue_prompt(text)
        if spoken is not None:
            return self.with_system(form, row, spoken)
        if not nothing(about):
            more = text_of(about, self.told, "input_not_text", "input")
            text = f"{text}\n\n{more}" if text.strip() else more
        if is_blank(text):
            raise RowFault("empty_prompt", "there is nothing asked")
        return self.with_system(form, row, (*self.history(form, row), Message("user", text)))

    def history(self, form: Form, row: Mapping[str, Any]) -> tuple[Message, ...]:
        """Turns before the prompt: pairs of a user's text and its answer, or turns."""
        value = structure(row.get(form.columns["history"])) if "history" in form.columns else None
        if nothing(value):
            return ()
        if self.reader.is_turns(value):
            return self.reader.turns(value, "history")
        turns: list[Message] = []
        for pair in value if isinstance(value, list) else [None]:
            if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(each, str) for each in pair):
                raise RowFault("bad_history", "history is no list of pairs of texts, and none of turns")
            turns += [Message("user", pair[0]), Message("assistant", pair[1])]
        return tuple(turns)

    def with_system(self, form: Form, row: Mapping[str, Any], turns: Sequence[Message]) -> tuple[Message, ...]:
        """The turns after the system's, of a column beside them."""
        value = row.get(form.columns["system"]) if "system" in form.columns else None
        if nothing(value):
            return tuple(turns)
        text = text_of(value, self.told, "system_not_text", "system")
        if turns and turns[0].role == "system":
            if turns[0].content.strip() == text.strip():
                return tuple(turns)
            if turns[0].content.strip():
                raise RowFault("two_systems", f"{form.columns['system']!r} and the first turn say different things")
            turns = turns[1:]
        return (Message("system", text), *turns)

    def answer(self, value: Any, what: str) -> tuple[Message, ...]:
        """An answer: a text, a turn, or a list of turns. Raises :class:`RowFault` for an empty one."""
        if self.reader.is_turns(value):
            turns = self.reader.turns(value, what)
        else:
            if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
                self.told.noted.add("list_of_one_answer")
                value = value[0]
            if isinstance(value, list):
                raise RowFault(f"{what}_is_a_list", f"{what} is a list of {len(value)}: one answer can be learned")
            turns = self.reader.thought([Message("assistant", text_of(value, self.told, f"{what}_not_text", what))])
        need_answers(turns, what)
        return turns

    def conversation(self, turns: Sequence[Message], tools: tuple[Mapping[str, Any], ...]) -> Conversation:
        """The turns, with what is odd about them told."""
        self.told.odd |= oddities(turns, tools)
        return Conversation(tuple(turns), tools)


def need_answers(turns: Sequence[Message], what: str) -> None:
    """Raise :class:`RowFault` for an assistant's turn that says nothing, which would teach to stop at once."""
    for number, turn in enumerate(turns):
        empty = turn.role == "assistant" and is_blank(turn.content) and not turn.tool_calls
        if empty and turn.weight != 0:
            raise RowFault("empty_answer", what if len(turns) == 1 else f"{what}[{number}] says nothing")


def is_preference(columns: Columns) -> bool:
    """Whether there are a better and a worse answer."""
    return any(columns.all([one]) and columns.all(two) for one, two in PAIRS.items()) or bool(columns.all(WORSE_ALONE))
