"""What a tool answers: one document, or an error as the command line's ``--json`` has it, and never a secret."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mcp_types import CallToolResult, TextContent

from runner.errors import ExitCode, RunnerError

#: Names of variables whose values are secrets.
SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL)", re.I)
#: Shorter ones are words that may stand anywhere.
SHORTEST = 8


class Refused(Exception):
    """A document that says what went wrong."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(str(document.get("message")))
        self.document = dict(document)


def answered(document: Mapping[str, Any], *, wrong: bool = False) -> CallToolResult:
    """A tool's result, as text and as a structure. Values of secret variables are struck out."""
    text = without_secrets(json.dumps(document, ensure_ascii=False, indent=1, default=str))
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=json.loads(text), is_error=wrong
    )


@contextmanager
def told() -> Iterator[list[CallToolResult]]:
    """A list to put the answer into. What is raised within, of what can be told, becomes the answer instead."""
    box: list[CallToolResult] = []
    try:
        yield box
    except Refused as error:
        box[:] = [answered(error.document, wrong=True)]
    except RunnerError as error:
        box[:] = [answered(error.as_dict(), wrong=True)]
    except Exception as error:  # noqa: BLE001 - a bug of ours, said as one: the server goes on
        document = {
            "error": "internal",
            "exit_code": int(ExitCode.BUG),
            "message": f"{type(error).__name__}: {error}",
            "hint": "this is a bug in runner: please report it",
        }
        box[:] = [answered(document, wrong=True)]


def without_secrets(text: str) -> str:
    """The text without the values of variables that are named like secrets."""
    for name, value in os.environ.items():
        if SECRET.search(name) and len(value) >= SHORTEST:
            # As JSON writes it, too.
            for form in {value, json.dumps(value, ensure_ascii=False)[1:-1]}:
                text = text.replace(form, "***")
    return text
