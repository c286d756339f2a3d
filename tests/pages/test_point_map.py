"""Named points on a plane: on one scale, and no name on another or on a point."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.contract import Table
from runner.pages.point_map import point_map
from runner.pages.table_page import as_html
from tests.pages.page_reader import HOSTILE, Page

TEXT = re.compile(r'<text class="name ?(.*?)" x="(.*?)" y="(.*?)">(.*?)</text>')
#: How much of a name is left of where it is held.
HELD = {"": 0.0, "mid": 0.5, "end": 1.0}
POINT = re.compile(r'cx="(.*?)" cy="(.*?)"')


def drawn(svg: str) -> tuple[np.ndarray, list[str], np.ndarray]:
    """The names' boxes ``[n, 4]``, as wide as a browser draws them, the names, and the points ``[m, 2]``."""
    boxes, names = [], []
    for css, x, y, name in TEXT.findall(svg):
        wide = 6.2 * len(name)
        left = float(x) - HELD[css] * wide
        boxes.append((left, float(y) - 9, left + wide, float(y) + 2))
        names.append(name)
    return np.array(boxes).reshape(-1, 4), names, np.array(POINT.findall(svg), float)


def clashes(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which boxes lie on which others, bool ``[n, m]``."""
    one, other = boxes[:, None], others[None]
    across = (one[..., 0] < other[..., 2]) & (one[..., 2] > other[..., 0])
    return across & (one[..., 1] < other[..., 3]) & (one[..., 3] > other[..., 1])


@pytest.mark.parametrize("spread", [0.05, 0.25, 1.0])
def test_the_names_of_59_llms_are_all_there_and_none_lies_on_another(spread: float) -> None:
    rng = np.random.default_rng(5)
    middles = rng.normal(size=(8, 2))
    places = np.array([middles[at % 8] + spread * rng.normal(size=2) for at in range(59)])
    names = [f"llm-of-family-{at % 8}-number-{at}" for at in range(59)]
    boxes, shown, points = drawn(point_map(places[:, 0], places[:, 1], names, "t"))
    assert len(points) == 59
    assert len(shown) >= 55
    assert not (clashes(boxes, boxes) & ~np.eye(len(boxes), dtype=bool)).any()
    assert not clashes(boxes, np.concatenate([points - 3, points + 3], axis=1)).any()


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=12))
def test_distances_keep_their_proportions_and_every_point_is_inside(places: list[tuple[float, float]]) -> None:
    x, y = np.array(places).T
    svg = point_map(x, y, [f"n{at}" for at in range(len(x))], "t")
    _, _, points = drawn(svg)
    wide, tall = map(float, re.findall(r'viewBox="0 0 (.*?) (.*?)"', svg)[0])
    assert (points >= 0).all() and (points <= [wide, tall]).all()
    real = np.hypot(x[:, None] - x, y[:, None] - y).ravel()
    seen = np.hypot(*(points[:, None] - points).transpose(2, 0, 1)).ravel()
    if real.max() > 0:
        np.testing.assert_allclose(seen, real * seen.max() / real.max(), atol=0.3)


def test_a_table_becomes_a_map_with_its_numbers_and_other_peoples_names_are_escaped() -> None:
    table = Table("m", "Map", ("LLM", "x", "y"), [(HOSTILE, 0.0, 1.0), ("b", 2.0, 0.5), ("c", None, 3)], "map")
    page = Page(as_html(table))
    assert len(page.has("svg", "wide")) == 1
    assert len(page.has("circle", "mark")) == 2
    assert not [tag for tag, _ in page.elements if tag in ("script", "img")]
    assert "svg" not in as_html(Table("m", "Map", ("LLM", "x", "y"), [("a", None, "no")], "map"))


def test_a_long_name_keeps_its_end() -> None:
    (name,) = drawn(point_map(np.zeros(1), np.zeros(1), ["family-with-a-long-name-2025-11-20-thinking"], "t"))[1]
    assert name.startswith("family-with") and name.endswith("thinking")
    assert "…" in name
