"""YAML of another program, read as data alone: every setting with its line, and nothing made of it.

The parser is PyYAML's, up to its nodes. Values are what its safe loader makes of them; a tag that would make an object
is refused by name, and the rest is still read. Duplicate keys, which YAML forbids and PyYAML takes, are faults.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from runner.errors import Fault, SpecError
from runner.interchange.leaves import MOST, Leaf, Leaves, Unsafe, flattened
from runner.spec import reader

_CORE = "tag:yaml.org,2002:"
_PLAIN = {f"{_CORE}{name}" for name in ("null", "bool", "int", "float", "str", "timestamp", "map", "seq", "set")}


def read_config(data: bytes, source: str) -> Leaves:
    """The settings of a YAML or JSON file. Raises :class:`SpecError` with the line and column of what is wrong."""
    text = _decoded(data, source)
    if not text.strip():
        raise SpecError([Fault("is empty: there is nothing to import", line=1, column=1)], source=source)
    if source.endswith(".json") or text.lstrip().startswith("{"):
        return _read_json(text, source)
    return Leaves(_Walk(source).leaves(_composed(text, source)), source)


def _decoded(data: bytes, source: str) -> str:
    """The text, which has to be UTF-8 (with a byte order mark, if need be), and no binary file."""
    if len(data) > reader.LARGEST:
        raise SpecError([Fault(f"is larger than {reader.LARGEST // 2**20} MiB: no configuration")], source=source)
    if b"\0" in data:
        at = data.index(b"\0")
        line = data.count(b"\n", 0, at) + 1
        column = at - data.rfind(b"\n", 0, at)
        raise SpecError([Fault("is a binary file: it has a zero byte", line=line, column=column)], source=source)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        hint = "save it as UTF-8"
        raise SpecError([Fault("is no UTF-8 text", line=line, column=column, hint=hint)], source=source) from None


def _read_json(text: str, source: str) -> Leaves:
    try:
        document = reader.read(text, source)
    except SpecError:
        if source.endswith(".json"):
            raise
        # A mapping in YAML's flow style begins with a brace too.
        return Leaves(_Walk(source).leaves(_composed(text, source)), source)
    leaves = []
    for leaf in flattened(document.value):
        pointer = "/" + leaf.key.replace("~", "~0").replace("/", "~1").replace("[", "/").replace("]", "").replace(
            ".", "/"
        )
        leaves.append(Leaf(leaf.key, leaf.value, document.key_position(pointer)[0], source=source))
    return Leaves(leaves, source)


def _composed(text: str, source: str) -> yaml.Node:
    """The one document's node tree. Raises :class:`SpecError`."""
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message, hint = _said(error)
        place = {"line": mark.line + 1, "column": mark.column + 1} if mark else {}
        raise SpecError([Fault(message, hint=hint, **place)], source=source) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        what = f"has a character that YAML does not allow: U+{_code(error.character):04X}"
        raise SpecError([Fault(what, line=line, column=column)], source=source) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise SpecError([Fault(f"is no YAML: {str(error) or 'it is nested too deep'}")], source=source) from None
    nodes = [node for node in nodes if node is not None]
    if not nodes:
        raise SpecError([Fault("is empty: there is nothing to import", line=1, column=1)], source=source)
    if len(nodes) > 1:
        mark = nodes[1].start_mark
        fault = Fault(
            "has a second document (---)", line=mark.line + 1, column=mark.column + 1, hint="import one file for each"
        )
        raise SpecError([fault], source=source)
    if not isinstance(nodes[0], yaml.MappingNode):
        what = "a list" if isinstance(nodes[0], yaml.SequenceNode) else "a single value"
        mark = nodes[0].start_mark
        fault = Fault(
            f"has {what} at the top: a configuration is a mapping of names to values",
            line=mark.line + 1,
            column=mark.column + 1,
        )
        raise SpecError([fault], source=source)
    return nodes[0]


def _code(character: int | str | bytes) -> int:
    return character if isinstance(character, int) else ord(character[:1])


