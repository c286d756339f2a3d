"""The one reader of rows: any rows in any container come back, and what is wrong is told with its place."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.data.records import open_records
from runner.errors import DataError, NotFoundError

TEXT_NAMES = ["x.csv", "x.tsv", "x.jsonl", "x.json"]
NAMES = [*TEXT_NAMES, "x.parquet", "x.arrow", "stream.arrow"]
CELL = st.text(st.characters(codec="utf-8"), max_size=20)
TEXT = CELL.map(lambda cell: cell.replace("\0", ""))
ROWS = [{"a": "1", "b": "x"}, {"a": "2", "b": 'é,\n"q"'}, {"a": "3", "b": "\u2028 \u0085 \x1c"}]


def packed(rows: list[dict], name: str) -> bytes:
    """The rows as a file of this name holds them."""
    suffix = Path(name.removesuffix(".gz")).suffix.lower()
    if suffix in (".csv", ".tsv"):
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)
        data = file.getvalue().encode()
    elif suffix == ".jsonl":
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    elif suffix == ".json":
        data = json.dumps(rows, ensure_ascii=False, indent=1).encode()
    else:
        table, sink = pa.Table.from_pylist(rows), pa.BufferOutputStream()
        if suffix == ".parquet":
            pq.write_table(table, sink, row_group_size=2)
        else:
            make = pa.ipc.new_stream if "stream" in name else pa.ipc.new_file
            with make(sink, table.schema) as writer:
                writer.write_table(table)
        data = sink.getvalue().to_pybytes()
    return gzip.compress(data) if name.endswith(".gz") else data


def put(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed(rows, path.name))
    return path


def read(path: Path | str, size: int = 2, **options) -> list[dict]:
    batches = list(open_records(path, **options).batches(size))
    assert all(len(batch.rows) == len(batch.numbers) <= size for batch in batches)
    return [row for batch in batches for row in batch.rows]


def fault(path: Path | str, **options) -> DataError:
    with pytest.raises(DataError) as caught:
        read(path, **options)
    return caught.value


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("name", NAMES)
def test_the_same_rows_from_every_container(tmp_path, name, gz):
    path = put(tmp_path / (name + gz), ROWS)
    assert read(path) == ROWS
    assert read(path, size=1) == ROWS
    records = open_records(path)
    assert records.container == Path(name).suffix[1:] and records.files == [path]
    assert records.columns == (None if "json" in name else ["a", "b"])
    (batch,) = records.batches(10, columns=["b", "no"])
    assert batch.rows == [{"b": row["b"]} for row in ROWS]
    assert (batch.arrow is None) == (records.unit == "line")


@pytest.mark.parametrize("name", [*NAMES, "x.csv.gz", "x.jsonl.gz", "x.parquet.gz"])
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries({"one": TEXT, "two": TEXT}), min_size=1, max_size=5))
def test_any_text_comes_back(tmp_path_factory, name, rows):
    assert read(put(tmp_path_factory.mktemp("any") / name, rows)) == rows


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | CELL,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CELL, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.dictionaries(CELL, VALUE, max_size=3), min_size=1, max_size=5))
def test_any_json_comes_back(tmp_path_factory, name, rows):
    assert read(put(tmp_path_factory.mktemp("any") / name, rows)) == rows


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_a_mark_in_front_is_no_part_of_a_name(tmp_path, name):
    path = put(tmp_path / name, ROWS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(path) == ROWS


def test_a_row_is_told_by_the_line_it_begins_on(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('a,b\n1,"two\nlines"\n\n2\n3,x\n')
    (batch,) = open_records(path).batches()
    assert (batch.numbers, batch.bad) == ([2, 6], [(5, "another number of fields than the header")])
    path = tmp_path / "x.json"
    path.write_text('[\n {"a": 1},\n\n {"a":\n 2}, {"a": 3}]')
    (batch,) = open_records(path).batches()
    assert batch.numbers == [2, 4, 5]
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": "\\ud83d"}\n\n{"a": "\\ud83d\\ude00"}')
    (batch,) = open_records(path).batches()
    assert (batch.numbers, batch.bad) == ([3], [(1, "text that is not valid Unicode")])


def test_parquet_rows_have_numbers(tmp_path):
    batches = list(open_records(put(tmp_path / "x.parquet", ROWS)).batches(2))
    assert [batch.numbers for batch in batches] == [[1, 2], [3]]


@pytest.mark.parametrize("name", NAMES)
def test_shards_of_a_folder_and_of_a_pattern(tmp_path, name):
    suffix = Path(name).suffix
    for at, row in enumerate(ROWS):
        put(tmp_path / "d" / "deep" / f"{at}{suffix}", [row])
    put(tmp_path / "d" / ".hidden" / f"x{suffix}", ROWS)
    (tmp_path / "d" / "_SUCCESS").touch()
    (tmp_path / "d" / "README.md").write_text("what it is")
    assert read(tmp_path / "d") == ROWS
    assert read(f"{tmp_path}/d/*/[01]{suffix}") == ROWS[:2]
    assert [batch.file.name for batch in open_records(tmp_path / "d").batches()] == [f"{at}{suffix}" for at in range(3)]


def test_a_file_that_is_called_like_a_pattern(tmp_path):
    assert read(put(tmp_path / "x[1].csv", ROWS)) == ROWS


def test_shards_that_do_not_belong_together(tmp_path):
    put(tmp_path / "a.csv", ROWS)
    put(tmp_path / "b.csv", [{"a": "1", "c": "2"}])
    error = fault(tmp_path)
    assert "'b', 'c'" in error.message and error.where == str(tmp_path / "b.csv")
    put(tmp_path / "b.jsonl", ROWS)
    assert "different kinds: csv, jsonl" in fault(tmp_path).message


@pytest.mark.parametrize("name", TEXT_NAMES)
def test_a_byte_that_is_not_utf_8_is_told_with_its_line(tmp_path, name):
    path = put(tmp_path / name, [{"a": f"row {at}", "b": "\r\n" if "csv" in name else "-"} for at in range(5000)])
    data = path.read_bytes()
    at = data.index(b"row 4000")
    path.write_bytes(data[:at] + b"\xe9" + data[at:])
    error = fault(path)
    before = data[:at]
    assert error.where == f"{path}:{before.count(10) + 1}"
    assert error.message == f"not UTF-8 text: byte 0xe9 at position {at - before.rfind(10)}"


def test_lines_that_end_in_a_carriage_return_alone(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\r1,2\r3,4\r")
    (batch,) = open_records(path).batches()
    assert (batch.rows, batch.numbers) == ([{"a": "1", "b": "2"}, {"a": "3", "b": "4"}], [2, 3])
    path.write_bytes(b"a,b\r1,2\r3,\xff4\r")
    error = fault(path)
    assert (error.where, error.message) == (f"{path}:3", "not UTF-8 text: byte 0xff at position 3")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "cp1252"])
@pytest.mark.parametrize("name", TEXT_NAMES)
def test_an_encoding_that_is_declared(tmp_path, name, encoding):
    rows = [{"a": "é", "b": "ü"}] * 3
    path = put(tmp_path / name, rows)
    path.write_bytes(path.read_bytes().decode().encode(encoding))
    assert read(path, encoding=encoding) == rows
    assert "not UTF-8" in fault(path).message


def test_an_encoding_that_it_is_not(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,\xe9\n")
    error = fault(path, encoding="ascii")
    assert error.message == "not ascii text: byte 0xe9, the file's 7th" and error.where == f"{path}:2"


def test_a_delimiter_that_is_declared(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a;b\n1;2\n")
    assert read(path, delimiter=";") == [{"a": "1", "b": "2"}]
    assert "commas" in fault(path).hint


@pytest.mark.parametrize("name", ["b.CSV", "b.JSONL", "B.Csv.GZ", "gzip in truth.csv"])
def test_the_case_of_a_suffix_and_gzip_by_its_bytes(tmp_path, name):
    path = tmp_path / name
    data = packed(ROWS, name.lower().removesuffix(".gz"))
    path.write_bytes(gzip.compress(data) if "g" in name.lower() else data)
    assert read(path) == ROWS


@pytest.mark.parametrize(
    ("name", "data", "message", "hint"),
    [
        ("x.csv", "a,b\n1,2\n".encode("utf-16"), "UTF-16", "iconv"),
        ("x.csv", b"PK\x03\x04rest", "ZIP", "unzip"),
        ("x.csv", b"PAR1rest", "a Parquet file", ".parquet"),
        ("x.zip", b"PK\x03\x04", ".zip files are not read", "unzip"),
        ("x.csv.zst", b"....", ".zst files are not read", "unzstd"),
        ("x.xlsx", b"PK\x03\x04", "a spreadsheet", "CSV UTF-8"),
        ("x.txt", b"words", "no name of one", ".jsonl"),
        ("x", b"words", "no name of one", ".jsonl"),
        ("x.csv.gz", b"a,b\n", "no gzip file", ".gz"),
        ("x.csv", b"a,b,a\n1,2,3\n", "'a' twice", ""),
        ("x.csv", b"\n", "there is no header", "names the columns"),
        ("x.csv", b"", "the file is empty", ""),
        ("x.json", b'[{"a": 1} {"a": 2}]', "expected a comma or the end of the array at column 11", "array"),
        ("x.json", b'[{"a": 1}, 2]', "expected a JSON object in the array at column 12", "array"),
        ("x.json", b'[{"a": 1}', "expected a comma or the end", "array"),
        ("x.json", b'[{"a": 1}] []', "there is more after the array's end", "array"),
        ("x.json", b'[{"a": tru}]', "not JSON: expecting value at column 8", "array"),
        ("x.json", b'[{"a": "never closed}]', "not JSON: unterminated string", "array"),
        ("x.jsonl", b'[{"a": 1}]', "expected a JSON object on each line", ".json"),
    ],
)  # fmt: skip
def test_what_is_no_data_is_told_with_what_to_do(tmp_path, name, data, message, hint):
    path = tmp_path / name
    path.write_bytes(data)
    error = fault(path)
    assert message in error.message and hint in (error.hint or "") and str(path) in error.where


@pytest.mark.parametrize("name", [f"{name}.gz" for name in NAMES])
def test_a_gzip_file_that_was_cut_off(tmp_path, name):
    path = put(tmp_path / name, [{"a": str(at * 7919), "b": "x"} for at in range(500)])
    path.write_bytes(path.read_bytes()[:-40])
    error = fault(path)
    assert "damaged or cut off" in error.message and error.where == str(path)


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow", "stream.arrow"])
def test_a_binary_file_that_was_cut_off(tmp_path, name):
    path = put(tmp_path / name, ROWS)
    path.write_bytes(path.read_bytes()[: -path.stat().st_size // 2])
    assert "not a whole" in fault(path).message


@pytest.mark.parametrize("name", ["x.jsonl", "x.json"])
def test_a_row_with_a_key_twice_is_told_and_its_last_value_is_not_taken(tmp_path, name):
    rows = ['{"a": 1, "b": 2}', '{"a": 1, "b": 2, "a": 3}', '{"a": 1, "b": [{"c": 1, "c": 1}]}', '{"a": "\\"a\\": 1"}']
    text = "\n".join(rows) if name == "x.jsonl" else "[" + ",\n".join(rows) + "]"
    (tmp_path / name).write_text(text)
    (batch,) = open_records(tmp_path / name).batches()
    assert batch.bad == [(2, "the key 'a' twice"), (3, "the key 'c' twice")]
    assert batch.rows == [{"a": 1, "b": 2}, {"a": '"a": 1'}] and batch.numbers == [1, 4]


def test_a_row_with_a_nul_is_told(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('a,b\n1,2\n"three\nfour\0",5\n6,7\n')
    (batch,) = open_records(path).batches()
    assert batch.bad == [(3, "a NUL character")] and [row["a"] for row in batch.rows] == ["1", "6"]
    path.write_bytes("a,b\n1,2\n".encode("utf-16-le"))
    with pytest.raises(DataError, match="the header has NUL characters") as caught:
        open_records(path)
    assert "utf-16" in caught.value.hint


def test_a_column_that_is_there_twice(tmp_path):
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), tmp_path / "x.parquet")
    assert "'a' is there twice" in fault(tmp_path / "x.parquet").message


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("https://example.com/b.csv?x=1", "curl"),
        ("s3://bucket/b.parquet", "aws s3 cp"),
        ("gs://bucket/b.parquet", "gcloud"),
        ("file:///data/b.csv", "by its path: /data/b.csv"),
        ("https:/example.com/b.csv", "curl"),
    ],
)
def test_a_url_is_no_file(path, hint):
    error = fault(path)
    assert "is a URL" in error.message and hint in error.hint and error.where == f"/data/dataset: {path}"


def test_what_is_not_there(tmp_path):
    (tmp_path / "other.csv").touch()
    for path, message in (("x.csv", "no such data file"), ("*.jsonl", "no file matches")):
        with pytest.raises(NotFoundError, match=message):
            open_records(tmp_path / path)
    with pytest.raises(NotFoundError, match="no such user"):
        open_records("~nobody_is_called_so/x.csv")
    (tmp_path / "d").mkdir()
    assert "no data file" in fault(tmp_path / "d").message


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.json", "x.jsonl.gz"])
def test_memory_does_not_grow_with_the_file(tmp_path, name):
    def peak(count: int) -> int:
        path = put(tmp_path / name, [{"a": "x" * 500, "b": str(at)} for at in range(count)])
        tracemalloc.start()
        rows = sum(len(batch.rows) for batch in open_records(path).batches(100))
        _, top = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert rows == count
        return top

    # Both are larger than the windows of a megabyte that text is read through.
    assert peak(24_000) < 1.3 * peak(8_000)


def test_every_broken_line_of_json_is_told_up_to_ten(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n{"a": \n{"a": 3}\n[4]\n{"a": 5}\n"six"\n')
    error = fault(path)
    assert error.where == f"{path}:2"
    assert error.message == (
        "not JSON: expecting value at column 7; and 2 rows more cannot be used: "
        "line 4, line 6: expected a JSON object on each line"
    )
    path.write_text("{\n" * 1000)
    error = fault(path)
    assert "at least 9 rows more" in error.message and "line 10: " in error.message and "line 11" not in error.message
    assert len(error.message) < 1000
