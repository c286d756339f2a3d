"""One table, three ways: on a terminal, in Markdown and on a page."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.contract import Table
from runner.pages.harmless_text import columns_taken
from runner.pages.table_columns import columns
from runner.pages.table_markdown import as_markdown
from runner.pages.table_page import as_html
from runner.pages.table_text import as_text
from tests.pages.page_reader import HOSTILE, Page

BY_CLASS = Table(
    "by_class",
    "By class",
    ("class", "F1", "low", "high", "support"),
    [["billing", 0.91, 0.86, 0.95, 1426], ["other", None, None, None, 0]],
    "bars",
    "Higher is better.",
    {"F1": 3, "low": 3},
)


def test_a_terminal_gets_aligned_columns() -> None:
    assert as_text(BY_CLASS).splitlines() == [
        "By class",
        "Higher is better.",
        "",
        "class       F1   95 % interval  support",
        "-------  -----  --------------  -------",
        "billing  0.910  0.860 to 0.950    1,426",
        "other        -                        0",
    ]


def test_columns_that_do_not_fit_go_below_with_the_first_again() -> None:
    assert as_text(BY_CLASS, width=30).splitlines()[3:] == [
        "class       F1   95 % interval",
        "-------  -----  --------------",
        "billing  0.910  0.860 to 0.950",
        "other        -",
        "",
        "class    support",
        "-------  -------",
        "billing    1,426",
        "other          0",
    ]


@pytest.mark.parametrize("width", [40, 60, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    rows = [["日本語" * 30, "x" * 15, 0.5] + [1] * 20, ["é" * 3, "y", 1e9] + [2] * 20]
    table = Table("wide", "Wide", ("name", "kind", "value", *(f"column {at}" for at in range(20))), rows)
    lines = as_text(table, width).splitlines()
    assert max(map(columns_taken, lines)) <= width
    assert len({columns_taken(line) for line in lines if set(line) == {"-", " "}}) >= 1


def test_colour_is_asked_for() -> None:
    assert "\x1b" not in as_text(BY_CLASS)
    assert re.sub(r"\x1b\[\dm", "", as_text(BY_CLASS, colour=True)) == as_text(BY_CLASS)


def test_markdown_has_numbers_on_the_right() -> None:
    assert as_markdown(BY_CLASS) == (
        "## By class\n\nHigher is better.\n\n"
        "| class | F1 | 95 % interval | support |\n"
        "|---|---:|---:|---:|\n"
        "| billing | 0.910 | 0.860 to 0.950 | 1,426 |\n"
        "| other | - |  | 0 |\n"
    )


def test_a_cell_ends_no_column_of_markdown_and_begins_no_tag() -> None:
    row = as_markdown(Table("t", "t", ("a", "b"), [["x|y\n<b>", "\\"]])).splitlines()[-1]
    assert row == "| x\\|y &lt;b> | \\\\ |"


def test_an_interval_is_called_by_what_stands_before_its_ends() -> None:
    names = ("a", "middle half low", "middle half high", "f1_low", "f1_high", "low", "high", "from", "to")
    table = Table("t", "t", names, [[1, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]])
    headings = [column.heading for column in columns(table)]
    assert headings == ["a", "middle half", "f1, 95 % interval", "95 % interval"]


def test_bars_stand_in_their_rows() -> None:
    html = as_html(BY_CLASS, own=0)
    page = Page(html)
    assert html.count('class="interval"') == 2
    assert html.count('class="span one"') + html.count('class="span two"') == 1
    assert [attrs for tag, attrs in page.elements if tag == "tr" and attrs.get("class") == "own"]
    plain = as_html(Table("t", "t", ("feature", "gain"), [["a", 2.0], ["b", 1.0], ["c", -1.0]], "bars"))
    wide = [float(value) for value in re.findall(r'class="bar full" x=".*?" y="3" width="(.*?)%"', plain)]
    assert wide[0] == pytest.approx(2 * wide[1], rel=0.01)
    assert wide[1] == pytest.approx(wide[2], rel=0.01)


def test_a_matrix_of_counts_is_coloured_by_its_rows() -> None:
    html = as_html(Table("t", "t", ("true", "a", "b"), [["a", 9, 1], ["b", 100, 300]], "matrix"))
    assert re.findall(r"--much: (\d+)%", html) == ["50", "6", "14", "41"]
    assert "b, a: 100 of 400 in the row" in html


def test_counts_stay_whole_where_a_cell_of_their_matrix_is_not_known() -> None:
    html = as_html(Table("t", "t", ("true", "a", "b"), [["a", 9, 1], ["none", 58, None]], "matrix"))
    assert "58.00" not in html and ">58<" in html and "58 of 58 in the row" in html


def test_a_matrix_of_other_numbers_is_coloured_by_their_size() -> None:
    html = as_html(Table("t", "t", ("", "a", "b"), [["a", 1.0, -0.5], ["b", None, 1.0]], "matrix"))
    assert re.findall(r'class="cell (\w+)"', html) == ["won", "lost", "none", "won"]


def test_a_calibration_without_edges_has_a_point_a_bin() -> None:
    rows = [[0.1, 0.2, 10], [0.5, 0.4, 20], [0.9, 0.8, 0], [0.95, None, 5]]
    html = as_html(Table("t", "t", ("predicted", "observed", "count"), rows, "calibration"))
    assert html.count('class="point"') == 2


def test_lines_have_a_key_and_a_colour_each() -> None:
    rows = [[x / 10, x / 10, (x / 10) ** 2] for x in range(11)]
    html = as_html(Table("roc", "ROC", ("false positives", "billing", "<other>"), rows, "line"))
    assert html.count("<polyline") == 2
    assert [attrs["class"] for attrs in Page(html).has("span", "key")] == ["key one", "key two"]
    assert "false positives 0.5000: billing 0.5000 &lt;other&gt; 0.2500" in html


def test_a_histogram_has_a_bar_a_row_as_high_as_its_count() -> None:
    html = as_html(Table("t", "t", ("edge", "rows"), [[0.0, 1], [1.0, 4], [2.0, 2]], "histogram"))
    high = [float(value) for value in re.findall(r'class="bar full".*?height="(.*?)"', html)]
    assert high[1] == pytest.approx(4 * high[0], rel=0.02)
    assert high[2] == pytest.approx(2 * high[0], rel=0.02)


def test_a_histogram_says_what_is_across_and_what_is_up() -> None:
    html = as_html(Table("t", "t", ("residual", "rows"), [[0.0, 1], [1.0, 4]], "histogram"))
    assert ">residual across, rows up</text>" in html


def test_short_cells_stay_whole_and_a_column_without_text_is_left_out() -> None:
    rows = [[1, "random_forest", "n_estimators 200, " * 4, ""], [2, "linear", "", ""]]
    html = as_html(Table("t", "t", ("trial", "model", "parameters", "reason"), rows))
    assert [attrs.get("class") for tag, attrs in Page(html).elements if tag == "th"] == ["n", "short", "who long"]
    assert "reason" not in html


def test_many_points_stay_a_small_picture() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(0, 1, (20_000, 2)).tolist()
    html = as_html(Table("t", "t", ("predicted", "true"), rows, "scatter"))
    assert html.count("<circle") <= 1600
    assert "The first 1,000 of 20,000 rows" in html


def test_hostile_cells_are_text() -> None:
    rows = [[HOSTILE, 0.5, 0.4, 0.6], [HOSTILE, 0.7, 0.6, 0.8]]
    for plot in ("bars", "matrix", "line", None):
        table = Table(HOSTILE, HOSTILE, (HOSTILE, "score", "low", "high"), rows, plot, HOSTILE)
        html = as_html(table)
        assert not {"script", "img"} & {tag for tag, _ in Page(html).elements}
        assert "\x1b" not in html + as_text(table) + as_markdown(table)


def test_a_line_over_whole_numbers_beyond_64_bits_has_ticks() -> None:
    rows = [[0, 1.0], [125_125_125_125_125_169_152 * 4, 2.0]]
    html = as_html(Table("t", "t", ("#", "value"), rows, "line"))
    assert re.findall(r'<text class="tick(?: mid)?" [^>]*>(.*?)<', html) == ["0", "2e+20", "4e+20"]


CELL = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
PLOTS = ["line", "bars", "matrix", "calibration", "scatter", "histogram", None, "?"]
NAMES = ["#", "predicted", "observed", "count", "low", "high", "from", "to", "x", "é|<"]


@given(data=st.data(), plot=st.sampled_from(PLOTS), names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=6))
def test_no_table_breaks_a_rendering(data: st.DataObject, plot: Any, names: list[str]) -> None:
    row = st.lists(CELL, min_size=len(names), max_size=len(names))
    table = Table("t", "t", names, data.draw(st.lists(row, max_size=4)), plot)
    html = as_html(table)
    Page(html)
    for drawn in re.findall(r"<svg.*?</svg>", html):
        ElementTree.fromstring(drawn)
        assert "nan" not in re.sub(r"<title>.*?</title>|<text.*?</text>", "", drawn).lower()
    assert "\x1b" not in as_text(table, 40)
    assert as_markdown(table).startswith("## t")
