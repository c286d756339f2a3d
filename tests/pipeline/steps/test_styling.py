"""``style``: once or twice is the same, for every part, and nothing else of a row changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import DataError
from runner.pipeline.steps.styling import styled
from tests.pipeline.steps.made import done, lines

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip())
ROWS = st.one_of(
    st.fixed_dictionaries({"user": TEXTS, "assistant": TEXTS}, optional={"system": st.one_of(st.just(""), TEXTS)}),
    st.fixed_dictionaries(
        {"messages": st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXTS}),
            min_size=1, max_size=4,
        )}
    ),
)  # fmt: skip


@given(row=ROWS, style=TEXTS, mode=st.sampled_from(["prepend", "replace"]))
def test_twice_is_once(row, style, mode):
    once = styled(row, style.strip(), mode)
    assert styled(once, style.strip(), mode) == once


@given(row=ROWS, style=TEXTS)
def test_everything_else_stays(row, style):
    made = styled(row | {"topic": "x"}, style.strip(), "prepend")
    assert made["topic"] == "x"
    assert {key: made[key] for key in row if key not in ("system", "messages")} == {
        key: row[key] for key in row if key not in ("system", "messages")
    }
    said = row.get("messages", [])[1:]
    assert made.get("messages", [])[len(made.get("messages", [])) - len(said) :] == said


def test_every_part_is_styled_and_quotes_and_dollars_are_letters(tmp_path):
    # The original's style was expanded by a shell, and rendering read the rows without it.
    style = "Say \"$HOME\" and 'x' `y`."
    parts = {name: lines(tmp_path / f"{name}.jsonl", [{"user": "q", "assistant": "a"}]) for name in ("train", "test")}
    report, made = done("style", parts, tmp_path / "out", style=style)
    assert made == {name: [{"user": "q", "assistant": "a", "system": style}] for name in parts}
    _, rendered = done(
        "render", {part: tmp_path / "out" / file for part, file in report.parts.items()}, tmp_path / "rendered"
    )
    assert all(style in row["input"] for rows in rendered.values() for row in rows)


def test_prepend_and_replace(tmp_path):
    raw = lines(tmp_path / "rows.jsonl", [{"system": "Old.", "user": "q", "assistant": "a"}])
    assert done("style", raw, tmp_path / "one", style=" New. ")[1]["data"][0]["system"] == "New.\n\nOld."
    assert done("style", raw, tmp_path / "two", style="New.", mode="replace")[1]["data"][0]["system"] == "New."


@pytest.mark.parametrize(
    ("row", "hint"),
    [({"input": "a", "target": "b"}, "before they are rendered"), ({"question": "q", "answer": "a"}, "data process")],
)
def test_rows_without_turns_are_refused(tmp_path, row, hint):
    with pytest.raises(DataError, match="no turns") as error:
        done("style", lines(tmp_path / "rows.jsonl", [row]), tmp_path / "out", style="New.")
    assert hint in error.value.hint and error.value.where == "rows.jsonl:1"


def test_a_blank_style_is_refused(tmp_path):
    with pytest.raises(DataError, match="blank"):
        done("style", lines(tmp_path / "rows.jsonl", [{"user": "q", "assistant": "a"}]), tmp_path / "out", style=" \n")
