"""What has to hold between places of a spec: arithmetic and comparisons, and nothing else of Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class Unfit(ValueError):
    """A constraint that cannot be read, or cannot be told of a spec."""


def places(text: str) -> list[str]:
    """The dotted places that a constraint names, such as ``model.spec.max_length``. Raises :class:`Unfit`."""
    found: list[str] = []

    def note(name: str) -> float:
        found.append(name)
        return 1.0

    _walk(_parsed(text), note, dry=True)
    if not found:
        raise Unfit("names no place of a spec, so that it is the same for every trial")
    return list(dict.fromkeys(found))


def compares(text: str) -> bool:
    """Whether a constraint has a comparison in it: what has none is a number, and holds for nearly every spec."""
    return any(isinstance(node, ast.Compare) for node in ast.walk(_parsed(text)))


def holds(text: str, values: Mapping[str, Any]) -> bool:
    """Whether a constraint holds, by the values of its places. Raises :class:`Unfit` for a value that is no number
    where one is needed, and for a division by zero."""
    try:
        return bool(_walk(_parsed(text), lambda name: values[name], dry=False))
    except ZeroDivisionError:
        raise Unfit("divides by zero") from None
    except TypeError:
        odd = [f"{name} is {value!r}" for name, value in values.items() if not isinstance(value, int | float)]
        raise Unfit(f"reckons with texts where numbers are needed: {', '.join(odd) or 'in the constraint'}") from None


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unfit(f"cannot be read: {getattr(error, 'msg', error)}") from None


def _walk(node: ast.expr, value_of: Callable[[str], Any], *, dry: bool, depth: int = 0) -> Any:
    """The value of a node; ``dry``: of names alone, and of anything else whatever it is."""
    if depth > 50:
        raise Unfit("is nested too deep")

    def inner(part: ast.expr) -> Any:
        return _walk(part, value_of, dry=dry, depth=depth + 1)

    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return node.value
        case ast.Name() | ast.Attribute():
            return value_of(_dotted(node))
        case ast.BinOp(op=operation) if type(operation) in _ARITHMETIC:
            left, right = inner(node.left), inner(node.right)
            return 1.0 if dry else _ARITHMETIC[type(operation)](left, right)
        case ast.UnaryOp(op=ast.USub()):
            value = inner(node.operand)
            return 1.0 if dry else -value
        case ast.UnaryOp(op=ast.Not()):
            return not inner(node.operand)
        case ast.BoolOp():
            told = [inner(part) for part in node.values]
            return all(told) if isinstance(node.op, ast.And) else any(told)
        case ast.Compare():
            sides = [inner(part) for part in (node.left, *node.comparators)]
            if not all(type(each) in _COMPARISONS for each in node.ops):
                raise Unfit("compares by something else than < <= > >= == !=")
            if dry:
                return True
            return all(
                _COMPARISONS[type(each)](left, right)
                for each, left, right in zip(node.ops, sides, sides[1:], strict=False)
            )
    raise Unfit(f"has {ast.unparse(node)!r}: there are numbers, places, + - * / // %, comparisons, and, or, not")


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{_dotted(node.value)}.{node.attr}"
    raise Unfit(f"has {ast.unparse(node)!r}, which is no place of a spec")
