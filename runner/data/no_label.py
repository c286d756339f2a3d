"""A class that published sets of rows have where nobody could say which it is."""

from __future__ import annotations

from collections.abc import Mapping

from runner.contract.quantities import counted

#: SNLI's, where its judges did not agree; other sets keep their hidden test rows so.
NONE = "-1"


def no_label(classes: Mapping[str, int]) -> str | None:
    """What to say of classes, each with how many rows it has, where -1 is one of them and all others are numbers from
    0; None where it is not."""
    count = classes.get(NONE, 0)
    others = classes.keys() - {NONE}
    if not count or len(others) < 2 or not all(word.isascii() and word.isdigit() for word in others):
        return None
    return (
        f"the class -1 of {counted(count, 'rows')} stands for no class in published sets, where the others are numbers "
        "from 0: it is learned as a class; take these rows out if it is none"
    )
