"""An environment opened: what answers the model's turns, tools that it calls, a partner that speaks to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.builders.language._rewards.user_functions import opened
from runner.chat.messages import ROLES, Conversation, Message, ToolCall
from runner.chat.refusals import Unrenderable
from runner.chat.renderer import ChatRenderer
from runner.contract.environments import StepResult, result_of
from runner.data.dialogues.row_types import PromptRow
from runner.data.kept_rows import KeptRows
from runner.errors import DataError

PLACE = "/model/spec/environment"
TOOL = 'def calculator(expression: str) -> str: """Calculate. Args: expression: What to calculate.""" ...'
PARTNER = "class Environment: def __init__(self, prompt, **columns): ...; def step(self, message): return 1.0"
#: Characters of a tool's result or error that the model is told.
TOLD = 20_000


@dataclass(frozen=True)
class Surroundings:
    """An opened ``environment``."""

    max_turns: int
    #: By name, with what a template tells the model of each.
    tools: Mapping[str, Callable[..., Any]]
    definitions: tuple[Mapping[str, Any], ...]
    partner: Callable[..., Any] | None

    @classmethod
    def opened(cls, section: Any, renderer: ChatRenderer) -> Surroundings:
        """Raises :class:`DataError` by pointer for code that cannot be opened, for tools that are not described, and a
        template that has no place for what follows an answer."""
        tools: dict[str, Callable[..., Any]] = {}
        definitions: tuple[Mapping[str, Any], ...] = ()
        if section.tools is not None:
            place = f"{PLACE}/tools"
            _need_tool_template(renderer, place)
            functions, _ = opened(section.tools, place, section.tools.functions, "functions", TOOL)
            tools = dict(zip(section.tools.functions, functions, strict=True))
            definitions = tuple(_definition(name, tool, f"{place}/functions") for name, tool in tools.items())
            _need_place_for(Message("tool", "1", name="a", tool_call_id="000000001"), renderer, place)
        partner = None
        if section.partner is not None:
            place = f"{PLACE}/partner"
            (partner,), _ = opened(section.partner, place, [section.partner.class_name], "class_name", PARTNER)
            _need_place_for(Message("user", "a"), renderer, place)
        return cls(section.max_turns, tools, definitions, partner)

    def rows(self, rows: Sequence[PromptRow], cache: Path) -> Sequence[PromptRow]:
        """The prompts with the tools that the model may call. ``cache``: the folder where many of them lie."""
        if not self.definitions:
            return rows

        def with_tools(prompt: Conversation) -> Conversation:
            return replace(prompt, tools=(*prompt.tools, *self.definitions))

        return KeptRows(cache, (replace(row, prompt=with_tools(row.prompt)) for row in rows)).all()

    def partner_for(self, row: PromptRow) -> Any:
        """One for one answer to a prompt; None where there is none."""
        if self.partner is None:
            return None
        return self.partner(prompt=row.prompt.as_dict()["messages"], **row.beside)

    def call(self, call: ToolCall) -> tuple[Message, bool]:
        """The turn that answers a call, and whether the call came to a result: what fails is told to the model."""
        try:
            if call.name not in self.tools:
                raise LookupError(f"there is no tool {call.name}; there are: {', '.join(self.tools)}")
            found = self.tools[call.name](**call.arguments)
            text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
            done = True
        except Exception as error:  # noqa: BLE001 - what a call raises is what the model is told
            text, done = f"Error: {type(error).__name__}: {error}", False
        return Message("tool", text[:TOLD], tool_call_id=call.id, name=call.name), done


def stepped(partner: Any, message: Message, cut: bool) -> tuple[StepResult, list[Message]]:
    """What a partner makes of a turn, and what it says next. Raises whatever it does, and for what is no turn."""
    found = result_of(partner.step(message.as_dict() | ({"cut": True} if cut else {})))
    return found, [] if found.ends else [_turn(each) for each in found.turns]


def _turn(value: Mapping[str, Any]) -> Message:
    role, content = value.get("role"), value.get("content")
    if role not in ROLES or role == "assistant" or not isinstance(content, str):
        raise TypeError(f"{str(dict(value))[:80]} is no turn of a user, a tool or the system")
    return Message(role, content, tool_call_id=value.get("tool_call_id"), name=value.get("name"))


def _definition(name: str, tool: Callable[..., Any], where: str) -> Mapping[str, Any]:
    from transformers.utils import get_json_schema
    from transformers.utils.chat_template_utils import DocstringParsingException, TypeHintParsingException

    try:
        found: dict[str, Any] = get_json_schema(tool)
    except (DocstringParsingException, TypeHintParsingException, ValueError, TypeError) as error:
        raise DataError(f"{name} cannot be described to the model: {error}", where=where, hint=TOOL) from error
    found["function"]["name"] = name
    return found


def _need_tool_template(renderer: ChatRenderer, where: str) -> None:
    habits, name = renderer.habits, renderer.template.name
    if not habits.writes_tools or habits.call_style is None:
        lacking = "does not tell the model of tools" if not habits.writes_tools else "writes no calls that can be read"
        raise DataError(
            f"the chat template ({name}) {lacking}", where=where, hint='"chat": {"template": "chatml"} does'
        )


def _need_place_for(turn: Message, renderer: ChatRenderer, where: str) -> None:
    try:
        renderer.between(Conversation((Message("user", "a"),)), [turn])
    except Unrenderable as error:
        raise DataError(error.message, where=where, hint=error.hint) from error
