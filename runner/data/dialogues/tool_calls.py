"""Tools and their calls, as OpenAI, Anthropic and others write them, in JSON or in its text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runner.chat.messages import ToolCall
from runner.data.dialogues.cell_values import kind, nothing, structure
from runner.data.dialogues.row_faults import RowFault, Told


def tools_of(value: Any, told: Told) -> tuple[Mapping[str, Any], ...]:
    """The definitions of tools. Raises :class:`RowFault` for what is none: they never vanish."""
    if nothing(value) or (isinstance(value, str) and value.strip() == "null"):
        return ()
    found = structure(value)
    if isinstance(found, dict):
        told.changed.add("single_tool_in_a_list")
        found = [found]
    if not isinstance(found, list):
        raise RowFault("bad_tools", f"tools are {_broken(value)}")
    return tuple(_definition(structure(each)) for each in found)


def _definition(tool: Any) -> Mapping[str, Any]:
    if not isinstance(tool, dict):
        raise RowFault("bad_tools", f"a tool is {kind(tool)}")
    function = structure(tool.get("function", tool))
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise RowFault("bad_tools", "a tool has no name")
    function = {key: each for key, each in function.items() if key != "type" or function is not tool}
    if "input_schema" in function and "parameters" not in function:
        function["parameters"] = function.pop("input_schema")
    if "parameters" in function:
        function["parameters"] = structure(function["parameters"])
    return {"type": "function", "function": function}


def calls_of(value: Any, told: Told) -> tuple[ToolCall, ...]:
    """The calls of a turn: a list of them or one, as JSON or its text. Raises :class:`RowFault`."""
    if nothing(value):
        return ()
    found = structure(value)
    if isinstance(found, dict):
        found = [found]
    if not isinstance(found, list):
        raise RowFault("bad_tool_calls", f"a turn's calls are {_broken(value)}")
    return tuple(_call(structure(each)) for each in found)


def _call(call: Any) -> ToolCall:
    if not isinstance(call, dict):
        raise RowFault("bad_tool_calls", f"a call is {kind(call)}")
    function = structure(call.get("function", call))
    if isinstance(function, str):
        function = {**call, "name": function}
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not name:
        raise RowFault("bad_tool_calls", "a call names no tool")
    given = next((function[key] for key in ("arguments", "parameters", "input", "args") if key in function), None)
    identity = call.get("id")
    return ToolCall(name, _arguments(given, name), identity if isinstance(identity, str) else None)


def _arguments(value: Any, name: str) -> Mapping[str, Any]:
    """The object, out of its JSON text if need be."""
    if nothing(value):
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise RowFault("bad_tool_arguments", f"the arguments of {name} are no JSON: {error}") from None
        if value is None:
            # Some servers write a call without arguments so.
            return {}
    if not isinstance(value, dict):
        raise RowFault("bad_tool_arguments", f"the arguments of {name} are {kind(value)}, not an object")
    return value


def _broken(value: Any) -> str:
    return "a text that is no JSON list" if isinstance(value, str) else kind(value)
