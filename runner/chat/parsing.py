"""An answer's text back to a message: its reasoning, its content, its calls of tools.

Only what the template itself writes is read: an answer that spells the marks of another format keeps them. A call that
is broken stays in the content, as it is.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from runner.chat.messages import Message, ToolCall

#: What is left of a text, and the calls that were in it; None where there is none, or a broken one.
Read = tuple[str, tuple[ToolCall, ...]] | None
_HARMONY = re.compile(
    r"(?:<\|start\|>assistant)?(?:<\|channel\|>(?P<channel>\w+))?(?: to=functions\.(?P<name>[\w.-]+))?"
    r"(?:<\|channel\|>(?P<late>\w+))?(?: ?(?:<\|constrain\|>)?json)?<\|message\|>(?P<text>.*?)"
    r"(?:<\|end\|>|<\|call\|>|<\|return\|>|\Z)",
    re.DOTALL,
)


def _call(document: Any) -> ToolCall:
    """One call from ``{"name": ..., "arguments" or "parameters": {...}}``. Raises ValueError where it is none."""
    if not isinstance(document, Mapping) or not isinstance(document.get("name"), str):
        raise ValueError("no call")
    arguments = document.get("arguments", document.get("parameters", {}))
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    if not isinstance(arguments, Mapping):
        raise ValueError("no arguments")
    identity = document.get("id")
    return ToolCall(document["name"], dict(arguments), identity if isinstance(identity, str) else None)


def _value(text: str) -> Any:
    """An argument that is written without quotes: JSON where it is JSON, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _tagged(inside: Callable[[str], ToolCall]) -> Callable[[str], Read]:
    block = re.compile(r"\s*<tool_call>(.*?)</tool_call>", re.DOTALL)

    def read(text: str) -> Read:
        calls = tuple(inside(found) for found in block.findall(text))
        return (block.sub("", text), calls) if calls else None

    return read


def _in_functions(text: str) -> ToolCall:
    found = re.fullmatch(r"\s*<function=([^>\n]+)>\s*(.*?)\s*</function>\s*", text, re.DOTALL)
    if found is None:
        raise ValueError("no function")
    parameters = re.findall(r"<parameter=([^>\n]+)>\n?(.*?)\n?</parameter>", found[2], re.DOTALL)
    return ToolCall(found[1], {key: _value(value) for key, value in parameters})


def _in_pairs(text: str) -> ToolCall:
    name, _, rest = text.strip().partition("<arg_key>")
    if not name.strip() or name.strip().startswith("{"):
        raise ValueError("no name")
    pairs = re.findall(
        r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", "<arg_key>" + rest if rest else "", re.DOTALL
    )
    return ToolCall(name.strip(), {key.strip(): _value(value) for key, value in pairs})


def _listed(text: str) -> Read:
    before, found, after = text.partition("[TOOL_CALLS]")
    if not found:
        return None
    documents = json.loads(after)
    return before, tuple(_call(document) for document in (documents if isinstance(documents, list) else [documents]))


def _fenced(text: str) -> Read:
    call = re.compile(
        r"<｜tool▁call▁begin｜>(?:function<｜tool▁sep｜>)?([^\n<]+?)\s*(?:\n```json\n|<｜tool▁sep｜>)(.*?)(?:\n```)?<｜tool▁call▁end｜>",
        re.DOTALL,
    )
    before, found, after = text.partition("<｜tool▁calls▁begin｜>")
    calls = tuple(_call({"name": name, "arguments": json.loads(rest)}) for name, rest in call.findall(after))
    return (before, calls) if found and calls else None


