"""How the four numbers of a box are meant, found by what fits into the pictures, and boxes as pixels of two corners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from runner.data.boxes.form_names import Corners, Unit

#: What a converter's rounding may add to a box, in pixels.
ROUNDING = 0.5
#: At most this share of boxes that do not fit is taken for slips where no other form fits better.
SLIPS = 0.05


@dataclass(frozen=True)
class BoxForm:
    """Two corners, a corner and a size, or a centre and a size; in pixels, or as shares of the picture."""

    corners: Corners
    unit: Unit

    def __str__(self) -> str:
        return f"{self.corners} in {'pixels' if self.unit == 'pixel' else 'shares of the picture'}"


#: The forms that are looked for. Centres in pixels are rare, and have to be declared.
LOOKED_FOR = tuple(BoxForm(corners, "pixel") for corners in get_args(Corners)[:2]) + tuple(
    BoxForm(corners, "relative") for corners in get_args(Corners)
)


def pixels(boxes: np.ndarray, sizes: np.ndarray, form: BoxForm) -> np.ndarray:
    """Boxes ``[n, 4]`` as left, top, right and bottom in pixels of their pictures, whose sizes are ``[n, 2]``."""
    found = np.asarray(boxes, np.float64).copy()
    if form.corners == "cxcywh":
        found[:, :2] -= found[:, 2:] / 2
    if form.corners != "xyxy":
        found[:, 2:] += found[:, :2]
    if form.unit == "relative":
        found *= np.tile(sizes, 2)
    return found


def misfits(boxes: np.ndarray, sizes: np.ndarray, form: BoxForm) -> np.ndarray:
    """Which boxes have no size in this form, or lie beyond their picture: bool ``[n]``. Those with NaN fit any form."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = pixels(boxes, sizes, form)
        flat = (found[:, 2:] <= found[:, :2]).any(axis=1)
        # A box smaller than a rounding error is none in pixels of a picture either.
        beyond = (found[:, :2] < -ROUNDING - 1e-6).any(axis=1) | (found[:, 2:] > sizes + ROUNDING + 1e-6).any(axis=1)
    return (flat | beyond) & np.isfinite(boxes).all(axis=1)


def is_small(boxes: np.ndarray, sizes: np.ndarray) -> bool:
    """Whether no number is beyond what a share of the picture may be."""
    known = np.isfinite(boxes).all(axis=1)
    return bool(known.any()) and bool((boxes[known] <= 1 + ROUNDING / np.tile(sizes[known], 2) + 1e-9).all())


@dataclass
class Finding:
    """The form of all boxes, or why there is none to be known."""

    form: BoxForm | None
    #: What is said of it: how it was found, or what is wrong.
    words: str = ""
    #: Boxes, by their index, that do not fit the form that was declared.
    bad: Sequence[int] = ()
    #: What to do.
    hint: str = ""


def find_form(
    boxes: np.ndarray, sizes: np.ndarray, corners: Corners | None, unit: Unit | None, named: bool = False
) -> Finding:
    """The form of boxes ``[n, 4]`` in pictures of sizes ``[n, 2]``; what is declared is held against what fits.

    Of numbers that are ``named``, ``xmin`` and the like, the corners are known, and no others are looked for.
    """
    small = is_small(boxes, sizes)
    candidates = [
        form for form in LOOKED_FOR
        if form.corners == (corners or form.corners) and form.unit == (unit or ("relative" if small else "pixel"))
    ] or ([BoxForm(corners, unit or ("relative" if small else "pixel"))] if corners else [])  # fmt: skip
    counted = {form: np.flatnonzero(misfits(boxes, sizes, form)) for form in candidates}
    if corners is not None and unit is not None:
        return _declared(BoxForm(corners, unit), boxes, sizes, small, named)
    fitting = [form for form, bad in counted.items() if not len(bad)]
    if len(candidates) == 1:
        found = _declared(candidates[0], boxes, sizes, small, named)
        return found if found.form is None else Finding(found.form)
    if len(fitting) > 1:
        return Finding(
            None, f"the boxes fit as {' and as '.join(map(str, fitting))}, and nothing says which is meant", (),
            f"set data.box_format to one of {', '.join(form.corners for form in fitting)}",
        )  # fmt: skip
    order = sorted(candidates, key=lambda form: len(counted[form]))
    best, bad = order[0], counted[order[0]]
    if len(bad) and (len(bad) > SLIPS * len(boxes) or len(counted[order[1]]) < 4 * len(bad)):
        return Finding(
            None, "the boxes fit their pictures in no form: " + ", ".join(
                f"{len(counted[form]):,} of {len(boxes):,} do not as {form}" for form in order
            ), bad.tolist(), "set data.box_format and data.box_unit, if the boxes are right",
        )  # fmt: skip
    others = ", ".join(
        f"{len(counted[form]):,} of {len(boxes):,} boxes do not fit as {form.corners}" for form in order[1:]
    )
    return Finding(best, f"the boxes are read as {best}, which data.box_format does not say: {others}", bad.tolist())


