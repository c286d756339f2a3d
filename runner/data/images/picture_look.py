"""A look at every picture before a training: whether it is whole, how large it is, and what tells it apart."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.data.images.picture_places import Pictures, side_by_side
from runner.data.images.pictures import Header, PictureFault, looked_at

if TYPE_CHECKING:
    from runner.data.images.collected import Collected

#: Modes whose pixels are used as they stand; the others are converted, and counted.
PLAIN = ("RGB", "L")


@dataclass
class Looked:
    """What was seen."""

    #: Numbers made of the pictures' bytes, uint64 ``[n]``; 0 for those that were not looked at.
    keys: np.ndarray
    #: Width and height once it is turned, int64 ``[n, 2]``; 0 likewise.
    sizes: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)


def look(pictures: Pictures, rows: np.ndarray, found: Collected) -> Looked:
    """Look at some rows' pictures, a few at a time; what is wrong with one becomes its row's fault."""
    keys, sizes = np.zeros(len(pictures), np.uint64), np.zeros((len(pictures), 2), np.int64)
    modes: Counter[str] = Counter()
    least, most = (np.inf, np.inf), (0, 0)
    seen: Any = side_by_side(lambda at: _glance(pictures, at), rows.tolist())
    for at, (key, header) in zip(rows.tolist(), seen, strict=True):
        if isinstance(header, PictureFault):
            found.fault(at, header.reason, header.message)
            continue
        keys[at], sizes[at] = key, (header.width, header.height)
        if header.mode not in PLAIN:
            modes[header.mode] += 1
        if header.frames > 1:
            found.change(at, "first_frame")
        if header.black:
            found.change(at, "black_of_16_bits")
        least = (min(least[0], header.width), min(least[1], header.height))
        most = (max(most[0], header.width), max(most[1], header.height))
    facts: dict[str, Any] = {}
    if most[0]:
        facts["pixels"] = f"{least[0]}x{least[1]}" + ("" if least == most else f" to {most[0]}x{most[1]}")
    if modes:
        facts["made_rgb"] = dict(modes.most_common())
    return Looked(keys, sizes, facts)


def _glance(pictures: Pictures, at: int) -> tuple[int, Header | PictureFault]:
    try:
        data = pictures.read(at)
        return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little"), looked_at(data)
    except PictureFault as fault:
        return 0, fault
