"""The LLMs as a router sees them: their vectors on a plane, and which of them are alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.contract import Table

#: How many nearest others are told, and what they are called.
NEAREST = ("nearest", "second", "third")


def llm_map(names: Sequence[str], vectors: np.ndarray) -> dict[str, Any]:
    """The table ``llm_map`` of the LLMs' vectors, float ``[M, d]``, by its name; none of fewer than two LLMs.

    The plane is that of the two greatest principal components (Pearson, 1901); on each axis the LLM farthest from the
    middle has a positive coordinate, so that the same vectors give the same map. Nearness is the cosine.
    """
    if len(names) < 2:
        return {}
    vectors = np.asarray(vectors, np.float64)
    plane, shares = principal_plane(vectors)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(lengths, 1e-12)
    cosine = unit @ unit.T
    told = min(len(NEAREST), len(names) - 1)
    rows = []
    for at, name in enumerate(names):
        others = [other for other in np.argsort(-cosine[at], kind="stable").tolist() if other != at][:told]
        near = [value for other in others for value in (names[other], float(cosine[at, other]))]
        rows.append((name, float(plane[at, 0]), float(plane[at, 1]), *near))
    columns = [name for which in NEAREST[:told] for name in (which, f"{which} cosine")]
    table = Table(
        name="llm_map",
        title="Map of the LLMs",
        columns=("LLM", "x", "y", *columns),
        rows=rows,
        plot="map",
        note=f"The vectors by which the router knows {len(names)} LLMs, {vectors.shape[1]} numbers each, on the plane "
        f"of their two principal components: {100 * shares[0]:.0f} % of their variance across, "
        f"{100 * shares[1]:.0f} % up. Names that lie together are LLMs that it treats alike; the nearest by cosine are "
        "in the numbers.",
        decimals={"x": 4, "y": 4} | {name: 3 for name in columns if name.endswith("cosine")},
    )
    return {table.name: table.as_dict()}


def principal_plane(vectors: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Coordinates float64 ``[M, 2]`` of vectors ``[M, d]``, M >= 1, and each axis's share of their variance."""
    centred = vectors - vectors.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    total = float((size**2).sum())
    plane, shares = np.zeros((len(vectors), 2)), [0.0, 0.0]
    for axis in range(min(2, len(size))):
        share = float(size[axis] ** 2) / total if total > 1e-24 else 0.0
        if share < 1e-12:
            # What is left is rounding, which has a direction of its own on every machine.
            continue
        column = left[:, axis] * size[axis]
        farthest = int(np.argmax(np.abs(column) > np.abs(column).max() * (1 - 1e-9)))
        plane[:, axis], shares[axis] = column * np.sign(column[farthest]), share
    return plane, (shares[0], shares[1])
