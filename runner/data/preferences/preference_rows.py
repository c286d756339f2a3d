"""Rows of preferences: a prompt and two answers, in texts, turns, whole conversations, dialogues or ranked lists."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from runner.chat.messages import Message
from runner.data.dialogues.cell_values import kind, nothing, structure
from runner.data.dialogues.column_roles import PAIRS, WORSE_ALONE, Columns
from runner.data.dialogues.row_faults import RowFault
from runner.data.dialogues.row_layout import Form, LayoutRows, need_answers
from runner.data.dialogues.row_oddities import answer_oddities, repeats
from runner.data.dialogues.row_types import LanguageRow, PreferenceRow
from runner.data.invisible_text import is_blank
from runner.data.preferences.votes import vote_columns, won

BESIDE = ("input", "history", "system", "tools", "margin")
SCORES = ("chosen_score", "rejected_score")
Turns = tuple[Message, ...]


class Layout(LayoutRows):
    """A pair of answers a row, or several."""

    KNOWN = (
        "prompt, chosen and rejected (texts or turns); messages, chosen and rejected; chosen and rejected as whole "
        "conversations or 'Human: ... Assistant: ...' dialogues; a prompt and a list of answers, the best first; "
        "response_a, response_b and winner (a, b, tie)"
    )
    MAPPED: ClassVar[tuple[str, ...]] = ("prompt", "chosen", "rejected")
    DECIDING: ClassVar[tuple[str, ...]] = (
        "messages", "prompt", "chosen", "rejected", "ranked", "response_a", "response_b", "winner",
    )  # fmt: skip

    def forms(self, columns: Columns) -> Iterator[Form]:
        found = pair_columns(columns)
        prompts = self._prompts(columns, set(found.values()))
        if "chosen" in found and "rejected" in found:
            for prompt in (*prompts, {}):
                needed = ("chosen", "rejected", *prompt)
                yield Form("preference", columns.beside(found | prompt, (*BESIDE, *SCORES)), needed)
        worse = columns.of("rejected", WORSE_ALONE)
        messages = columns.of("messages")
        if worse and messages and "chosen" not in found:
            every = columns.beside({"messages": messages, "rejected": worse}, BESIDE)
            yield Form("messages_and_rejected", every, ("messages", "rejected"))
        yield from self._voted(columns, prompts)
        ranked = columns.of("ranked")
        for prompt in prompts:
            if ranked and ranked not in prompt.values() and "chosen" not in found:
                every = columns.beside(prompt | {"ranked": ranked}, (*BESIDE, "scores", "ranks"))
                yield Form("ranked", every, ("ranked", *prompt))

    def _voted(self, columns: Columns, prompts: list[dict[str, str]]) -> Iterator[Form]:
        """Two answers, and who won."""
        for named in vote_columns(columns):
            for prompt in (*prompts, {}):
                yield Form("votes", columns.beside(named | prompt, BESIDE), (*named, *prompt))

    def _prompts(self, columns: Columns, taken: set[str]) -> list[dict[str, str]]:
        found = []
        # A file that has both has the whole conversation again in its messages.
        for role, name in (("prompt", columns.prompt()), ("messages", columns.of("messages"))):
            if name is not None and name not in taken:
                found.append({role: name})
        return found

    def stranger(self, columns: Columns) -> RowFault:
        if not pair_columns(columns) and not self.own:
            if columns.of("messages"):
                return RowFault(
                    "other_kind", "there are conversations and no second answer: model_type sft learns them"
                )
            if columns.of("label") and columns.prompt():
                return RowFault("other_kind", "there are single answers with a label: model_type kto learns them")
        return super().stranger(columns)

    def made(self, form: Form, row: Mapping[str, Any], line: int) -> Iterator[LanguageRow]:
        tools = self.tools(form, row)
        margin = self.number(form, row, "margin")
        if margin is not None and margin < 0:
            self.told.odd.add("negative_margin")
        for prompt, chosen, rejected in self._pairs(form, row):
            chosen, rejected = self._to_last_answer(chosen, "chosen"), self._to_last_answer(rejected, "rejected")
            if not prompt:
                raise RowFault("missing_prompt", "there is no prompt, and the answers share no beginning")
            if prompt[-1].role == "assistant":
                raise RowFault("prompt_ends_in_answer", "the prompt's last turn is an assistant's")
            if all(is_blank(turn.content) for turn in prompt):
                raise RowFault("empty_prompt", "there is nothing asked")
            need_answers(chosen, "chosen")
            need_answers(rejected, "rejected")
            if _words(chosen) == _words(rejected):
                same = "identical_pair" if chosen == rejected else "identical_but_for_blanks"
                raise RowFault(same, "both answers are the same")
            context = self.conversation(prompt, tools)
            self.told.odd |= answer_oddities(chosen[0], None)
            if all(repeats(prompt[-1], turns[0]) for turns in (chosen, rejected)):
                self.told.odd.add("answers_begin_with_prompt")
            scores = [self.number(form, row, role) for role in SCORES]
            if scores[0] is not None and scores[1] is not None and scores[0] < scores[1]:
                self.told.odd.add("chosen_scored_lower")
            yield PreferenceRow(line, context, chosen, rejected, margin)

    def _pairs(self, form: Form, row: Mapping[str, Any]) -> Iterator[tuple[Turns, Turns, Turns]]:
        if form.name == "ranked":
            yield from self._ranked(form, row)
            return
        if form.name == "messages_and_rejected":
            turns = self.with_system(form, row, self.reader.turns(row.get(form.columns["messages"])))
            cut = answer_at(turns)
            for worse in self._several(row.get(form.columns["rejected"]), "rejected"):
                yield turns[:cut], turns[cut:], _after(turns[:cut], worse)
            return
        prompt = self._prompt(form, row)
        roles = won(form.columns, row) if form.name == "votes" else ("chosen", "rejected")
        chosen = list(self._several(row.get(form.columns[roles[0]]), "chosen"))
        rejected = list(self._several(row.get(form.columns[roles[1]]), "rejected"))
        if len(chosen) * len(rejected) > 1:
            self.told.changed.add("list_made_pairs")
        for one, other in itertools.product(chosen, rejected):
            yield self._told_apart(prompt, one, other)

    def _ranked(self, form: Form, row: Mapping[str, Any]) -> Iterator[tuple[Turns, Turns, Turns]]:
        """The first answer of a list, against each of the others."""
        name = form.columns["ranked"]
        value = structure(row.get(name))
        if not isinstance(value, list):
            raise RowFault("no_pair", f"{name!r} is {kind(value)}: there is one answer, and no second")
        if len(value) < 2:
            raise RowFault("no_pair", f"{name!r} has {len(value)} answer{'s' * (len(value) != 1)}")
        prompt = self._prompt(form, row)
        answers = [self.answer(each, name) for each in value]
        if len(answers) > 2:
            self.told.changed.add("list_made_pairs")
        scores = self._scores(form, row, len(answers))
        if scores is None:
            self.told.sentences[
                f"the answers in {name!r} are taken as ranked, the best one first, and the file does not say so"
            ] = None
            scores = [-float(number) for number in range(len(answers))]
        best = scores.index(max(scores))
        worse = [number for number, score in enumerate(scores) if score < scores[best]]
        if not worse:
            raise RowFault("tie", "all answers have the same score")
        for number in worse:
            yield prompt, answers[best], answers[number]

    def _scores(self, form: Form, row: Mapping[str, Any], count: int) -> list[float] | None:
        """How good each answer of a list is, by a column of scores or of ranks; None without one."""
        for role, sign in (("scores", 1.0), ("ranks", -1.0)):
            value = structure(row.get(form.columns[role])) if role in form.columns else None
            if nothing(value):
                continue
            numbers = value if isinstance(value, list) else []
            if len(numbers) != count or not all(isinstance(each, int | float) for each in numbers):
                raise RowFault("bad_scores", f"{form.columns[role]!r} has no number for each of {count} answers")
            return [sign * each for each in numbers]
        return None

    def _prompt(self, form: Form, row: Mapping[str, Any]) -> Turns:
        if "messages" in form.columns:
            return self.with_system(form, row, self.reader.turns(row.get(form.columns["messages"])))
        if "prompt" in form.columns:
            value = row.get(form.columns["prompt"])
            if isinstance(value, str) and not value.strip() and nothing(row.get(form.columns.get("input", ""))):
                # Whole dialogues as answers have their prompt in them.
                return ()
            return self.asked(form, row)
        return self.with_system(form, row, ())

    def _several(self, value: Any, what: str) -> Iterator[Turns]:
        """An answer's turns, or those of each of a list of answers."""
        found = structure(value)
        if isinstance(found, list) and not isinstance(value, str) and not self.reader.is_turns(found):
            if not found:
                raise RowFault(f"missing_{what}", f"{what} is an empty list")
            if not all(isinstance(each, str) or self.reader.is_turns(each) for each in found):
                raise RowFault(f"{what}_not_text", f"{what} is a list of other things than answers")
            for each in found:
                yield self._answers(each, what)
            return
        yield self._answers(value, what)

    def _answers(self, value: Any, what: str) -> Turns:
        if isinstance(value, str) and not self.reader.is_turns(value):
            spoken = self.reader.dialogue_turns(value)
            if spoken is not None:
                return spoken
        if self.reader.is_turns(value):
            return self.reader.turns(value, what)
        return self.answer(value, what)

    def _told_apart(self, prompt: Turns, chosen: Turns, rejected: Turns) -> tuple[Turns, Turns, Turns]:
        """The prompt and what differs: answers may be whole conversations, which begin with the prompt."""
        if chosen[:1] and rejected[:1] and chosen[0].role == rejected[0].role == "assistant":
            if prompt and prompt[-1].role == "assistant" and _words(prompt[-1:]) == _words(chosen):
                prompt = prompt[:-1]
            return prompt, chosen, rejected
        shared = 0
        while shared < min(len(chosen), len(rejected)) and _same(chosen[shared], rejected[shared]):
            shared += 1
        while shared and (
            shared == min(len(chosen), len(rejected))
            or not all(turns[shared].role == "assistant" for turns in (chosen, rejected))
        ):
            shared -= 1
        if not shared:
            raise RowFault("different_prompts", "chosen and rejected are conversations with different beginnings")
        whole = chosen
        within, chosen, rejected = chosen[:shared], chosen[shared:], rejected[shared:]
        if not prompt or _ends_with(within, prompt) or (len(prompt) == len(whole) and all(map(_same, prompt, whole))):
            return within, chosen, rejected
        if _ends_with(prompt, within):
            return prompt, chosen, rejected
        system, spoken = _parted(prompt)
        if system and _ends_with(within, spoken):
            return (*system, *within), chosen, rejected
        raise RowFault("different_prompts", "the prompt is not what chosen and rejected begin with")

    def _to_last_answer(self, turns: Turns, what: str) -> Turns:
        """An answer's turns, which begin and end with an assistant's; what comes after is cut, and told."""
        if not turns or turns[0].role != "assistant":
            raise RowFault(f"{what}_no_answer", f"{what} does not begin with an assistant's turn")
        end = len(turns)
        while turns[end - 1].role != "assistant":
            end -= 1
        if end < len(turns):
            self.told.changed.add("turns_after_last_answer_cut")
        return turns[:end]


