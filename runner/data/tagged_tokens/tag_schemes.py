"""How tags mark where entities begin and end: read in any of the usual schemes, and turned into IOB2.

Schemes as in Ramshaw and Marcus, Text chunking using transformation-based learning (1995), and Ratinov and Roth, Design
challenges and misconceptions in named entity recognition (2009).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from runner.data.dialogues.row_faults import RowFault
from runner.data.tagged_tokens.tagged_row import BEGIN, INSIDE, OUTSIDE

Scheme = Literal["IOB2", "IOB1", "BILOU", "plain"]
#: Words for the outside that are none of a scheme's: they are read as ``O``, which is told.
MISSPELT = ("o", "0", "", "none", "null", "nan", "outside", "out", "-", "_", "*")
#: Prefixes that begin an entity, go on in it, end it, or are all of it.
_BEGINS, _GOES, _ENDS, _ALONE = "B", "IM", "EL", "SUW"
_TAG = re.compile(r"([BIMELSUW])([-_–—:])(.*)", re.IGNORECASE | re.DOTALL)
_BARE = re.compile(r"[BIMELSUW]", re.IGNORECASE)
#: The type of entities where tags have prefixes alone.
NAMELESS = "entity"


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag in its parts: prefix in capital letters ("" where there is none), and type; an outside one has neither."""

    prefix: str
    type: str


@dataclass
class TagReader:
    """Reads the tags of one data set by its scheme."""

    scheme: Scheme
    #: What stood for an outside tag and is none, with how many tokens.
    misspelt: Counter[str] = field(default_factory=Counter)

    def parts(self, tag: str, changed: set[str]) -> Tag:
        """One tag. What was mended in it is put to ``changed``. Raises :class:`RowFault` for one of no type."""
        clean = tag.strip()
        if clean != tag:
            changed.add("blanks_cut_from_tags")
        if clean == OUTSIDE:
            return Tag("", "")
        if clean.lower() in MISSPELT:
            changed.add("outside_misspelt")
            self.misspelt[clean] += 1
            return Tag("", "")
        if self.scheme == "plain":
            return Tag("", clean)
        if _BARE.fullmatch(clean):
            return Tag(clean.upper(), NAMELESS)
        match = _TAG.fullmatch(clean)
        if match is None:
            raise RowFault(
                "tag_without_prefix", f"the tag {clean!r} says not whether an entity begins in it or goes on"
            )
        prefix, dash, name = match.groups()
        if not name.strip():
            raise RowFault("tag_without_type", f"the tag {clean!r} has no type")
        if prefix != prefix.upper() or dash != "-" or name != name.strip():
            changed.add("prefix_mended")
        return Tag(prefix.upper(), name.strip())

    def iob2(self, tags: Sequence[str], changed: set[str]) -> tuple[str, ...]:
        """The tags of a row in IOB2: the same entities. What was mended is put to ``changed``."""
        made: list[str] = []
        before, ended = Tag("", ""), True
        for tag in tags:
            here = self.parts(tag, changed)
            if not here.type:
                made.append(OUTSIDE)
            else:
                goes_on = before.type == here.type and not ended
                if here.prefix and here.prefix in _GOES + _ENDS and not goes_on and self.scheme != "IOB1":
                    changed.add("inside_without_begin")
                begins = not goes_on or (here.prefix != "" and here.prefix in _BEGINS + _ALONE)
                made.append((BEGIN if begins else INSIDE) + here.type)
            ended = not here.type or (here.prefix != "" and here.prefix in _ENDS + _ALONE)
            before = here
        return tuple(made)


def scheme_of(rows: Iterable[Sequence[str]]) -> Scheme:
    """The scheme that all tags of a data set are written in.

    ``IOB1`` begins an entity with ``B-`` only right behind another of its type. ``BILOU`` stands for all that mark an
    entity's end (BIOES, BMEWO). ``plain`` has no prefixes. In ``IOB2``, the usual one, every entity begins with ``B-``.
    """
    prefixes: Counter[str] = Counter()
    plain = first_inside = first_begin = 0
    for tags in rows:
        before = Tag("", "")
        for tag in tags:
            clean = tag.strip()
            match = _TAG.fullmatch(clean)
            if clean == OUTSIDE or clean.lower() in MISSPELT:
                before = Tag("", "")
                continue
            if match is None and not _BARE.fullmatch(clean):
                plain += 1
                before = Tag("", clean)
                continue
            here = Tag(match[1].upper(), match[3].strip()) if match else Tag(clean.upper(), NAMELESS)
            prefixes[here.prefix] += 1
            if before.type != here.type:
                first_inside += here.prefix in _GOES
                first_begin += here.prefix in _BEGINS
            before = here
    if not prefixes["B"] + prefixes["I"] or plain > sum(prefixes.values()):
        # Types alone, some of which may look as if they had a prefix: E-MAIL, S-BAHN.
        return "plain" if plain or prefixes else "IOB2"
    if any(prefixes[letter] for letter in _ENDS + _ALONE):
        return "BILOU"
    return "IOB1" if first_inside and not first_begin else "IOB2"