def _declared(form: BoxForm, boxes: np.ndarray, sizes: np.ndarray, small: bool, named: bool) -> Finding:
    bad = np.flatnonzero(misfits(boxes, sizes, form))
    if form.unit == "pixel" and small and len(boxes) and sizes.min() > 2:
        return Finding(
            None, f"the boxes are said to be {form}, and no number is above 1: they are shares of the picture", [0],
            'set data.box_unit to "relative"',
        )  # fmt: skip
    # The same corners in the other unit are the likeliest, and of numbers with names the only ones.
    same = BoxForm(form.corners, "pixel" if form.unit == "relative" else "relative")
    others = [
        other for other in (same, *(each for each in LOOKED_FOR if not named and each not in (same, form)))
        if len(bad) and (other.unit == "pixel" or small) and not misfits(boxes, sizes, other).any()
    ]  # fmt: skip
    if others:
        fix = [f'data.box_unit to "{others[0].unit}"'] if others[0].unit != form.unit else []
        fix = ([f'data.box_format to "{others[0].corners}"'] if others[0].corners != form.corners else []) + fix
        return Finding(
            None,
            f"the boxes are said to be {form}, and {len(bad):,} of {len(boxes):,} do not fit so; all of them fit as "
            + " and as ".join(map(str, others)),
            bad.tolist(), f"set {' and '.join(fix)}",
        )  # fmt: skip
    return Finding(form, "", bad.tolist())


def usable(boxes: np.ndarray, size: tuple[int, int], form: BoxForm) -> tuple[np.ndarray, list[str | None]]:
    """One picture's boxes in pixels within it, ``[n, 4]``, and of each why it is not used, or is used otherwise.

    Words of faults are ``box_not_finite``, ``box_without_size``, ``box_below_pixel`` and ``box_outside``; of changes
    ``box_clipped`` and, of a rounding's size, ``box_at_edge``.
    """
    sizes = np.tile(np.asarray(size, np.float64), (len(boxes), 1))
    with np.errstate(over="ignore", invalid="ignore"):
        found = pixels(boxes, sizes, form)
    limit = np.tile(np.asarray(size, np.float64), 2)
    clipped = np.clip(found, 0, limit)
    words: list[str | None] = []
    for own, inside in zip(found, clipped, strict=True):
        if not np.isfinite(own).all():
            words.append("box_not_finite")
        elif (own[2:] <= own[:2]).any():
            words.append("box_without_size")
        elif form.unit == "pixel" and (own[2:] - own[:2] < 1 - 1e-6).all():
            words.append("box_below_pixel")
        elif (inside[2:] <= inside[:2]).any():
            words.append("box_outside")
        elif (over := float(np.abs(own - inside).max())) > ROUNDING + 1e-6:
            words.append("box_clipped")
        else:
            words.append("box_at_edge" if over > 0 else None)
    return clipped, words


#: The words of :func:`usable` that mean that a box is not used.
FAULTS = ("box_not_finite", "box_without_size", "box_below_pixel", "box_outside")


def as_numbers(values: Any) -> list[float] | None:
    """Four numbers of a box; None for what is none. A number that is missing, or no number, is NaN."""
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str) or len(values) != 4:
        return None
    return [number_of(value) for value in values]


def whole_number(value: Any) -> int | None:
    """The number of a class or a picture, which may be a text, or have a fraction of nothing; None for what is none."""
    text = str(value).strip()
    if text.isascii() and text.isdigit() and len(text) < 18:
        return int(text)
    # "1e4" may be a name; as a number it would be written with a point.
    number = number_of(value) if not isinstance(value, str) or "." in text else float("nan")
    return int(number) if abs(number) < 1e15 and number.is_integer() else None


def number_of(value: Any) -> float:
    """A number, or a text of one; NaN for any other."""
    try:
        return float("nan") if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")
