"""The settings of a configuration of another program, each with its place: what a report has one line for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import Fault, SpecError

#: A configuration has some dozens of settings; what has more than this is some other file, or a bomb of aliases.
MOST = 5_000


@dataclass(frozen=True)
class Unsafe:
    """A value that is code or would run some: ``what`` names it."""

    what: str


@dataclass(frozen=True)
class FromEnvironment(Unsafe):
    """A value that stands in the environment of whoever ran the program, and is not looked up there."""


@dataclass(frozen=True)
class Leaf:
    """One setting as it was written.

    ``key`` is its place and unique (``datasets[0].path``, or a flag's name), ``value`` plain data or :class:`Unsafe`.
    ``line`` counts from 1 in a file; in a command line it is the word's number, and ``flag`` its spelling.
    """

    key: str
    value: Any
    line: int | None = None
    flag: str | None = None
    source: str | None = None
    #: Whether it was written as its contrary, ``no_x`` with the other value.
    negated: bool = False

    @property
    def pattern(self) -> str:
        """The key with every number of a list's item as ``*``: what tables name it by."""
        return re.sub(r"\[\d+\]", "[*]", self.key).partition("#")[0]

    @property
    def shown(self) -> str:
        return self.flag or self.key


class Leaves:
    """All settings of one configuration, in their order. A later one of the same key takes an earlier one's place."""

    def __init__(self, leaves: Iterable[Leaf] = (), source: str = "<config>") -> None:
        self.all: list[Leaf] = list(leaves)
        self.source = source
        #: What was put in another's place: by its key, who stands there.
        self.replaced: list[tuple[Leaf, Leaf]] = []
        #: The file that `include` brought in.
        self.included: Path | None = None
        self._by_key = {leaf.key: leaf for leaf in self.all}
        if len(self.all) > MOST:
            raise SpecError([Fault(f"has more than {MOST:,} settings: no configuration")], source=source)

    def __iter__(self) -> Iterator[Leaf]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def leaf(self, key: str) -> Leaf | None:
        return self._by_key.get(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of that key; ``default`` where it is not given or null."""
        leaf = self._by_key.get(key)
        return default if leaf is None or leaf.value is None or isinstance(leaf.value, Unsafe) else leaf.value

    def has(self, prefix: str) -> bool:
        """Whether there is such a key, or one below it."""
        return any(leaf.key == prefix or leaf.key.startswith((f"{prefix}.", f"{prefix}[")) for leaf in self.all)

    def top(self) -> list[str]:
        """The names at the top, each once."""
        return list(dict.fromkeys(re.split(r"[.\[#]", leaf.key, maxsplit=1)[0] for leaf in self.all))

    def with_one(self, leaf: Leaf) -> Leaves:
        """These and one more."""
        more = Leaves([*self.all, leaf], self.source)
        more.replaced, more.included = self.replaced, self.included
        return more

    def over(self, base: Leaves) -> Leaves:
        """These over others: mappings are joined, what is given in both is taken from here, and lists stay whole."""
        mine = {leaf.key for leaf in self.all}
        lists = {match.group(1) for leaf in self.all if (match := re.match(r"(.*?)\[\d+\]", leaf.key))} | mine
        kept = []
        replaced = [*base.replaced, *self.replaced]
        for leaf in base.all:
            root = re.match(r"(.*?)\[\d+\]", leaf.key)
            instead = self._by_key.get(leaf.key)
            if instead is None and root and root.group(1) in lists:
                instead = next(one for one in self.all if one.key.startswith(root.group(1)))
            # A value in place of a mapping, and a mapping in place of a value.
            above = [leaf.key[: match.start()] for match in re.finditer(r"[.\[]", leaf.key)]
            instead = instead or next((self._by_key[key] for key in above if key in mine), None)
            instead = instead or next(
                (one for one in self.all if one.key.startswith((f"{leaf.key}.", f"{leaf.key}["))), None
            )
            if instead is None:
                kept.append(leaf)
            else:
                replaced.append((leaf, instead))
        joined = Leaves([*kept, *self.all], self.source)
        joined.replaced = replaced
        return joined


def flattened(value: Any, key: str = "", line: int | None = None) -> Iterator[Leaf]:
    """The leaves of plain data. An empty mapping, an empty list and a list of plain values are leaves themselves."""
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from flattened(part, f"{key}.{name}" if key else str(name), line)
    elif isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        for index, part in enumerate(value):
            yield from flattened(part, f"{key}[{index}]", line)
    else:
        yield Leaf(key, value, line)
