"""What the cells of an outcome matrix's file mean: a score, an amount, a prompt with its turns."""

from __future__ import annotations

import ast
import contextlib
import math
from typing import Any

TRUTH = {"true": 1.0, "false": 0.0}
NOTHING = {"", "nan", "none", "null", "na", "n/a"}
#: A list as Python writes it: RouterBench keeps a prompt's turns so.
LONGEST_LIST = 1_000_000


def number(cell: Any) -> float | None:
    """A cell's number, True being 1 and False 0; NaN for an empty one; None for what is no finite number."""
    if cell is None:
        return math.nan
    if isinstance(cell, bool):
        return float(cell)
    if isinstance(cell, str):
        word = cell.strip().casefold()
        if word in NOTHING:
            return math.nan
        if word in TRUTH:
            return TRUTH[word]
        try:
            cell = float(word)
        except ValueError:
            return None
    if isinstance(cell, int | float):
        try:
            value = float(cell)
        except OverflowError:
            return None
        return value if math.isfinite(value) or math.isnan(value) else None
    return None


def amount(cell: Any) -> float | None:
    """The same of what is counted or paid: nothing is less than 0."""
    value = number(cell)
    return None if value is not None and value < 0 else value


def says_truth(cell: Any) -> bool | None:
    """Whether a cell is True or False; None for an empty one."""
    if isinstance(cell, bool):
        return True
    word = "" if cell is None else str(cell).strip().casefold()
    return None if word in NOTHING else word in TRUTH


def prompt(cell: Any, listed: bool = False) -> tuple[str, tuple[str, ...]] | None:
    """The last of a prompt's turns, and those before it; None where it is no text.

    A cell is a text or a list of the user's turns. ``listed`` says that a text may be such a list as Python writes it.
    """
    if listed and isinstance(cell, str) and cell[:1] == "[" and cell.rstrip()[-1:] == "]" and len(cell) < LONGEST_LIST:
        # What is no list is a text that begins with a bracket.
        with contextlib.suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            read = ast.literal_eval(cell)
            cell = read if isinstance(read, list) and all(isinstance(turn, str) for turn in read) and read else cell
    if isinstance(cell, list):
        if not cell or not all(isinstance(turn, str) for turn in cell):
            return None
        return cell[-1], tuple(cell[:-1])
    return (cell, ()) if isinstance(cell, str) else None


def name(cell: Any) -> str:
    """The LLM that a cell names, "" for none."""
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        return ""
    return str(cell).strip()


def text(cell: Any) -> str | None:
    """A response, None where there is none."""
    return cell if isinstance(cell, str) and cell.strip() else None
