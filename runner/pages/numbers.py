"""Numbers, times and JSON values as people read them, on a terminal and on a page."""

from __future__ import annotations

from runner.pages.harmless_text import clean


def finite(value: object) -> float | None:
    """The value as a float if it is a finite number, else None. Booleans are not numbers, and neither is what is so
    large that a sum or a scale of it would overflow: nothing that a run measures is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) < 1e100 else None


def number(value: object, decimals: int | None = None) -> str:
    """``12,345``, ``0.4123``, ``1.2e-07``; ``-`` for what is no finite number. What rounds to zero has no sign.

    ``decimals`` fixes how many there are, below 10,000: a price needs no thousandths.
    """
    known = finite(value)
    if known is None:
        return "-"
    if decimals is not None:
        return f"{known:z,.{decimals if abs(known) < 1e4 else 0}f}"
    if known == int(known) and abs(known) < 1e15 and (isinstance(value, int) or abs(known) >= 1000):
        return f"{int(known):,}"
    if known != 0 and (abs(known) < 1e-4 or abs(known) >= 1e7):
        return f"{known:.2e}"
    whole = len(str(int(abs(known)))) if abs(known) >= 1 else 0
    return f"{known:z,.{max(4 - whole, 0)}f}"


def duration(seconds: object) -> str:
    """``0.8 s``, ``42 s``, ``3 min 05 s``, ``2 h 07 min``, ``3 d 04 h``; ``-`` where unknown."""
    known = finite(seconds)
    if known is None or known < 0:
        return "-"
    if known < 9.95:
        return f"{known:.1f} s"
    whole = round(known)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02d} h"


def interval(low: object, high: object, decimals: int | None = 3) -> str:
    """``0.851 to 0.896``; empty where an end is unknown."""
    if finite(low) is None or finite(high) is None:
        return ""
    return f"{number(low, decimals)} to {number(high, decimals)}"


def signed_interval(low: object, high: object, decimals: int = 3) -> str:
    """``-0.011 to +0.019``, of a difference; ``no interval`` where an end is unknown."""
    ends = finite(low), finite(high)
    return "no interval" if None in ends else " to ".join(f"{end:+z.{decimals}f}" for end in ends)


def told(value: object) -> str:
    """A JSON value on one line: ``1.370``, ``billing 0.5000, other 0.3100``, ``none``."""
    if isinstance(value, dict):
        return ", ".join(f"{clean(name)} {told(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(told(item) for item in value) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return number(value) if isinstance(value, int | float) else clean(value)
