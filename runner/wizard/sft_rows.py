"""Files of conversations for supervised fine-tuning: found, checked line by line, unwrapped.

A line is a JSON object with ``messages``, or with ``input.messages``, as some services log them. The whole file is
read, one line at a time, and every bad line is told.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.contract.quantities import counted
from runner.errors import DataError, NotFoundError
from runner.store.files import write_atomic

#: Who may say something.
ROLES = ("system", "user", "assistant", "developer", "tool", "function")
#: Files that are offered, and folders that are looked into for them.
OFFERED, MOST_FOLDERS = 5, 5000
#: Folders that hold no data of a user's.
PASSED_OVER = ("runs", "models", "outbox", "inference_outputs", "node_modules", "__pycache__", "venv", "site-packages")


@dataclass
class CheckedRows:
    """What became of reading all of a file."""

    path: Path
    #: Lines that can be learned from, and those of them whose messages lie in ``input``.
    rows: int = 0
    wrapped: int = 0
    #: Lines without anything, which training passes over too.
    blank: int = 0
    #: What is wrong, by line from 1.
    faults: list[tuple[int, str]] = field(default_factory=list)
    #: Characters that 19 in 20 conversations are no longer than.
    usual: int = 0

    def lines(self) -> list[str]:
        """The result, as it is shown: every bad line is in it, those with the same fault together."""
        if not self.faults:
            blank = f", {counted(self.blank, 'blank lines')} passed over" if self.blank else ""
            wrapped = f", {counted(self.wrapped, 'rows')} with their messages in `input`" if self.wrapped else ""
            return [f"valid: {counted(self.rows, 'rows')}{wrapped}{blank}"]
        by_fault: dict[str, list[int]] = {}
        for line, fault in self.faults:
            by_fault.setdefault(fault, []).append(line)
        told = [f"  {_places(lines)}: {fault}" for fault, lines in by_fault.items()]
        return [f"{counted(len(self.faults), 'lines')} cannot be used, {counted(self.rows, 'rows')} can:", *told]


def found_files(folder: Path) -> list[Path]:
    """The newest files of JSON lines in a folder and below it, newest first: their full paths, at most five."""
    found: list[tuple[float, Path]] = []
    for seen, (here, folders, names) in enumerate(os.walk(folder)):
        if seen == MOST_FOLDERS:
            break
        folders[:] = sorted(name for name in folders if name[0] not in "._" and name not in PASSED_OVER)
        for name in names:
            if name.lower().endswith(".jsonl") and name[0] != ".":
                path = Path(here, name)
                try:
                    found.append((path.stat().st_mtime, path.absolute()))
                except OSError:
                    continue
    return [path for _, path in sorted(found, key=lambda pair: (-pair[0], str(pair[1])))[:OFFERED]]


def check_file(path: Path) -> CheckedRows:
    """Read every line of a file and say what is wrong with each.

    Raises :class:`NotFoundError` for a file that is not there, :class:`DataError` for one that is empty, that cannot be
    read, or that is no text.
    """
    found, lengths = CheckedRows(path), list[int]()
    for number, row in _rows(path):
        if row is None:
            found.blank += 1
        elif isinstance(row, str):
            found.faults.append((number, row))
        elif fault := row_fault(row):
            found.faults.append((number, fault))
        else:
            found.rows += 1
            found.wrapped += is_wrapped(row)
            lengths.append(len(json.dumps(messages_of(row), ensure_ascii=False)))
    if not found.rows and not found.faults:
        raise DataError("the file is empty", where=str(path), hint="a line is a conversation: " + EXAMPLE)
    lengths.sort()
    found.usual = lengths[math.ceil(len(lengths) * 0.95) - 1] if lengths else 0
    return found


EXAMPLE = '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}'


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    """The number of each line and its row: None for a blank one, what is wrong as a text for one that is none."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield number, _row(line, first=number == 1)
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path)) from None
    except IsADirectoryError:
        raise DataError("is a folder, and one file is asked for", where=str(path)) from None
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror or error}", where=str(path)) from None


