"""Turns as a row has them, in any of their spellings, as messages."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from runner import near_names
from runner.chat.messages import Message, Role, ToolCall
from runner.data import role_words
from runner.data.dialogues.cell_values import kind, missing, nothing, structure, without_nulls
from runner.data.dialogues.dialogue_text import dialogue
from runner.data.dialogues.row_faults import RowFault, Told
from runner.data.dialogues.tool_calls import calls_of

REASONING = ("reasoning_content", "reasoning", "thinking", "thought")
TRAINED = ("train", "training", "trainable", "loss")
#: Keys of a turn that are read, or that say nothing about it.
_READ = {
    *role_words.ROLE_KEYS, *role_words.CONTENT_KEYS, *REASONING, *TRAINED, "weight", "tool_calls", "function_call",
    "tool_call_id", "name",
}  # fmt: skip
#: The greatest weight of a turn, as ``loss_on`` has it.
HEAVIEST = 1000
_THINK = re.compile(r"\A\s*<think>(.*?)</think>\s*", re.DOTALL)


@dataclass(frozen=True)
class TurnReader:
    """How turns are read: the spec's own words, and where to tell what was changed."""

    told: Told
    #: The keys of a turn, where they are the spec's own.
    role_key: str | None = None
    content_key: str | None = None
    own_words: Mapping[str, Role] = field(default_factory=dict)
    split_think: bool = False
    #: Whether an object's keys of null may be those of other rows' objects, as Arrow has them.
    from_arrow: bool = False
    #: Whether these are rows for a stored model: no spec is there then whose fields say how they are read.
    asked: bool = False

    def turns(self, value: Any, what: str = "messages") -> tuple[Message, ...]:
        """A list of turns, one turn, their JSON text, or a dialogue that is one text. Raises :class:`RowFault`."""
        found = self._listed(value)
        if isinstance(found, str):
            spoken = dialogue(found)
            if spoken is None:
                raise RowFault("not_turns", f"{what} is a text, and neither JSON nor 'Human: ... Assistant: ...'")
            return self.thought(turn for turn in spoken)
        if isinstance(found, dict):
            inner = next((found[key] for key in ("messages", "conversations", "conversation") if key in found), None)
            found = _across(found) or [found] if inner is None else structure(inner)
        if not isinstance(found, list):
            raise RowFault("not_turns", f"{what} is {kind(found)}, not a list of turns")
        if len(found) == 1 and isinstance(found[0], list):
            found = found[0]
        messages: list[Message] = []
        for number, turn in enumerate(found):
            try:
                messages += self._of(structure(turn))
            except RowFault as fault:
                fault.detail = f"{what}[{number}]: {fault.detail}"
                raise
        return self.thought(messages)

    def is_turns(self, value: Any) -> bool:
        """Whether a cell is meant as turns: a turn, a list of them, or the JSON text of either."""
        found = structure(value)
        if isinstance(found, dict):
            return self._is_turn(found) or bool(_across(found))
        if isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
            found = found[0]
        return isinstance(found, list) and bool(found) and all(map(self._is_turn, found))

    def dialogue_turns(self, text: str) -> tuple[Message, ...] | None:
        """The turns of a text that is a dialogue; None for any other."""
        spoken = dialogue(text)
        return None if spoken is None else self.thought(spoken)

    def dialogue_prompt(self, text: str) -> tuple[Message, ...] | None:
        """The turns of a prompt that is a dialogue, without the empty answer that it may end in; None for a text."""
        spoken = self.dialogue_turns(text)
        if spoken and spoken[-1].role == "assistant" and not spoken[-1].content:
            return spoken[:-1]
        return spoken

    def thought(self, messages: Any) -> tuple[Message, ...]:
        """The messages with reasoning taken out of their text, if it is to be."""
        return tuple(map(self._thought, messages)) if self.split_think else tuple(messages)

    def thought_once(self, text: str, reasoning: str) -> str:
        """An answer's text without the ``<think>`` at its beginning that says what ``reasoning`` says already."""
        if (found := _THINK.match(text)) and found.group(1).strip() == reasoning.strip():
            self.told.changed.add("thought_written_twice")
            return text[found.end() :]
        return text

    def _listed(self, value: Any) -> Any:
        """A list out of its JSON text; one that Python's str() wrote is read as what it is, and told."""
        found = structure(value)
        if isinstance(found, str) and found.lstrip().startswith("[{"):
            try:
                found = ast.literal_eval(found.strip())
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                return value
            self.told.changed.add("list_in_python_text")
        return found

    def _thought(self, message: Message) -> Message:
        if message.role == "assistant" and message.reasoning is None and (found := _THINK.match(message.content)):
            self.told.counts["reasoning taken out of <think>"] += 1
            return replace(message, content=message.content[found.end() :], reasoning=found.group(1).strip())
        return message

    def _is_turn(self, value: Any) -> bool:
        return isinstance(value, dict) and (self._keys(value) is not None or self._is_pair(value))

    def _keys(self, turn: Mapping[str, Any]) -> tuple[str, str] | None:
        """The keys of a turn's role and of what was said."""
        roles = (self.role_key,) if self.role_key else role_words.ROLE_KEYS
        role = next((key for key in roles if isinstance(turn.get(key), str)), None)
        contents = (self.content_key,) if self.content_key else role_words.CONTENT_KEYS
        present = [key for key in contents if key in turn and key != role]
        content = next((key for key in present if not missing(turn[key])), present[0] if present else None)
        if role is None or (content is None and self._role(turn[role]) is None):
            return None
        return role, content or contents[0]

    def _is_pair(self, turn: Mapping[str, Any]) -> bool:
        """``{"human": ..., "assistant": ...}``: a user's turn and its answer in one object."""
        roles = [self._role(key) for key in turn if not missing(turn[key])]
        return {"user", "assistant"} <= set(roles) <= {"user", "assistant", "system"}

    def _role(self, word: str) -> Role | None:
        if word in self.own_words:
            return self.own_words[word]
        return role_words.WORDS.get(word.strip().lower().replace(" ", "_"))

    def _of(self, turn: Any) -> list[Message]:
        if not isinstance(turn, dict):
            raise RowFault("not_turns", f"a turn is {kind(turn)}, not an object that says whose it is")
        keys = self._keys(turn)
        if keys is None and not (self.role_key or self.content_key):
            lower = {key.lower(): value for key, value in turn.items()}
            if (keys := self._keys(lower)) is not None:
                turn = lower
        if keys is None:
            if self._is_pair(turn):
                return [
                    Message(role, self._text(turn[key])[0])
                    for role in ("system", "user", "assistant")
                    for key in turn
                    if not missing(turn[key]) and self._role(key) == role
                ]
            has = ", ".join(map(repr, turn)) or "nothing"
            way = 'it needs "role" and "content"' if self.asked else "data.columns.role and .content name other keys"
            raise RowFault("turn_without_role", f"a turn has {has}; {way}")
        word = turn[keys[0]]
        self._count_unused(turn, keys)
        if word.strip().lower() in role_words.CALLS and word not in self.own_words:
            calls = calls_of(turn.get(keys[1]), self.told)
            if not calls:
                raise RowFault("bad_tool_calls", "a call is empty")
            return [Message("assistant", "", tool_calls=calls, weight=self._weight(turn))]
        role = self._role(word)
        if role is None:
            near = near_names.nearest(word, [*role_words.WORDS, *self.own_words])
            meant = f" (did you mean {near!r}?)" if near else ""
            way = "it has to be user, assistant, system or tool, or a word that the model's training data had"
            way = way if self.asked else "data.role_words says whose turn it is"
            raise RowFault("unknown_role", f"{keys[0]} is {word!r}{meant}; {way}")
        return self._message(role, turn, turn.get(keys[1]))

    def _count_unused(self, turn: Mapping[str, Any], keys: Sequence[str]) -> None:
        for key, value in turn.items():
            if key not in keys and not nothing(value) and key not in _READ:
                self.told.unused_keys[key] += 1

    def _message(self, role: Role, turn: Mapping[str, Any], content: Any) -> list[Message]:
        calls = self._calls(turn.get("tool_calls")) or self._calls(turn.get("function_call"))
        if calls and role != "assistant":
            raise RowFault("bad_tool_calls", f"a turn of the role {role} calls a tool")
        if role == "system" and missing(content):
            return []
        if role == "tool" and isinstance(structure(content), dict) and not isinstance(content, str):
            self.told.noted.add("tool_result_as_json")
            content = json.dumps(content, ensure_ascii=False)
        if missing(content) and role in ("assistant", "tool"):
            content = ""
        text, thought, part_calls, results = self._parts(content)
        reasoning = next((turn[key] for key in REASONING if isinstance(turn.get(key), str)), None)
        if role == "assistant" and reasoning is not None:
            text = self.thought_once(text, reasoning)
        weight = self._weight(turn)
        if results and role == "user":
            said = [Message("user", text, weight=weight)] if text.strip() else []
            return [replace(result, weight=weight) for result in results] + said
        answers = {"tool_call_id": _word(turn, "tool_call_id")} if role == "tool" else {}
        return [
            Message(
                role,
                text,
                reasoning=reasoning if reasoning is not None else thought,
                tool_calls=calls + part_calls,
                name=_word(turn, "name"),
                weight=weight,
                **answers,
            )
        ]

    def _calls(self, value: Any) -> tuple[ToolCall, ...]:
        return calls_of(without_nulls(value) if self.from_arrow else value, self.told)

    def _weight(self, turn: Mapping[str, Any]) -> float | None:
        """What the turn counts, by its ``weight`` or by whether it is trained."""
        weight = turn.get("weight")
        if not missing(weight):
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= HEAVIEST:
                raise RowFault("bad_weight", f"the weight is {weight!r}, which is no number from 0 to {HEAVIEST:,}")
            return float(weight)
        trained = next((turn[key] for key in TRAINED if not missing(turn.get(key))), None)
        if trained is None:
            return None
        if trained not in (True, False):
            raise RowFault("bad_weight", f"whether the turn is trained is {trained!r}, neither true nor false")
        return float(trained)

    def _text(self, content: Any) -> tuple[str, str | None]:
        text, thought, _, _ = self._parts(content)
        return text, thought

    def _parts(self, content: Any) -> tuple[str, str | None, tuple[ToolCall, ...], list[Message]]:
        """The text of content, a text or a list of parts; its thoughts, calls of tools, and tools' answers."""
        if isinstance(content, str):
            return content, None, (), []
        if isinstance(content, int | float) and not isinstance(content, bool) and not missing(content):
            self.told.changed.add("number_as_text")
            return json.dumps(content), None, (), []
        if isinstance(content, dict) and isinstance(content.get("text"), str):
            content = [content]
        if missing(content):
            raise RowFault("missing_content", "what was said is not there")
        if not isinstance(content, list):
            raise RowFault("content_not_text", f"content is {kind(content)}")
        texts: list[str] = []
        thoughts: list[str] = []
        calls: list[ToolCall] = []
        results: list[Message] = []
        for number, part in enumerate(content):
            sort = part.get("type") if isinstance(part, dict) else None
            if isinstance(part, str):
                texts.append(part)
            elif sort in ("text", "input_text", "output_text", None) and _is_text(part):
                texts.append(part["text"])
            elif sort in ("thinking", "reasoning") and isinstance(part.get(sort, part.get("text")), str):
                thoughts.append(part.get(sort, part.get("text")))
            elif sort == "tool_use":
                calls += calls_of([part], self.told)
            elif sort == "tool_result":
                answer = part.get("content")
                said = answer if isinstance(answer, str) else "" if missing(answer) else self._text(answer)[0]
                results.append(Message("tool", said, tool_call_id=_word(part, "tool_use_id")))
            else:
                raise RowFault("unsupported_part", f"content[{number}] is {_part(part)}, not text")
        if len(texts) > 1:
            self.told.noted.add("parts_joined")
        return "\n".join(texts), "\n".join(thoughts) if thoughts else None, tuple(calls), results


def _across(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``{"role": [...], "content": [...]}`` as turns: a sequence of objects as some Parquet files have it."""
    columns = {key: each for key, each in value.items() if isinstance(each, list)}
    if len(columns) < 2 or len({len(each) for each in columns.values()}) > 1:
        return []
    if not {*columns} & {*role_words.ROLE_KEYS} or not {*columns} & {*role_words.CONTENT_KEYS}:
        return []
    return [dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)]


def _is_text(part: Any) -> bool:
    """Whether a part is a text and nothing else; Arrow gives every part the keys of all."""
    if not isinstance(part, dict) or not isinstance(part.get("text"), str):
        return False
    beside = set(part) - {"type", "text", "cache_control", "annotations"}
    return all(missing(part[key]) for key in beside)


def _part(part: Any) -> str:
    if not isinstance(part, dict) or "type" not in part:
        return kind(part)
    told = f"a part of the type {part['type']!r}"
    return f"{told} whose text is {kind(part.get('text'))}" if part["type"] == "text" else told


def _word(turn: Mapping[str, Any], key: str) -> str | None:
    value = turn.get(key)
    return value if isinstance(value, str) and value else None
