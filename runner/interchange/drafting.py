"""A spec that is being made of another program's settings, and what became of each.

Settings go to a field of the spec by its pointer, or to a *topic*: fields that need several settings at once (how
weights are tuned, the optimizer, the schedule, the precision, what is held out). :mod:`topics` lays those down when all
are taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.interchange import rules, schema_types
from runner.interchange.leaves import Leaf, Leaves
from runner.interchange.report import Entry, Outcome, Written
from runner.spec.pointers import get, put, split

#: Values that are keys of the Hub, of W&B and of others, wherever they stand.
_KEY = re.compile(r"(hf_[A-Za-z0-9]{16,}|sk-[\w-]{16,}|gh[ps]_\w{16,}|[0-9a-f]{40})$")


@dataclass(frozen=True)
class Taken:
    """A setting's value; ``leaf`` is None where it is the other program's default."""

    value: Any
    leaf: Leaf | None
    rule: rules.To | None = None


class Draft:
    """The work on one configuration."""

    def __init__(self, kind: str, leaves: Leaves, cwd: Path, folder: Path) -> None:
        self.kind = kind
        self.leaves = leaves
        #: Where the command is run, and where the configuration's file lies.
        self.cwd = cwd
        self.folder = folder
        self.spec: dict[str, Any] = {"model": {"name": kind, "spec": {"model_type": kind}}, "data": {}}
        self.entries: dict[str, Entry] = {}
        self.taken: dict[str, Taken] = {}
        self.defaults: list[Written] = []
        self.notes: list[str] = []

    # What became of a setting

    def say(
        self,
        leaf: Leaf,
        outcome: Outcome,
        what: str = "",
        do: str = "",
        *,
        pointers: tuple[str, ...] = (),
        effect: bool = False,
        hide: bool = False,
    ) -> None:
        """The one line of the report on it. A second saying takes the first's place."""
        written = not leaf.value if leaf.negated else leaf.value
        value = None if hide or (isinstance(written, str) and _KEY.match(written)) else written
        self.entries[leaf.key] = Entry(leaf.shown, outcome, value, leaf.line, pointers, what, do, effect, leaf.source)

    def said(self, leaf: Leaf) -> bool:
        return leaf.key in self.entries

    # Taking

    def take(self, setting: str, value: Any, leaf: Leaf | None, rule: rules.To | None = None) -> None:
        """Keep a setting's value for its topic. Of two that mean the same the first stays, and the other is said."""
        there = self.taken.get(setting)
        if there is None or there.leaf is None:
            self.taken[setting] = Taken(value, leaf, rule)
            return
        if leaf is None:
            return
        if there.value == value:
            self.say(leaf, "no effect", f"the same as {there.leaf.shown}")
        else:
            self.say(
                leaf,
                "no equivalent",
                f"{there.leaf.shown} says otherwise, and was taken",
                "take one of them out",
                effect=True,
            )

    def value(self, setting: str, default: Any = None) -> Any:
        taken = self.taken.get(setting)
        return default if taken is None or taken.value is None else taken.value

    def given(self, setting: str) -> bool:
        """Whether the configuration itself says it, rather than the program's default."""
        taken = self.taken.get(setting)
        return taken is not None and taken.leaf is not None

    # Saying what became of a topic's setting

    def carried(self, setting: str, pointer: str, what: str = "", do: str = "", *, effect: bool = False) -> None:
        taken = self.taken.get(setting)
        if taken is None:
            return
        if taken.leaf is None:
            self._written(pointer, what)
            return
        text = isinstance(taken.leaf.value, str) and taken.leaf.flag is None
        number = isinstance(taken.value, int | float) and not isinstance(taken.value, bool)
        if text and number and taken.leaf.source is not None:
            what = what or f"written as a text, read as the number {taken.value}"
        said = what or (taken.rule.said if taken.rule else "")
        changed = bool(said)
        self.say(
            taken.leaf,
            "changed" if changed else "carried",
            said,
            do,
            pointers=(pointer,),
            effect=effect or bool(taken.rule and taken.rule.effect),
        )

    def void(self, setting: str, why: str) -> None:
        """It has no effect there either, or asks for what is done anyway."""
        taken = self.taken.get(setting)
        if taken is not None and taken.leaf is not None:
            self.say(taken.leaf, "no effect", why)

    def lost(self, setting: str, why: str, do: str = "", *, effect: bool = True) -> None:
        taken = self.taken.get(setting)
        if taken is not None and taken.leaf is not None:
            self.say(taken.leaf, "no equivalent", why, do, effect=effect)

    def _written(self, pointer: str, what: str) -> None:
        value = get(self.spec, pointer)
        if value == schema_types.default(self.kind, pointer):
            return
        told = any(pointer in entry.pointers for entry in self.entries.values())
        if not told and all(one.pointer != pointer for one in self.defaults):
            self.defaults.append(Written(pointer, value, what))

    # The spec

    def put(self, pointer: str, value: Any) -> None:
        """Put a value into the spec, with the objects around it."""
        names = split(pointer)
        for depth in range(1, len(names)):
            above = "/" + "/".join(names[:depth])
            if get(self.spec, above) is None:
                self.spec = put(self.spec, above, {})
        self.spec = put(self.spec, pointer, value)

    def get(self, pointer: str) -> Any:
        return get(self.spec, pointer)

    def has_field(self, pointer: str) -> bool:
        return schema_types.has(self.kind, pointer)

    # Applying a table

    def apply(self, table: Mapping[str, rules.Rule]) -> None:
        """Do with every setting that nothing was said of what the table says."""
        for leaf in self.leaves:
            if self.said(leaf):
                continue
            rule = rule_of(table, leaf.pattern)
            if rule is None:
                continue
            self._apply(leaf, rule)

    def _apply(self, leaf: Leaf, rule: rules.Rule) -> None:
        match rule:
            case rules.To():
                self._to(leaf, rule)
            case rules.Lost(why, do, effect, off):
                if rules.is_off(leaf.value, off):
                    as_here = "what is done here anyway" if off and not rules.is_off(leaf.value) else "asks for nothing"
                    self.say(leaf, "no effect", as_here)
                else:
                    self.say(leaf, "no equivalent", why, do, effect=effect)
            case rules.Dead(why):
                self.say(leaf, "no effect", why)
            case rules.Refused(why, do):
                if rules.is_off(leaf.value):
                    self.say(leaf, "no effect", "what is done here anyway: never")
                else:
                    self.say(leaf, "refused", why, do, effect=True)
            case rules.Secret(variable):
                do = f"set the environment variable {variable}, and take the value out of files that others see"
                self.say(leaf, "secret", f"{variable} serves", do, hide=True)
            case rules.Decides(why):
                self.say(leaf, "carried", why, pointers=("/model/spec/model_type",))

    def _to(self, leaf: Leaf, rule: rules.To) -> None:
        if rule.kinds is not None and self.kind not in rule.kinds:
            self.say(leaf, "no effect", f"has none in a training of {self.kind}")
            return
        if leaf.value is None or (
            isinstance(leaf.value, str)
            and leaf.value.strip().casefold() in ("", "null", "none")
            and not rule.setting.startswith("=")
        ):
            self.say(leaf, "no effect", "null: the program's own default stands")
            return
        try:
            value = rule.read(leaf.value) if rule.read else leaf.value
            if rule.setting.startswith("/") and self.has_field(rule.setting):
                value = schema_types.typed(self.kind, rule.setting, value)
        except ValueError as error:
            self.say(
                leaf,
                "no equivalent",
                f"{leaf.value!r} {error}",
                "give it another value there, or in the spec",
                effect=True,
            )
            return
        self.take(rule.setting.lstrip("="), value, leaf, rule)

    def lay_pointers(self) -> None:
        """Put what goes to a field by its pointer there; where the kind has no such field, say so."""
        for setting, taken in list(self.taken.items()):
            if not setting.startswith("/"):
                continue
            if not self.has_field(setting):
                name = setting.rpartition("/")[2]
                self.lost(setting, f"a spec of {self.kind} has no {name}")
                continue
            value = taken.value
            if taken.leaf is None:
                try:
                    value = schema_types.typed(self.kind, setting, value)
                except ValueError:
                    continue
                if value == schema_types.default(self.kind, setting):
                    continue
            self.put(setting, value)
            self.carried(setting, setting)


def rule_of(table: Mapping[str, rules.Rule], pattern: str) -> rules.Rule | None:
    """The rule of a name: its own, or that of the nearest name around it that stands for all below it (``name.**``)."""
    if pattern in table:
        return table[pattern]
    for above in _around(pattern):
        if f"{above}.**" in table:
            return table[f"{above}.**"]
    return None


def _around(pattern: str) -> Iterator[str]:
    yield pattern
    while pattern:
        cut = max(pattern.rfind("."), pattern.rfind("["))
        if cut <= 0:
            return
        pattern = pattern[:cut]
        yield pattern


Prepare = Callable[[Draft], None]