def _row(line: bytes, first: bool) -> Any:
    try:
        text = line.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError:
        return "the line is not UTF-8"
    if not text.strip():
        return None
    try:
        row = json.loads(text)
    except RecursionError:
        return "the JSON is nested too deep"
    except ValueError as error:
        return f"it is no JSON: {getattr(error, 'msg', error)}"
    return row if isinstance(row, dict) else "the line is no JSON object"


def is_wrapped(row: dict[str, Any]) -> bool:
    """Whether a row has its messages in ``input``."""
    return isinstance(row.get("input"), dict) and "messages" in row["input"]


def messages_of(row: dict[str, Any]) -> Any:
    """The messages of a row; of a wrapped one with the answer that its ``output`` has."""
    if not is_wrapped(row):
        return row.get("messages")
    messages = row["input"]["messages"]
    answer = _output(row.get("output"))
    return [*messages, answer] if answer is not None and isinstance(messages, list) else messages


def _output(value: Any) -> dict[str, Any] | None:
    """The assistant's turn of a logged answer: a message, a completion's choices, or a text."""
    if isinstance(value, str):
        return {"role": "assistant", "content": value}
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("choices"), list) and value["choices"] and isinstance(value["choices"][0], dict):
        value = value["choices"][0].get("message")
    return value if isinstance(value, dict) and value.get("role") == "assistant" else None


def row_fault(row: dict[str, Any]) -> str | None:
    """What is wrong with a row, None where it can be learned from."""
    messages = messages_of(row)
    if not isinstance(messages, list) or not messages:
        return "there are no messages"
    for number, message in enumerate(messages):
        if not isinstance(message, dict):
            return f"messages[{number}] is no object"
        role = message.get("role")
        if role not in ROLES:
            return f"messages[{number}] has the role {role!r}, which is none of {', '.join(ROLES)}"
        if not any(message.get(key) not in (None, "", []) for key in ("content", "function_call", "tool_calls")):
            return f"messages[{number}] says nothing: it has no content and no tool_calls"
    tools = row["input"].get("tools") if is_wrapped(row) else row.get("tools")
    if tools is not None and not isinstance(tools, list):
        return "tools is no list"
    if messages[-1]["role"] != "assistant":
        return f"the last message is of the {messages[-1]['role']}: there is no answer to learn"
    return None


def written_plainly(path: Path, into: Path, *, without_faults: bool = False) -> int:
    """Write a file's rows with their messages where training reads them, and give how many there are.

    ``without_faults`` leaves out the lines that cannot be used; otherwise the file has none.
    """
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for _, row in _rows(path):
            if not isinstance(row, dict) or (without_faults and row_fault(row)):
                continue
            count += 1
            yield _line(_plain(row))

    write_atomic(into, lines())
    return count


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its messages, and its tools, where training reads them."""
    if not is_wrapped(row):
        return row
    tools = row["input"].get("tools")
    return {"messages": messages_of(row)} | ({} if tools is None else {"tools": tools})


def _line(row: dict[str, Any]) -> bytes:
    return f"{json.dumps(row, ensure_ascii=False)}\n".encode("utf-8", "surrogatepass")


def written_pairs(conversations: Sequence[Sequence[dict[str, Any]]], into: Path) -> None:
    """Write conversations as a file that is learned from."""
    write_atomic(into, (_line({"messages": list(turns)}) for turns in conversations))


def _places(lines: Sequence[int]) -> str:
    """``line 5``, ``lines 2-4, 9``"""
    spans: list[list[int]] = []
    for line in lines:
        if spans and line == spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    said = ", ".join(f"{first:,}" if first == last else f"{first:,}-{last:,}" for first, last in spans)
    return f"line{'s' if len(lines) > 1 else ''} {said}"
