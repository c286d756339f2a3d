"""How the names of files in CoNLL's form end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

CONLL: Mapping[str, Literal["conll"]] = dict.fromkeys(
    (".conll", ".conll03", ".conll2003", ".bio", ".iob", ".iob1", ".iob2", ".bioes", ".bilou", ".ner", ".txt"), "conll"
)
