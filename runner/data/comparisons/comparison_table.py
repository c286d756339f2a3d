"""Comparisons from a plain table: two LLMs and a winner, mostly a prompt and responses, in columns of any name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner import near_names
from runner.contract import departs
from runner.data.category_tags import TAGS
from runner.data.comparisons.comparison_columns import Columns
from runner.data.comparisons.raw_layouts import ASSISTANT, USER, Rows, Turns, add
from runner.data.comparisons.winner_words import WinnerWords, llm_names
from runner.data.outcomes import outcome_values
from runner.errors import DataError

#: The columns that a row may have to have; ``kind`` may be absent.
NEEDED = ("prompt", "model_a", "model_b", "response_a", "response_b", "winner")
#: Without all of these a table may be no comparisons at all.
COMPARED = {"model_a", "model_b", "winner"}
#: What a table may lack, and the roles that it lacks then.
OPTIONAL = {"prompts": ("prompt",), "responses": ("response_a", "response_b")}


def lacking(
    present: Sequence[str], columns: Columns, reads: frozenset[str], where: str, kind: str = ""
) -> frozenset[str]:
    """What the table has no columns of: ``prompts``, ``responses``.

    Raises :class:`DataError` for columns that are not there and have to be: those that the spec names, those that look
    like one by another name, who met whom and who won, and what the kind ``reads``.
    """
    wanted = {name: getattr(columns, name) for name in (*NEEDED, "kind") if getattr(columns, name) is not None}
    missing = {name: column for name, column in wanted.items() if column not in present}
    near = _near(missing, wanted, present)
    lacks = set()
    for what, roles in OPTIONAL.items():
        # By value: a spec that a run has written down gives every role, most of them as they are by default.
        named = any(departs(columns, role) for role in roles)
        alike = [role for role in roles if role in near and _plain(near[role]) == _plain(missing[role])]
        if all(role in missing for role in roles) and not named and not alike:
            lacks.add(what)
    unread = {role for what in lacks - reads for role in OPTIONAL[what]}
    if missing.keys() <= unread:
        return frozenset(lacks)
    # Where the columns are called otherwise altogether, all of them are to be mapped.
    if not missing.keys() & {"model_a", "model_b", "winner"}:
        missing = {name: column for name, column in missing.items() if name not in unread}
    reader = f", and {kind} reads {' and '.join(sorted(lacks & reads))}" if kind and lacks & reads else ""
    proposed = ", ".join(f'"{name}": "{near[name]}"' for name in missing if name in near)
    raise DataError(
        f"missing column{'s' if len(missing) > 1 else ''} {', '.join(missing.values())}{reader}",
        where=where,
        hint=f"there are: {', '.join(map(str, present)) or 'none'}; name yours in the spec's data.columns"
        + (f", such as {{{proposed}}}" if proposed else "")
        + ("; a score for each prompt and LLM is described in data.outcomes" if missing.keys() >= COMPARED else ""),
    )


def _plain(name: str) -> str:
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _near(missing: Mapping[str, str], wanted: Mapping[str, str], present: Sequence[str]) -> dict[str, str]:
    """Role -> the column that it is probably called: each column once, and none that has a role already."""
    free = {_plain(str(name)): str(name) for name in reversed(present) if name not in wanted.values()}
    found = {}
    for role, column in missing.items():
        if _plain(column) in free:
            found[role] = free.pop(_plain(column))
    for role, column in missing.items():
        if role not in found and (match := near_names.nearest(_plain(column), free)):
            found[role] = free.pop(match)
    return found


def add_table(
    rows: Rows,
    batch: Sequence[dict[str, Any]],
    numbers: Sequence[int],
    columns: Columns,
    words: WinnerWords,
    file: Path,
) -> None:
    """Check rows of a table as conversations of one turn, and append the good ones; ``numbers`` are their places.

    A prompt may be the list of the user's turns, as P2L's data has it: the last is the prompt.
    """
    cells = {name: [row.get(getattr(columns, name)) for row in batch] for name in NEEDED}
    model_a, model_b = (
        [name.strip() for name in llm_names(cells[side], getattr(columns, side), str(file), numbers)]
        for side in ("model_a", "model_b")
    )
    kind = columns.kind
    turns = [outcome_values.prompt(cell) if isinstance(cell, list) else None for cell in cells["prompt"]]
    prompts = [cell if turn is None else turn[0] for cell, turn in zip(cells["prompt"], turns, strict=True)]
    add(
        rows,
        model_a,
        model_b,
        words.read(cells["winner"], model_a, model_b, str(file), numbers),
        _one_turn(prompts, cells["response_a"]),
        _one_turn(prompts, cells["response_b"]),
        np.full((len(batch), len(TAGS)), np.nan, np.float32),
        [None if kind is None or row.get(kind) is None else str(row[kind]) for row in batch],
        numbers,
        [() if turn is None else turn[1] for turn in turns],
    )


def _one_turn(prompts: Sequence[Any], responses: Sequence[Any]) -> Turns:
    """Conversations of a prompt and a response. A cell that is empty is told as an empty prompt or response."""
    n = len(prompts)
    cells = [cell for pair in zip(prompts, responses, strict=True) for cell in pair]
    texts = ["" if cell is None else cell if isinstance(cell, str) else "" for cell in cells]
    return Turns(
        np.arange(n + 1, dtype=np.int64) * 2,
        np.tile(np.array([USER, ASSISTANT], np.int8), n),
        np.array([cell is not None and not isinstance(cell, str) for cell in cells], bool),
        lambda at: [texts[index] for index in at],
    )
