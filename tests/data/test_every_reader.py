"""What the readers of asked rows have in common: each may be piped in to, and says what is missing where nothing is."""

from __future__ import annotations

import io
from importlib import import_module

import pytest

from runner import registry
from runner.cli import infer
from runner.errors import UsageError

READERS = sorted({registry.load(kind).Spec.data.asked_rows for kind in registry.kinds()})


@pytest.mark.parametrize("layout", READERS)
def test_nothing_in_the_pipe_is_told_as_a_usage_error(layout, monkeypatch):
    monkeypatch.setattr(infer, "standard_input", lambda: io.BytesIO(b""))
    with pytest.raises(UsageError) as caught:
        infer.asked_rows(layout, None, None)
    assert caught.value.message.startswith("no ")
    assert caught.value.where in ("--input", "--prompts")
    assert "FILE" in caught.value.hint or "FOLDER" in caught.value.hint


@pytest.mark.parametrize("layout", [each for each in READERS if hasattr(import_module(each), "_FILES")])
def test_a_format_that_there_is_not_is_refused_of_a_file_as_of_a_pipe(layout, tmp_path):
    reader = import_module(layout)
    (tmp_path / "a.jsonl").write_text("{}\n")
    for ask in (lambda: reader.from_file(tmp_path / "a.jsonl", "xml"), lambda: reader.from_pipe(io.BytesIO(), "xml")):
        with pytest.raises(UsageError, match="xml is no format"):
            ask()


def test_lines_of_text_are_read_where_that_is_said(tmp_path):
    reader = import_module("runner.data.labelled_texts.infer_rows")
    (tmp_path / "a.txt").write_text("one, two\n\n  three\n", "utf-8")
    for rows in (
        reader.from_file(tmp_path / "a.txt", text_columns=["text"]),
        reader.from_pipe(io.BytesIO(b"one, two\n\n  three\n"), "text"),
    ):
        rows.check()
        (chunk,) = rows.chunks(9)
        assert [(row.values, row.line) for row in chunk] == [({"text": "one, two"}, 1), ({"text": "  three"}, 3)]
    with pytest.raises(UsageError, match="reads 2 texts"):
        reader.from_pipe(io.BytesIO(b"one\n"), "text", text_columns=["a", "b"])
