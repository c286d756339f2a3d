"""Rows to be answered: from the command line, a file of any container, or a pipe; read twice, with their lines."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from pyarrow import parquet

from runner.data.table_rows.asked import from_file, from_pipe, from_words
from runner.errors import DataError, NotFoundError, UsageError


def values(asked):
    asked.check()
    return [row.values for chunk in asked.chunks(1) for row in chunk]


@pytest.mark.parametrize(
    "text",
    [b"a,b\n1,x\n2,\n", b'{"a": "1", "b": "x"}\n{"a": "2", "b": ""}\n', b'[{"a": "1", "b": "x"}, {"a": "2", "b": ""}]'],
)
def test_a_pipe_is_read_by_how_it_begins(text):
    assert values(from_pipe(io.BytesIO(text))) == [{"a": "1", "b": "x"}, {"a": "2", "b": ""}]


def test_a_file_keeps_its_types_its_ids_and_its_lines(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"id": ["p", "q"], "a": [1, None]}), path)
    asked = from_file(path)
    asked.check()
    assert (asked.count, asked.has_ids) == (2, True)
    (rows,) = asked.chunks(10)
    assert [(row.id, row.line, row.values["a"]) for row in rows] == [("p", 1, 1), ("q", 2, None)]
    assert rows[0].key() != rows[1].key()


def test_words_are_objects():
    assert values(from_words(['{"a": 1}'])) == [{"a": 1}]
    with pytest.raises(UsageError, match="row 2 is '3', which is no JSON object"):
        from_words(['{"a": 1}', "3"])


def test_what_is_missing_empty_cut_or_changed_is_said(tmp_path):
    path = tmp_path / "rows.csv"
    with pytest.raises(NotFoundError):
        from_file(path)
    path.write_text("a,b\n1,2\n3\n")
    with pytest.raises(DataError) as bad:
        from_file(path).check()
    assert str(bad.value.where).endswith("rows.csv:3")
    path.write_text("a,b\n")
    with pytest.raises(DataError, match="no row"):
        from_file(path).check()
    path.write_text("a,b\n1,2\n")
    asked = from_file(path)
    asked.check()
    path.write_text("a,b\n1,3\n")
    with pytest.raises(DataError, match="was changed"):
        list(asked.chunks(5))