def _braced(text: str) -> Read:
    """Gemma 4: ``call:name{key:value}``, with texts between marks of their own and keys without quotes."""
    block = re.compile(r"<\|tool_call>call:([^{\s]+)(\{.*?\})<tool_call\|>", re.DOTALL)
    calls = []
    for name, arguments in block.findall(text):
        pieces = arguments.split('<|"|>')
        pieces[::2] = [re.sub(r"([{,]\s*)([A-Za-z_][\w.-]*)\s*:", r'\1"\2":', piece) for piece in pieces[::2]]
        pieces[1::2] = [json.dumps(piece) for piece in pieces[1::2]]
        calls.append(_call({"name": name, "arguments": json.loads("".join(pieces))}))
    return (block.sub("", text), tuple(calls)) if calls else None


def _pythonic(text: str) -> Read:
    """A list of calls as Python writes them: ``[name(key=value)]``."""
    block = re.compile(r"<\|tool_call_start\|>(.*?)<\|tool_call_end\|>", re.DOTALL)
    found = block.search(text)
    if found is None:
        return None
    tree = ast.parse(found[1].strip(), mode="eval").body
    calls = []
    for call in tree.elts if isinstance(tree, ast.List) else [tree]:
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError("no call")
        arguments = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        calls.append(ToolCall(ast.unparse(call.func), arguments))
    return block.sub("", text), tuple(calls)


def _bare(text: str) -> Read:
    """Llama 3: the whole answer is the call."""
    stripped = text.strip().removeprefix("<|python_tag|>").strip()
    if not (stripped.startswith("{") and stripped.endswith("}")):
        return None
    return "", (_call(json.loads(stripped)),)


def _harmony(text: str) -> Read:
    calls = tuple(
        ToolCall(found["name"], dict(json.loads(found["text"]))) for found in _HARMONY.finditer(text) if found["name"]
    )
    return (text, calls) if calls else None


#: How calls are written, by name; the more telling first.
CALLS: dict[str, Callable[[str], Read]] = {
    "json": _tagged(lambda text: _call(json.loads(text))),
    "functions": _tagged(_in_functions),
    "pairs": _tagged(_in_pairs),
    "list": _listed,
    "fenced": _fenced,
    "harmony": _harmony,
    "pythonic": _pythonic,
    "braced": _braced,
    "bare": _bare,
}


def calls_in(text: str, style: str) -> Read:
    """The calls of ``text``; None where it has none, or one that cannot be read."""
    try:
        return CALLS[style](text)
    except (ValueError, TypeError, SyntaxError):
        return None


def message_of(text: str, *, style: str | None, prefix: str, thinking: bool, thought: tuple[str, str]) -> Message:
    """The message that ``text`` is, an answer without its end of turn.

    Args:
        style: how the template writes calls of tools; None where it does not.
        prefix: what the template puts between a prompt and an answer's first letter.
        thinking: the prompt ended within a thought.
        thought: what stands before reasoning and after it.
    """
    if "<|channel|>" in prefix:
        return _of_channels(text)
    reasoning = None
    opening, closing = thought
    opened = bool(opening) and text.lstrip().startswith(opening)
    if opened or (thinking and closing in text):
        said, closed, rest = text.partition(closing)
        reasoning = said.lstrip().removeprefix(opening).strip() or None
        text = rest.lstrip("\n") if closed else ""
    else:
        text = text.removeprefix(prefix)
    read = calls_in(text, style) if style is not None else None
    content, calls = read if read is not None else (text, ())
    return Message("assistant", content, reasoning=reasoning, tool_calls=calls)


def _of_channels(text: str) -> Message:
    """OpenAI's harmony: each part of the answer names its channel."""
    parts = [(found["channel"] or found["late"], found["name"], found["text"]) for found in _HARMONY.finditer(text)]
    if not parts:
        return Message("assistant", text)
    read = calls_in(text, "harmony")
    reasoning = "\n".join(said for channel, name, said in parts if channel == "analysis" and not name)
    content = "".join(said for channel, name, said in parts if channel != "analysis" and (not name or read is None))
    return Message("assistant", content, reasoning=reasoning or None, tool_calls=read[1] if read else ())