def _said(error: yaml.MarkedYAMLError) -> tuple[str, str | None]:
    """What the parser found, in a sentence, and what to do."""
    problem = " ".join(part for part in (error.context, error.problem) if part)
    if "'\\t'" in problem:
        return "has a tab: YAML is indented with spaces alone", "put spaces in the tab's place"
    if "undefined alias" in problem:
        return f"is no YAML: {problem}", "an alias (*name) needs an anchor (&name) before it"
    return f"is no YAML: {problem}", None


class _Walk:
    """From nodes to leaves, once."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.constructor = yaml.SafeLoader("")
        self.active: set[int] = set()
        self.count = 0

    def leaves(self, node: yaml.Node) -> Iterator[Leaf]:
        yield from self._walk(node, "", node.start_mark.line + 1)

    def _walk(self, node: yaml.Node, key: str, line: int) -> Iterator[Leaf]:
        if unsafe := self._unsafe(node):
            yield Leaf(key, unsafe, line, source=self.source)
            return
        if id(node) in self.active:
            raise self._fault("holds itself: an alias within its own anchor", node)
        self.active.add(id(node))
        if isinstance(node, yaml.MappingNode) and node.value:
            for name, part, at in self._members(node):
                yield from self._walk(part, f"{key}.{name}" if key else name, at)
        elif isinstance(node, yaml.SequenceNode) and any(not isinstance(part, yaml.ScalarNode) for part in node.value):
            for index, part in enumerate(node.value):
                yield from self._walk(part, f"{key}[{index}]", part.start_mark.line + 1)
        else:
            self.count += 1
            if self.count > MOST:
                raise self._fault(f"has more than {MOST:,} settings: no configuration", node)
            yield Leaf(key, self._value(node), line, source=self.source)
        self.active.discard(id(node))

    def _members(self, node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node, int]]:
        """Names, values and lines; those of a merge key (``<<``) where the mapping itself has no such name."""
        own: dict[str, tuple[str, yaml.Node, int]] = {}
        merged: list[tuple[str, yaml.Node, int]] = []
        for name_node, part in node.value:
            if name_node.tag == f"{_CORE}merge":
                for each in part.value if isinstance(part, yaml.SequenceNode) else [part]:
                    if not isinstance(each, yaml.MappingNode):
                        raise self._fault("a merge key (<<) needs a mapping", name_node)
                    if id(each) in self.active:
                        raise self._fault("holds itself: an alias within its own anchor", name_node)
                    merged += [(name, value, name_node.start_mark.line + 1) for name, value, _ in self._members(each)]
                continue
            if not isinstance(name_node, yaml.ScalarNode):
                raise self._fault("a name has to be a word, not a list or a mapping", name_node)
            name = str(name_node.value)
            if name in own:
                first = own[name][2]
                raise self._fault(f"{name!r} is given twice, here and in line {first}", name_node, "keep one of them")
            own[name] = (name, part, name_node.start_mark.line + 1)
        yield from own.values()
        seen = set(own)
        for name, value, line in merged:
            if name not in seen:
                seen.add(name)
                yield name, value, line

    def _unsafe(self, node: yaml.Node) -> Unsafe | None:
        if node.tag in _PLAIN or node.tag in (f"{_CORE}binary", f"{_CORE}omap", f"{_CORE}pairs"):
            return None
        return Unsafe(f"the tag {node.tag.replace(_CORE, '!!')}")

    def _value(self, node: yaml.Node) -> Any:
        """What the safe loader makes of a value: lists of plain values are whole, and so is what is empty."""
        if isinstance(node, yaml.MappingNode):
            return {}
        if isinstance(node, yaml.SequenceNode):
            return [unsafe if (unsafe := self._unsafe(part)) else self._value(part) for part in node.value]
        try:
            value = self.constructor.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            raise self._fault(f"is no value: {error}", node) from None
        return value if isinstance(value, str | int | float | bool | None) else str(node.value)

    def _fault(self, message: str, node: yaml.Node, hint: str | None = None) -> SpecError:
        mark = node.start_mark
        return SpecError([Fault(message, line=mark.line + 1, column=mark.column + 1, hint=hint)], source=self.source)
