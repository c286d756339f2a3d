"""Conversations out of parsed JSON, and out of JSON that is text in a cell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.data.category_tags import TAG_COLUMN, TAGS, tag_values
from runner.data.comparisons.raw_layouts import GROUP_COLUMN, OTHER, ROLES, Rows, Turns, add
from runner.data.comparisons.winner_words import WinnerWords, llm_names
from runner.data.prompt_messages import role_of, text_of


def add_json(
    rows: Rows, objects: Sequence[dict[str, Any]], numbers: Sequence[int], words: WinnerWords, file: Path
) -> None:
    """Check parsed rows and append the good ones. ``numbers`` are their places in the file."""
    model_a, model_b = (
        llm_names([row.get(side) for row in objects], side, str(file), numbers) for side in ("model_a", "model_b")
    )
    add(
        rows,
        model_a,
        model_b,
        words.read([row.get("winner") for row in objects], model_a, model_b, str(file), numbers),
        json_turns([row.get("conversation_a") for row in objects]),
        json_turns([row.get("conversation_b") for row in objects]),
        json_tags([row.get(TAG_COLUMN) for row in objects]),
        [row.get(GROUP_COLUMN) for row in objects],
        numbers,
    )


def json_turns(conversations: Sequence[Any]) -> Turns:
    """Lists of messages, or JSON text of them, as flat columns."""
    starts, roles, wordless = [0], [], []
    texts: list[str] = []
    unreadable = []
    for cell in conversations:
        conversation = _parsed(cell)
        unreadable.append(conversation is not None and not isinstance(conversation, list))
        for message in conversation if isinstance(conversation, list) else ():
            text, role = text_of(message), role_of(message)
            roles.append(OTHER if role is None else ROLES[role])
            wordless.append(text is None)
            texts.append(text or "")
        starts.append(len(texts))
    return Turns(
        np.array(starts, np.int64),
        np.array(roles, np.int8),
        np.array(wordless, bool),
        lambda at: [texts[index] for index in at],
        np.array(unreadable, bool),
    )


def _parsed(cell: Any) -> Any:
    """A conversation, out of a cell that may be text: None for an empty one, the text itself where it is no JSON."""
    if not isinstance(cell, str):
        return cell
    if not cell.strip():
        return None
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def json_tags(annotations: Sequence[Any]) -> np.ndarray:
    """The category tags of parsed annotations: float32 ``[n, 12]``, NaN where one says nothing."""
    return np.array([tag_values(annotation) for annotation in annotations], np.float32).reshape(-1, len(TAGS))
