"""How a spec may say that dates are written. Light: checking a spec loads it."""

from __future__ import annotations

import re

#: ISO 8601 by this name: a date, or a date and a time, with or without a zone.
ISO = "iso"
#: What may follow a percent sign in a format. (The C library reads no fractions of a second.)
_DIRECTIVES = "aAbBcCdDeFhHIjmMnprRStTUwWxXyYzZ%"


def fault_of(form: str) -> str | None:
    """What is wrong with a format: a directive that there is not, or none at all."""
    if form == ISO:
        return None
    directives = re.findall(r"%(.?)", form, re.DOTALL)
    unknown = next((letter for letter in directives if letter not in _DIRECTIVES or not letter), None)
    if unknown is not None:
        return f"has the unknown directive %{unknown}"
    return None if directives else "has no directive such as %Y, %m or %d"