def pair_columns(columns: Columns) -> dict[str, str]:
    """The columns of a better and of a worse answer, or an empty dictionary."""
    better, worse = columns.of("chosen", ()), columns.of("rejected", ())
    if better and worse:
        return {"chosen": better, "rejected": worse}
    for one, others in PAIRS.items():
        chosen = [better] if better else columns.all([one])
        rejected = [worse] if worse else columns.all(others)
        if chosen and rejected and chosen[0] != rejected[0]:
            return {"chosen": chosen[0], "rejected": rejected[0]}
    return {}


def answer_at(turns: Turns) -> int:
    """Where the answer of a conversation begins: the assistant's turns at its end."""
    at = len(turns)
    while at and turns[at - 1].role == "assistant":
        at -= 1
    if at == len(turns):
        raise RowFault("no_answer", "the conversation does not end in an assistant's turn")
    return at


def _after(prompt: Turns, turns: Turns) -> Turns:
    """The turns without the prompt, if they are a whole conversation."""
    same = len(turns) > len(prompt) and all(map(_same, turns, prompt))
    return turns[len(prompt) :] if same else turns


def _same(one: Message, other: Message) -> bool:
    said = one.content.strip() == other.content.strip()
    return said and one.role == other.role and one.tool_calls == other.tool_calls


def _ends_with(turns: Turns, end: Turns) -> bool:
    return len(end) <= len(turns) and all(map(_same, turns[len(turns) - len(end) :], end))


def _parted(turns: Turns) -> tuple[Turns, Turns]:
    """The system's turns in front, and the rest."""
    at = next((at for at, turn in enumerate(turns) if turn.role != "system"), len(turns))
    return turns[:at], turns[at:]


def _words(turns: Sequence[Message]) -> list[Any]:
    """What tells two answers apart, but for blanks around them."""
    return [(turn.role, turn.content.strip(), turn.reasoning, turn.tool_calls) for turn in turns]
